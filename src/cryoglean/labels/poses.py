"""What a refinement says of each particle: where it lies and how it is turned.

RELION keeps the angles rot, tilt and psi, and an origin by which a particle's image must be moved to lie on
the reference: the particle's centre is its coordinate minus the origin. Origins are in pixels of the particle
images up to RELION 3.0 and in Å from 3.1 on. cryoSPARC keeps a rotation vector, whose matrix is the inverse
of RELION's, and shifts of the same sense in pixels of ``alignments3D/psize_A`` (both read off pyem's
csparc2star, https://github.com/asarnow/pyem).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from cryoglean.errors import CoordinateError
from cryoglean.io.formats import relion
from cryoglean.io.formats.dialects import read_picks
from cryoglean.io.formats.frames import onto
from cryoglean.io.formats.pixel_size import image_pixel_sizes, states_movie_pixel_size
from cryoglean.simulate.projection import rotation_matrix
from cryoglean.types import Picks

_ANGLES = ("rlnAngleRot", "rlnAngleTilt", relion.PSI)
_ORIGIN, _ORIGIN_PX = ("rlnOriginXAngst", "rlnOriginYAngst"), ("rlnOriginX", "rlnOriginY")
_POSE, _SHIFT, _SHIFT_PIXEL = "alignments3D/pose", "alignments3D/shift", "alignments3D/psize_A"
_IMAGE, _IMAGE_PIXEL, _IMAGE_SIZE = "rlnImageName", "rlnImagePixelSize", "rlnImageSize"
_BLOB_PIXEL, _BLOB_SHAPE = "blob/psize_A", "blob/shape"


@dataclass(frozen=True)
class ImageSize:
    """Size of a refinement's particle images: Å per pixel, and pixels along a side where that is known."""

    pixel_size: float
    box: int | None = None


@dataclass(frozen=True, eq=False)
class RefinedParticles:
    """The particles of one micrograph as a refinement left them.

    Parameters
    ----------
    name : str
        The micrograph's name, without folder and extension.
    xy : array, shape (n, 2)
        Coordinates at which the particles were extracted, pixels of the micrograph.
    shift : array, shape (n, 2)
        What to add to a coordinate to reach the particle's centre, Å, as x, y.
    rotation : array, shape (n, 3, 3)
        See `simulate.projection.rotation_matrix`.
    pixel_size : float, optional
        Å per pixel of the micrograph by the particle file; None where it does not say.
    images : ImageSize, optional
        The particle images, as the map refined from them; None where the file does not say.
    micrograph : str
        The micrograph's path as the file has it; `name` if it is not given.
    before_binning : bool
        Whether the pixel size is that of the movie, which may have been binned.
    shape : tuple of int
        (ny, nx) of the micrograph whose pixels the coordinates are in; (0, 0) where the file does not say.
    """

    name: str
    xy: NDArray[np.float64]
    shift: NDArray[np.float64]
    rotation: NDArray[np.float64]
    pixel_size: float | None = None
    images: ImageSize | None = None
    micrograph: str = ""
    before_binning: bool = False
    shape: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "micrograph", self.micrograph or self.name)

    def __len__(self) -> int:
        return len(self.xy)

    def onto(self, shape: tuple[int, int]) -> RefinedParticles:
        """Return the particles in the pixels of the micrograph at hand; see `frames.onto`."""
        own = Picks(self.xy, name=self.micrograph, shape=self.shape, pixel_size=self.pixel_size)
        moved = onto(own, shape)
        return replace(self, xy=moved.xy, shape=shape, pixel_size=moved.pixel_size)

    def centres(self, pixel_size: float) -> NDArray[np.float64]:
        """Centres of the particles, (n, 2), in pixels of `pixel_size` Å of the micrograph."""
        return self.xy + self.shift / pixel_size


def read_refined(path: Path) -> list[RefinedParticles]:
    """Read the particles of a finished refinement.

    Parameters
    ----------
    path : Path
        RELION's ``run_data.star`` or another STAR file of particles (3.0 to 5), or a cryoSPARC ``.cs`` file,
        joined with the passthrough file beside it where the coordinates stand there.

    Returns
    -------
    list of RefinedParticles
        One for each micrograph, in the order of the file.

    Raises
    ------
    CoordinateError
        The file cannot be read, has no particles, or no angles of a 3D refinement.
    """
    picks = read_picks(path, fractions=True)
    if not sum(map(len, picks)):
        raise CoordinateError(path, "holds no particles")
    read = _from_cryosparc if path.suffix.lower() == ".cs" else _from_relion
    refined = [read(part, path) for part in picks]
    _require_three_dimensions(refined, path)
    return refined


def _from_relion(picks: Picks, path: Path) -> RefinedParticles:
    columns = picks.extra
    euler = np.column_stack([_numbers(columns, label, path) for label in _ANGLES])
    image_pixel = _image_pixel_size(picks)
    if _ORIGIN[0] in columns:
        origin = np.column_stack([_numbers(columns, label, path) for label in _ORIGIN])
    elif _ORIGIN_PX[0] in columns:
        if image_pixel is None:
            cause = f"has _{_ORIGIN_PX[0]} in pixels of the particle images, but not their size in Å"
            raise CoordinateError(
                path, cause, "add _rlnImagePixelSize, or _rlnDetectorPixelSize and _rlnMagnification"
            )
        origin = np.column_stack([_numbers(columns, label, path) for label in _ORIGIN_PX]) * image_pixel
    else:
        origin = np.zeros((len(picks), 2))
    return RefinedParticles(
        picks.name,
        picks.xy,
        -origin,
        rotation_matrix(euler),
        picks.pixel_size,
        _image_size(picks, image_pixel),
        picks.micrograph,
        before_binning=states_movie_pixel_size(picks),
    )


def _image_pixel_size(picks: Picks) -> float | None:
    """Å per pixel of the particle images; RELION 3.0 gives it as magnification and detector pixel alone."""
    if _IMAGE_PIXEL in picks.extra and len(picks):
        return float(picks.extra[_IMAGE_PIXEL][0])
    size = image_pixel_sizes(picks.extra, len(picks), Path(picks.micrograph))
    return float(size[0]) if len(size) and size[0] > 0 else None


def _image_size(picks: Picks, pixel_size: float | None) -> ImageSize | None:
    """Size of the images; a file that names none may state a pixel size all the same, which means nothing."""
    if pixel_size is None or _IMAGE not in picks.extra:
        return None
    box = int(picks.extra[_IMAGE_SIZE][0]) if _IMAGE_SIZE in picks.extra else None
    return ImageSize(pixel_size, box)


def _blob_size(fields: Mapping[str, NDArray[Any]]) -> ImageSize | None:
    if _BLOB_PIXEL not in fields:
        return None
    box = int(fields[_BLOB_SHAPE][0, 0]) if _BLOB_SHAPE in fields else None
    return ImageSize(float(fields[_BLOB_PIXEL][0]), box)


def _from_cryosparc(picks: Picks, path: Path) -> RefinedParticles:
    fields = picks.extra
    pose = _numbers(fields, _POSE, path, width=3)
    shift = _numbers(fields, _SHIFT, path, width=2) * _numbers(fields, _SHIFT_PIXEL, path)[:, None]
    return RefinedParticles(
        picks.name,
        picks.xy,
        -shift,
        Rotation.from_rotvec(pose).as_matrix().swapaxes(-1, -2),
        picks.pixel_size,
        _blob_size(fields) if len(picks) else None,
        picks.micrograph,
        shape=picks.shape,
    )


def _numbers(
    columns: Mapping[str, NDArray[Any]], label: str, path: Path, *, width: int | None = None
) -> NDArray[np.float64]:
    """Return a column of finite numbers, of `width` to a row."""
    row = () if width is None else (width,)
    values = columns.get(label)
    if values is None:
        raise CoordinateError(
            path, f"has no {label}: a refined reconstruction's particles are wanted, with angles and shifts",
            "give run_data.star of a 3D refinement, or the particles of a cryoSPARC refinement",
        )  # fmt: skip
    if values.dtype.kind not in "iuf" or values.shape[1:] != row or not np.isfinite(values).all():
        raise CoordinateError(path, f"{label} has values that are no numbers")
    return values.astype(np.float64)


def _require_three_dimensions(refined: list[RefinedParticles], path: Path) -> None:
    direction = np.concatenate([part.rotation[:, 2] for part in refined])
    if len(direction) > 1 and np.allclose(direction, [0, 0, 1]):
        cause = "all particles are seen from one side (rot and tilt are 0), as after a 2D classification"
        raise CoordinateError(path, cause, "give the particles of a 3D refinement")
