"""What particles are made of: atomic models, pseudo-atoms and density maps, centred and ready to project."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cryoglean.simulate.scattering import RESIDUE, potential_in_water, species

_ATOM_RADIUS = 1.5
"""Radius of an outermost atom, Å, which a particle's size includes."""


@dataclass(frozen=True)
class Extent:
    """How large a particle is, Å.

    Parameters
    ----------
    diameter : float
        Largest dimension: the longest of its shadows on a line.
    radius : float
        Distance of its outermost parts from its centre, for boxes that must hold it.
    contact : float
        Diameter of the ball that shares the 70th percentile of radii: the diameter again for balls and
        shells, less for long particles. Particles at this distance touch, on average.
    """

    diameter: float
    radius: float
    contact: float

    @classmethod
    def of(cls, xyz: NDArray[np.floating]) -> Extent:
        """Measure points (n, 3) about the origin, Å; the outermost half percent counts for stray atoms."""
        thinned = xyz[:: max(1, len(xyz) // 20_000)]
        seventy, most = np.percentile(np.linalg.norm(thinned, axis=1), [70, 99.5])
        low, high = np.percentile(thinned @ directions(60).T, [0.25, 99.75], axis=0)
        diameter = float((high - low).max()) + 2 * _ATOM_RADIUS
        ball = 2 * float(seventy) / np.cbrt(0.7)
        return cls(diameter, float(most) + _ATOM_RADIUS, min(float(ball), diameter))


def directions(count: int, *, whole: bool = False) -> NDArray[np.float64]:
    """Directions spread evenly over half a sphere or the whole, shape (count, 3), by the golden angle."""
    z = (np.arange(count) + 0.5) / count
    if whole:
        z = 2 * z - 1
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    r = np.sqrt(1 - z**2)
    return np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=1)


@dataclass(frozen=True, eq=False)
class AtomicModel:
    """Points that scatter: atoms without hydrogens, or pseudo-atoms.

    Parameters
    ----------
    xyz : array of float32, shape (n, 3)
        Positions, Å.
    code : array of uint8, shape (n,)
        Atomic number or the code of a pseudo-atom, see `scattering`.
    count : array of float32, shape (n,), optional
        How many scatterers a point stands for; 1 where not given.
    """

    xyz: NDArray[np.float32]
    code: NDArray[np.uint8]
    count: NDArray[np.float32] = field(default_factory=lambda: np.ones(0, np.float32))

    def __post_init__(self) -> None:
        if len(self.count) != len(self.xyz):
            object.__setattr__(self, "count", np.ones(len(self.xyz), np.float32))

    def __len__(self) -> int:
        return len(self.xyz)

    @cached_property
    def weight(self) -> NDArray[np.float64]:
        """Total potential of each point above water, V·Å³, shape (n,)."""
        table = np.zeros(256)
        for code in np.unique(self.code):
            table[code] = float(potential_in_water(int(code), np.zeros(())))
        return np.asarray(table[self.code] * self.count)

    @property
    def potential(self) -> float:
        """Total potential above that of the displaced water, V·Å³: the integral of every projection."""
        return float(self.weight.sum())

    @property
    def volume(self) -> float:
        """Volume of water displaced, Å³."""
        counts = np.bincount(self.code, self.count)
        return float(sum(species(int(c)).volume * counts[c] for c in np.flatnonzero(counts)))

    @cached_property
    def extent(self) -> Extent:
        """How large it is."""
        return Extent.of(self.xyz)

    def centred(self) -> AtomicModel:
        """Move the centre of the potential to the origin."""
        centre = np.average(self.xyz, axis=0, weights=np.abs(self.weight))
        return replace(self, xyz=(self.xyz - centre).astype(np.float32))

    def joined(self, other: AtomicModel) -> AtomicModel:
        """Both models' points together."""
        return AtomicModel(
            np.concatenate([self.xyz, other.xyz]),
            np.concatenate([self.code, other.code]),
            np.concatenate([self.count, other.count]),
        )

    def coarsened(self, cell: float) -> AtomicModel:
        """Gather points in cubic cells (Å) into as much of a residue as has their potential.

        Coarser than a few Å all matter of a protein scatters alike; a virus of a million atoms becomes
        manageable.
        """
        place = np.floor(self.xyz / cell).astype(np.int64)
        place -= place.min(axis=0)
        _, group = np.unique(np.ravel_multi_index(tuple(place.T), place.max(axis=0) + 1), return_inverse=True)
        weight = np.bincount(group, self.weight)
        sums = [np.bincount(group, self.weight * axis) for axis in self.xyz.T]
        xyz = np.stack(sums, axis=1) / weight[:, None]
        residues = weight / float(potential_in_water(RESIDUE, np.zeros(())))
        return AtomicModel(
            xyz.astype(np.float32), np.full(len(xyz), RESIDUE, np.uint8), residues.astype(np.float32)
        )


@dataclass(frozen=True, eq=False)
class DensityMap:
    """A density map on a cubic grid.

    Parameters
    ----------
    data : array of float32, shape (n, n, n)
        Density, indexed ``[z, y, x]``; the particle's origin is voxel ``n // 2`` along each axis, as RELION
        has it.
    voxel_size : float
        Å per voxel.
    """

    data: NDArray[np.float32]
    voxel_size: float

    @cached_property
    def extent(self) -> Extent:
        """How large it is: of the voxels above a quarter of the highest."""
        dense = np.argwhere(self.data > self.data.max() / 4) - self.data.shape[0] // 2
        return Extent.of(dense[:, ::-1] * self.voxel_size)


@dataclass(frozen=True, eq=False)
class Structure:
    """One kind of particle.

    Parameters
    ----------
    name : str
        What it is called in tables.
    body : AtomicModel or DensityMap
        What it is made of, its centre at the origin.
    family : str
        Related structures share it; training and test data are split by it. The name where not given.
    """

    name: str
    body: AtomicModel | DensityMap
    family: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", self.family or self.name)

    @property
    def diameter(self) -> float:
        """Largest dimension through the centre, Å."""
        return self.body.extent.diameter
