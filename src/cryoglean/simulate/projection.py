"""Orientations and projections, in RELION's conventions.

Euler angles are RELION's rot, tilt and psi in degrees: the structure turns by rot about z, by tilt about the
new y, and by psi about the new z; the projection runs along z. The centre of a projection of n pixels is
pixel n // 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from cryoglean.simulate.optics import Frequencies
from cryoglean.simulate.scattering import potential_in_water
from cryoglean.simulate.structures import AtomicModel, DensityMap, Extent, Structure

_BLOCK = 16_384
"""Points spread at once, few enough for the processor's cache."""


@dataclass(frozen=True)
class Grid:
    """A square image: pixels along a side, and Å per pixel."""

    box: int
    pixel_size: float


def rotation_matrix(euler: NDArray[np.floating]) -> NDArray[np.float64]:
    """Matrices that turn a structure into the frame of its projection.

    Parameters
    ----------
    euler : array, shape (..., 3)
        rot, tilt, psi in degrees.

    Returns
    -------
    array, shape (..., 3, 3)
        Applied to a point (x, y, z) of the structure, it gives the point's x and y in the image and its
        height.
    """
    rot, tilt, psi = np.moveaxis(np.deg2rad(np.asarray(euler, np.float64)), -1, 0)
    turn: NDArray[np.float64] = _about_z(psi) @ _about_y(tilt) @ _about_z(rot)
    return turn


def euler_angles(rotation: NDArray[np.floating]) -> NDArray[np.float64]:
    """Inverse of `rotation_matrix`: rot and psi in (-180, 180], tilt in [0, 180]; psi is 0 at the poles."""
    r = np.asarray(rotation, np.float64)
    tilt = np.arctan2(np.hypot(r[..., 2, 0], r[..., 2, 1]), r[..., 2, 2])
    pole = np.hypot(r[..., 2, 0], r[..., 2, 1]) < 1e-9
    rot = np.where(
        pole,
        np.arctan2(np.sign(r[..., 2, 2]) * r[..., 0, 1], r[..., 1, 1]),
        np.arctan2(r[..., 2, 1], r[..., 2, 0]),
    )
    psi = np.where(pole, 0.0, np.arctan2(r[..., 1, 2], -r[..., 0, 2]))
    angles: NDArray[np.float64] = np.rad2deg(np.stack([rot, tilt, psi], axis=-1))
    return angles


def random_rotations(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Rotations drawn evenly from all, shape (count, 3, 3) (Shoemake, Graphics Gems III, 1992)."""
    q = rng.standard_normal((count, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    matrices: NDArray[np.float64] = np.moveaxis(np.array(rows), -1, 0)
    return matrices


def _about_z(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack(
        [np.stack([c, s, zero], -1), np.stack([-s, c, zero], -1), np.stack([zero, zero, one], -1)], -2
    )


def _about_y(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack(
        [np.stack([c, zero, -s], -1), np.stack([zero, one, zero], -1), np.stack([s, zero, c], -1)], -2
    )


class Projector(Protocol):
    """What gives projections of one particle."""

    grid: Grid
    extent: Extent

    def project(
        self, rotation: NDArray[np.floating], shift: tuple[float, float] = (0.0, 0.0)
    ) -> NDArray[np.float32]:
        """Projected potential above water, V·Å, shape (box, box).

        Parameters
        ----------
        rotation : array, shape (3, 3)
            See `rotation_matrix`.
        shift : tuple of float
            x and y of the origin from pixel (box // 2, box // 2), in pixels.
        """
        ...


def projector(structure: Structure, pixel_size: float) -> Projector:
    """Make a projector whose image holds the structure from every side."""
    half = int(np.ceil(1.05 * structure.body.extent.radius / pixel_size)) + 4
    grid = Grid(2 * fft.next_fast_len(half, real=True), pixel_size)
    if isinstance(structure.body, AtomicModel):
        return AtomProjector(structure.body, grid)
    return MapProjector(structure.body, grid)


class AtomProjector:
    """Projects an atomic model straight onto pixels, without a volume between.

    Every point is spread over its four nearest pixels, one plane a species; in Fourier space the spreading is
    undone and each plane takes its species' potential. The sum of a projection times the pixel's area is the
    model's total potential.

    Parameters
    ----------
    model : AtomicModel
        Centred at the origin.
    grid : Grid
        The image; the model should fit into it, and points outside are left out.
    """

    def __init__(self, model: AtomicModel, grid: Grid) -> None:
        self.grid, self.extent = grid, model.extent
        model = _without_traces(model)
        self._xyz = np.ascontiguousarray(model.xyz.T / np.float32(grid.pixel_size))
        self._count = model.count
        codes, self._plane = np.unique(model.code, return_inverse=True)
        frequencies = Frequencies.of((grid.box, grid.box), grid.pixel_size, dtype=np.float64)
        spread = np.sinc(frequencies.x * grid.pixel_size) ** 2 * np.sinc(frequencies.y * grid.pixel_size) ** 2
        k2 = frequencies.squared
        tables = np.stack([potential_in_water(int(c), k2) for c in codes])
        self._tables = (tables / spread / grid.pixel_size**2).astype(np.float32)

    def project(
        self, rotation: NDArray[np.floating], shift: tuple[float, float] = (0.0, 0.0)
    ) -> NDArray[np.float32]:
        """Projected potential above water; see `Projector.project`."""
        box = self.grid.box
        planar = rotation[:2].astype(np.float32) @ self._xyz
        planar += (np.asarray(shift, np.float32) + np.float32(box // 2))[:, None]
        planes = _spread(planar, self._plane, self._count, shape=(len(self._tables), box, box))
        transform = (fft.rfft2(planes) * self._tables).sum(axis=0)
        return np.asarray(fft.irfft2(transform, (box, box)), np.float32)


def _spread(
    xy: NDArray[np.float32],
    plane: NDArray[np.intp],
    count: NDArray[np.float32],
    *,
    shape: tuple[int, int, int],
) -> NDArray[np.float32]:
    """Add each point, (2, n) as x and y, to its four nearest pixels of its plane, by bilinear weights."""
    planes = np.zeros(shape, np.float32)
    flat = planes.reshape(-1)
    for start in range(0, xy.shape[1], _BLOCK):
        rows = slice(start, start + _BLOCK)
        corner = np.floor(xy[:, rows])
        fx, fy = xy[:, rows] - corner
        x, y = corner.astype(np.int64)
        inside = (x >= 0) & (y >= 0) & (x < shape[2] - 1) & (y < shape[1] - 1)
        first = np.where(inside, (plane[rows] * shape[1] + y) * shape[2] + x, 0)
        upper, lower = count[rows] * inside * (1 - fy), count[rows] * inside * fy
        np.add.at(flat, first, (1 - fx) * upper)
        np.add.at(flat, first + 1, fx * upper)
        np.add.at(flat, first + shape[2], (1 - fx) * lower)
        np.add.at(flat, first + shape[2] + 1, fx * lower)
    return planes


def _without_traces(model: AtomicModel) -> AtomicModel:
    """Let as much of the commonest species stand for those below one in a hundred, such as ions."""
    codes, number = np.unique(model.code, return_counts=True)
    common = codes[np.argmax(number)]
    rare = np.isin(model.code, codes[number < 0.01 * len(model)])
    unit = float(potential_in_water(int(common), np.zeros(())))
    count = np.where(rare, model.weight / unit, model.count).astype(np.float32)
    return AtomicModel(model.xyz, np.where(rare, common, model.code), count)


class MapProjector:
    """Projects a density map as central slices of its Fourier transform.

    The transform is sampled twice as finely as the map demands and read by trilinear interpolation, whose
    fall-off in real space is undone beforehand, as RELION does (Scheres, J. Struct. Biol. 2012, 180, 519).

    Parameters
    ----------
    density : DensityMap
        Its values are taken for volts above water; the transform takes 32 bytes a voxel.
    grid : Grid
        The image, whose pixels may be larger or smaller than the voxels.
    """

    def __init__(self, density: DensityMap, grid: Grid) -> None:
        self.grid, self.extent = grid, density.extent
        n = density.data.shape[0]
        self._total = np.float32(
            density.data.sum(dtype=np.float64) * density.voxel_size**3 / grid.pixel_size**2
        )
        self._length = 2 * n
        axis = np.sinc((np.arange(n) - n // 2) / self._length) ** 2
        data = density.data / (axis[:, None, None] * axis[:, None] * axis).astype(np.float32)
        padded = np.zeros((self._length,) * 3, np.float32)
        start = self._length // 2 - n // 2
        padded[start : start + n, start : start + n, start : start + n] = data
        transform = fft.rfftn(fft.ifftshift(padded), overwrite_x=True)
        self._transform = fft.fftshift(transform, axes=(0, 1)).astype(np.complex64)
        self._step = 1 / (self._length * density.voxel_size)
        self._scale = np.float32(density.voxel_size**3 / grid.pixel_size**2)

    def project(
        self, rotation: NDArray[np.floating], shift: tuple[float, float] = (0.0, 0.0)
    ) -> NDArray[np.float32]:
        """Project; see `Projector.project`."""
        box = self.grid.box
        frequencies = Frequencies.of((box, box), self.grid.pixel_size, dtype=np.float64)
        x, y = np.broadcast_arrays(frequencies.x, frequencies.y)
        place = (x[..., None] * rotation[0] + y[..., None] * rotation[1]) / self._step
        values = self._read(place.reshape(-1, 3)).reshape(x.shape) * self._scale
        middle = (np.asarray(shift) + box // 2) * self.grid.pixel_size
        # The origin lies on a sample, where nothing falls off by interpolation and nothing must be undone.
        values[0, 0] = self._total
        values *= np.exp(-2j * np.pi * (x * middle[0] + y * middle[1])).astype(np.complex64)
        return np.asarray(fft.irfft2(values, (box, box)), np.float32)

    def _read(self, place: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Interpolate the transform at places (n, 3), as x, y, z in samples from its origin."""
        mirrored = place[:, 0] < 0
        place = np.where(mirrored[:, None], -place, place)
        low = np.floor(place).astype(np.int64)
        part = (place - low).astype(np.float32)
        half = self._length // 2
        within = (np.abs(place) < half - 1).all(axis=1)
        low, part = low[within], part[within]
        values = np.zeros(len(part), np.complex64)
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, part, 1 - part), axis=1)
            x, y, z = (low + corner).T
            values += weight * self._transform[z + half, y + half, x]
        result = np.zeros(len(place), np.complex64)
        result[within] = values
        return np.where(mirrored, result.conj(), result)


def potential_map(model: AtomicModel, grid: Grid) -> DensityMap:
    """Potential above water of a model on a cubic grid, V, with voxel ``box // 2`` at the model's origin.

    Parameters
    ----------
    model : AtomicModel
        Centred at the origin.
    grid : Grid
        Voxels along a side, and Å per voxel.
    """
    n, size = grid.box, grid.pixel_size
    place = model.xyz[:, ::-1] / np.float32(size) + np.float32(n // 2)
    low = np.floor(place).astype(np.int64)
    part = place - low
    inside = ((low >= 0) & (low < n - 1)).all(axis=1)
    k = np.fft.fftfreq(n, size)
    kx = np.fft.rfftfreq(n, size)
    k2 = k[:, None, None] ** 2 + k[:, None] ** 2 + kx**2
    spread = (np.sinc(k * size)[:, None, None] * np.sinc(k * size)[:, None] * np.sinc(kx * size)) ** 2
    total = np.zeros(k2.shape, np.complex128)
    for code in np.unique(model.code):
        rows = inside & (model.code == code)
        counts = np.zeros(n**3)
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, part[rows], 1 - part[rows]), axis=1)
            flat = np.ravel_multi_index(tuple((low[rows] + corner).T), (n, n, n))
            counts += np.bincount(flat, weight * model.count[rows], minlength=n**3)
        total += fft.rfftn(counts.reshape(n, n, n)) * potential_in_water(int(code), k2)
    data = fft.irfftn(total / spread / size**3, (n, n, n))
    return DensityMap(data.astype(np.float32), size)
