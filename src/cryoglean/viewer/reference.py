"""Reference picks beside those of the run: the truth, or picks of another program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import UsageError
from cryoglean.io.formats import read_picks
from cryoglean.io.formats.naming import match_names


@dataclass(frozen=True, eq=False)
class ReferencePicks:
    """Centres of picks by the name of the micrograph in the run.

    Parameters
    ----------
    name : str
        Where they come from.
    places : mapping of str to ndarray of float32, shape (n, 2)
        Pixels of the micrograph. Micrographs without reference picks are missing.
    """

    name: str
    places: Mapping[str, NDArray[np.float32]]

    @property
    def picks(self) -> int:
        """How many they are."""
        return sum(map(len, self.places.values()))


def read_reference(paths: Sequence[Path], micrographs: Sequence[str]) -> ReferencePicks:
    """Read reference picks.

    Parameters
    ----------
    paths : sequence of Path
        Files or folders of any known format; a run too.
    micrographs : sequence of str
        Names of the run's micrographs.

    Raises
    ------
    CoordinateError
        A file cannot be read.
    UsageError
        None of the picks belong to a micrograph of the run.
    """
    every = [picks for path in paths for picks in read_picks(path)]
    pairs = match_names([picks.name for picks in every], micrographs).pairs
    joined: dict[str, list[NDArray[np.float32]]] = {}
    for picks in every:
        if picks.name in pairs:
            joined.setdefault(pairs[picks.name], []).append(picks.xy.astype(np.float32))
    if not joined:
        about = f"they name {every[0].name!r} and others like it" if every else "the files hold no picks"
        raise UsageError(f"--reference: none of these picks belong to a micrograph of the run; {about}")
    return ReferencePicks(
        ", ".join(path.name for path in paths),
        {name: np.concatenate(parts) for name, parts in joined.items()},
    )
