"""Training tiles at the scale on which the network works, from projections that are made once a structure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import DatasetError
from cryoglean.io.arrays import Layout, read_arrays
from cryoglean.io.writing import complete_or_absent
from cryoglean.simulate.micrograph import Simulated, simulate_view
from cryoglean.simulate.projection import Grid, projector
from cryoglean.simulate.sampling import sample, sample_conditions, sample_processing
from cryoglean.simulate.settings import SimulationConfig, TileConfig
from cryoglean.simulate.structures import AtomicModel, Extent, Structure, directions

_OVERSAMPLING = 1.5
"""Pixels of a library's projection per pixel of a tile at its nominal scale."""


@dataclass(frozen=True, eq=False)
class ViewLibrary:
    """Projections of one structure from many directions.

    Parameters
    ----------
    name, family : str
        The structure's.
    extent : Extent
        How large it is.
    pixel_size : float
        Å per pixel of the projections.
    rotation : array, shape (v, 3, 3)
        How the structure is turned in each.
    images : array of float16, shape (v, n, n)
        Projected potential above water, V·Å.
    """

    name: str
    family: str
    extent: Extent
    pixel_size: float
    rotation: NDArray[np.float64]
    images: NDArray[np.float16]

    @classmethod
    def of(cls, structure: Structure, config: TileConfig) -> ViewLibrary:
        """Project a structure from `config.views` directions, spread evenly."""
        pixel_size = structure.diameter / (_OVERSAMPLING * config.particle_px)
        if isinstance(structure.body, AtomicModel):
            body = structure.body.coarsened(0.6 * pixel_size)
            structure = Structure(structure.name, body, structure.family)
        view = projector(structure, pixel_size)
        rotation = _turned_to(directions(config.views, whole=True))
        images = np.stack([view.project(turn).astype(np.float16) for turn in rotation])
        return cls(structure.name, structure.family, structure.body.extent, pixel_size, rotation, images)

    def save(self, path: Path) -> None:
        """Write to an npz file."""
        size = asdict(self.extent)
        with complete_or_absent(path) as partial:
            np.savez(
                partial,
                name=np.array(self.name),
                family=np.array(self.family),
                extent=np.array([size["diameter"], size["radius"], size["contact"]]),
                pixel_size=np.array(self.pixel_size),
                rotation=self.rotation,
                images=self.images,
            )

    @classmethod
    def load(cls, path: Path) -> ViewLibrary:
        """Read what `save` wrote.

        Raises
        ------
        DatasetError
            Not such a file.
        """
        try:
            arrays = read_arrays(path, _LIBRARY)
        except ValueError as error:
            remedy = "remove it, and it is made again"
            raise DatasetError(path, f"no library of a structure's views: {error}", remedy) from None
        return cls(
            str(arrays["name"]),
            str(arrays["family"]),
            Extent(*(float(v) for v in arrays["extent"])),
            float(arrays["pixel_size"]),
            arrays["rotation"],
            arrays["images"],
        )


_LIBRARY: Layout = {
    "name": ("U", ""),
    "family": ("U", ""),
    "extent": (np.float64, "3"),
    "pixel_size": (np.float64, ""),
    "rotation": (np.float64, "v 3 3"),
    "images": (np.float16, "v n n"),
}


class LibraryProjector:
    """Projects by turning, scaling and shifting the nearest view of a library: see `projection.Projector`.

    Parameters
    ----------
    library : ViewLibrary
        The views.
    pixel_size : float
        Å per pixel of the projections that are wanted.
    """

    def __init__(self, library: ViewLibrary, pixel_size: float) -> None:
        self.extent = library.extent
        self._library = library
        self._scale = library.pixel_size / pixel_size
        box = int(np.ceil(library.images.shape[1] * self._scale / 2)) * 2 + 2
        self.grid = Grid(box, pixel_size)

    def project(
        self, rotation: NDArray[np.floating], shift: tuple[float, float] = (0.0, 0.0)
    ) -> NDArray[np.float32]:
        """Project; see `Projector.project`. The direction is rounded to the nearest view."""
        views = self._library.rotation
        nearest = int(np.argmax(views[:, 2] @ rotation[2]))
        image = self._library.images[nearest].astype(np.float32)
        if self._scale < 1:
            image = cv2.GaussianBlur(image, (0, 0), 0.5 * np.sqrt(1 / self._scale**2 - 1) + 0.05)
        residual = rotation @ views[nearest].T
        angle = np.arctan2(residual[0, 1] - residual[1, 0], residual[0, 0] + residual[1, 1])
        c, s = self._scale * np.cos(angle), self._scale * np.sin(angle)
        turn = np.array([[c, s], [-s, c]])
        source, box = image.shape[0] // 2, self.grid.box
        offset = box // 2 + np.asarray(shift) - turn @ [source, source]
        placed = cv2.warpAffine(image, np.column_stack([turn, offset]), (box, box), flags=cv2.INTER_LINEAR)
        return np.asarray(placed, np.float32)


def simulate_tile(library: ViewLibrary, config: SimulationConfig, *, rng: np.random.Generator) -> Simulated:
    """Simulate one tile.

    Parameters
    ----------
    library : ViewLibrary
        The particle.
    config : SimulationConfig
        What to draw from; the size and the pixel size follow from `config.tiles` and the particle.
    rng : Generator
        Draws everything.

    Returns
    -------
    Simulated
        As of a whole micrograph, but its Euler angles are those of the nearest view.
    """
    conditions = sample_conditions(config, rng)
    tiles = config.tiles
    pixel_size = library.extent.diameter / (tiles.particle_px * sample(tiles.scale, rng))
    detector_pixel = pixel_size * sample(tiles.detector_pixel, rng)
    afterwards = {"detector_pixel": detector_pixel, "denoising": sample(tiles.denoising, rng)}
    exposure = conditions.exposure.changed(**afterwards)
    processing = sample_processing(config.processing, rng, chance_factor=tiles.processed)
    of_tile = conditions.changed(
        size=(tiles.size, tiles.size), pixel_size=pixel_size, exposure=exposure, processing=processing
    )
    return simulate_view(LibraryProjector(library, pixel_size), of_tile, rng=rng, name=library.name)


def _turned_to(towards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotations whose last row, the direction of projection, is as given."""
    helper = np.where(np.abs(towards[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    x = np.cross(helper, towards)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    rotation: NDArray[np.float64] = np.stack([x, np.cross(towards, x), towards], axis=1)
    return rotation
