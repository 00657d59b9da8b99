"""What every picker offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from cryoglean.errors import MicrographError
from cryoglean.image.defects import sound_part
from cryoglean.pickers.size.measure import SizeVerdict
from cryoglean.types import Contrast, FloatImage, GivenDiameter, Micrograph, ParticleSize, Picks

MIN_PX = 4.0
"""Nothing can be known of a particle of fewer pixels, and enlarging the micrograph would take all memory."""


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

    def measure_size(
        self,
        micrographs: Sequence[Micrograph],
        *,
        diameter: GivenDiameter | None = None,
        contrast: Contrast | None = None,
    ) -> SizeVerdict:
        """Measure the size of particles that some micrographs share, as far as it is not given."""
        ...

    def find(self, micrograph: Micrograph, size: ParticleSize) -> Picks:
        """Find every candidate of a micrograph, scored and not thresholded.

        Parameters
        ----------
        micrograph : Micrograph
            The micrograph.
        size : ParticleSize
            Of its particles.

        Returns
        -------
        Picks
            Scored in [0, 1], the best first; none at all where there is nothing.

        Raises
        ------
        MicrographError
            Particles of this size do not fit into the micrograph.
        """
        ...

    def stages(self, micrograph: Micrograph, size: ParticleSize) -> Mapping[str, FloatImage]:
        """Intermediate images of the search that `find` makes.

        Parameters
        ----------
        micrograph : Micrograph
            The micrograph.
        size : ParticleSize
            Of its particles.

        Returns
        -------
        mapping of str to ndarray of float32
            By name, in order, at the picker's working scale.

        Raises
        ------
        MicrographError
            Particles of this size do not fit into the micrograph.
        """
        ...


def find_alone(
    picker: Picker,
    micrograph: Micrograph,
    *,
    diameter: GivenDiameter | None = None,
    contrast: Contrast | None = None,
) -> Picks:
    """Find the candidates of a micrograph that stands alone, whose particles are measured in itself.

    Margins without an image hold no candidates and count nowhere, nor do hot pixels.

    Parameters
    ----------
    picker : Picker
        Measures and finds.
    micrograph : Micrograph
        The micrograph.
    diameter : float or tuple of float, optional
        Where it is given, Å: itself, or the smallest and the largest that it can be.
    contrast : {'dark', 'bright'}, optional
        Where it is given.

    Returns
    -------
    Picks
        None at all where nothing stands out from the noise and no diameter is given.

    Raises
    ------
    MicrographError
        Particles of the given diameter do not fit into the micrograph.
    """
    part = sound_part(micrograph)
    size = size_alone(picker, part.micrograph, diameter=diameter, contrast=contrast)
    return Picks.empty(micrograph) if size is None else part.placed(picker.find(part.micrograph, size))


def size_alone(
    picker: Picker,
    micrograph: Micrograph,
    *,
    diameter: GivenDiameter | None = None,
    contrast: Contrast | None = None,
) -> ParticleSize | None:
    """Return the size of the particles of a micrograph that stands alone; see `find_alone`.

    None where nothing stands out from the noise and no diameter is given. Particles of a given diameter
    whose contrast cannot be measured are taken for dark.
    """
    if isinstance(diameter, float | int):
        require_fitting(micrograph, diameter)
    return picker.measure_size([micrograph], diameter=diameter, contrast=contrast).or_assumed(diameter)


def require_fitting(micrograph: Micrograph, diameter: float) -> None:
    """Refuse a diameter, Å, that no particle of this micrograph can have.

    Raises
    ------
    MicrographError
        It is larger than the micrograph, or only a few pixels.
    """
    diameter_px = diameter / micrograph.pixel_size
    if not MIN_PX <= diameter_px <= min(micrograph.shape):
        ny, nx = micrograph.shape
        raise MicrographError(
            micrograph.path or micrograph.name,
            f"particles of {diameter:g} Å are {diameter_px:.4g} pixels wide, the micrograph {nx} × {ny}",
            "check --diameter and --angpix",
        )
