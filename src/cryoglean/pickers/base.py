"""What every picker offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from cryoglean.pickers.size.by_discs import Scale
from cryoglean.types import FloatImage, Micrograph, Picks


@runtime_checkable
class Picker(Protocol):
    """Finds the particles of one micrograph.

    A picker is configured when it is made and holds no state that changes, so one may serve many
    micrographs and threads. It scores; what is kept is decided by `cryoglean.select` alone, so that a user
    can choose another threshold without a second search.
    """

    @property
    def recommended_score(self) -> float:
        """Score from which a candidate is worth keeping, where the user names no other."""
        ...

    def measure(self, micrographs: Sequence[Micrograph]) -> Scale | None:
        """Diameter and contrast of particles that some micrographs share, each found where not configured.

        None where no diameter is configured and nothing stands out.
        """
        ...

    def find(self, micrograph: Micrograph) -> Picks:
        """Find every candidate, scored in [0, 1] and not thresholded; empty picks where there is none."""
        ...

    def stages(self, micrograph: Micrograph) -> Mapping[str, FloatImage]:
        """Intermediate images of the search by name, in order, at the picker's working scale."""
        ...
