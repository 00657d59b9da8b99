"""Masks of particles from projections of the map that was refined from them.

The idea is PIXER's (Zhang et al., BMC Bioinf. 2019, 20, 41).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from cryoglean.errors import StructureError
from cryoglean.io import read_header
from cryoglean.labels.poses import ImageSize
from cryoglean.labels.settings import LabelConfig
from cryoglean.simulate.masks import filled, particle_bound
from cryoglean.simulate.projection import Grid, MapProjector
from cryoglean.simulate.reading import load_structure
from cryoglean.simulate.structures import DensityMap, Extent

_AGREEMENT = 0.02
"""Relative difference of the map's voxels from the particle images' pixels that rounding explains."""

_ACROSS = 64
"""Pixels of a projection over the particle's diameter at most: finer than the smoothing can tell."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A particle's mask, and the row and column of its first pixel in the micrograph."""

    mask: NDArray[np.bool_]
    corner: tuple[int, int]


class Reprojector:
    """Makes the mask of a particle of any orientation.

    Parameters
    ----------
    density : DensityMap
        The refined map, bright where there is matter, with its origin at voxel n // 2.
    config : LabelConfig
        How projections are binarised.
    """

    def __init__(self, density: DensityMap, config: LabelConfig) -> None:
        self.extent: Extent = density.extent
        self._config = config
        self._density = coarsened(density, self.extent.diameter / _ACROSS)
        size = self._density.voxel_size
        half = int(np.ceil(1.05 * self.extent.radius / size)) + 4
        self._view = MapProjector(self._density, Grid(2 * fft.next_fast_len(half, real=True), size))

    @property
    def diameter(self) -> float:
        """Diameter of the particle, Å."""
        return self._config.diameter or self.extent.diameter

    def mask(
        self, rotation: NDArray[np.floating], centre: tuple[float, float], *, pixel_size: float
    ) -> Patch:
        """Project the map, binarise the projection, and place it.

        Parameters
        ----------
        rotation : array, shape (3, 3)
            See `simulate.projection.rotation_matrix`.
        centre : tuple of float
            x and y of the particle in the micrograph, pixels.
        pixel_size : float
            Å per pixel of the micrograph.
        """
        grid = self._view.grid
        # Half a pixel of the micrograph is what binarising on its own pixels would blur by at least.
        sigma = max(self._config.smoothing * self.extent.diameter, 0.3 * max(pixel_size, grid.pixel_size))
        positive = np.maximum(self._view.project(rotation), 0)
        smooth = np.asarray(cv2.GaussianBlur(positive, (0, 0), sigma / grid.pixel_size), np.float32)
        level = threshold(smooth, self._config)
        scale = grid.pixel_size / pixel_size
        half = int(np.ceil(grid.box / 2 * scale)) + 1
        corner = (round(centre[1]) - half, round(centre[0]) - half)
        offset = [c - start - scale * (grid.box // 2) for c, start in zip(centre, corner[::-1], strict=True)]
        turn = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
        side = 2 * half + 1
        placed = cv2.warpAffine(smooth, turn, (side, side), flags=cv2.INTER_LINEAR)
        return Patch(filled(placed > level), corner)


def load_reprojector(path: Path, config: LabelConfig, *, images: Collection[ImageSize] = ()) -> Reprojector:
    """Read a refined map and make ready to project it.

    Parameters
    ----------
    path : Path
        An MRC file: a cube, as refinements write it. `LabelConfig.map_angpix` wins over its voxel size.
    config : LabelConfig
        How projections are binarised.

    images : collection of ImageSize
        Of the particle images from which the map was refined; none where they are not known.

    Raises
    ------
    StructureError
        The map cannot be read or is no cube, or it has neither the voxels nor the extent of the particle
        images, as maps of other data sets and those with a wrong header have not.
    """
    if not path.is_file():
        raise StructureError(path, "there is no such file")
    header = read_header(path)
    sides = (header.frames, *header.shape)
    if len(set(sides)) != 1:
        cause = f"the map has {' × '.join(map(str, sides[::-1]))} voxels, wanted a cube"
        raise StructureError(
            path, cause, "give the map that the refinement wrote, not one that was cut to fit"
        )
    body = load_structure(path).body
    assert isinstance(body, DensityMap)
    if config.map_angpix is None and images:
        _require_alike(path, ImageSize(body.voxel_size, header.frames), images)
    return Reprojector(DensityMap(body.data, config.map_angpix or body.voxel_size), config)


def _require_alike(path: Path, map_size: ImageSize, images: Collection[ImageSize]) -> None:
    """See that a map has the pixels of some of the images, or their extent, as one of another binning has."""
    for image in images:
        ratio = map_size.pixel_size / image.pixel_size
        ratios = [ratio] if image.box is None else [ratio, ratio * (map_size.box or 0) / image.box]
        if any(abs(r - 1) <= _AGREEMENT for r in ratios):
            return
    sizes = {f"{image.box or '?'} pixels of {image.pixel_size:.4g} Å" for image in images}
    cause = (
        f"{map_size.box} voxels of {map_size.pixel_size:.4g} Å along a side, where the particle images have "
    )
    raise StructureError(
        path,
        cause + " or ".join(sorted(sizes)),
        "give the map that was refined from them, or its voxel size with --map-angpix",
    )


def threshold(smooth: NDArray[np.float32], config: LabelConfig) -> float:
    """Choose the value above which a projection is particle.

    Parameters
    ----------
    smooth : array of float32, shape (n, n)
        A projection, smoothed, without negative values.
    config : LabelConfig
        The method.

    Notes
    -----
    Otsu: see `simulate.masks.particle_bound`. Triangle: Zack et al., J. Histochem. Cytochem. 1977, 25, 741.
    """
    top = float(smooth.max())
    if config.threshold == "fraction" or top <= 0:
        return config.fraction * top
    if config.threshold == "otsu":
        return particle_bound(smooth)
    levels = np.round(smooth * (255 / top)).astype(np.uint8)
    # Levels above the one found are particle: the bound lies between it and the next.
    return (cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_TRIANGLE)[0] + 0.5) * top / 255


def coarsened(density: DensityMap, voxel_size: float) -> DensityMap:
    """Make voxels larger by cropping the Fourier transform; the origin stays at voxel n // 2.

    Parameters
    ----------
    density : DensityMap
        The map.
    voxel_size : float
        Å; the result's is at most this, and nothing happens where the map's is larger.
    """
    n = density.data.shape[0]
    m = min(n, 2 * int(np.ceil(n * density.voxel_size / voxel_size / 2)))
    if m >= n:
        return density
    transform = fft.rfftn(fft.ifftshift(density.data))
    low = np.r_[0 : m // 2, n - m // 2 : n]
    kept = transform[np.ix_(low, low, np.arange(m // 2 + 1))] * np.float32((m / n) ** 3)
    data = fft.fftshift(fft.irfftn(kept, (m, m, m)))
    return DensityMap(data.astype(np.float32), density.voxel_size * n / m)
