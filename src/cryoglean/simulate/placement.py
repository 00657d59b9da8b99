"""Where particles lie and how they are turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from cryoglean.simulate.projection import random_rotations
from cryoglean.simulate.settings import Crowd

_BATCH, _BATCHES = 8, 25
"""Places tried at once for one particle, and how often, before the field counts as full."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Particles in the specimen.

    Parameters
    ----------
    xyz : array, shape (n, 3)
        Centres in Å: x and y from the field's corner, z the depth below the middle of the ice.
    rotation : array, shape (n, 3, 3)
        See `projection.rotation_matrix`.
    """

    xyz: NDArray[np.float64]
    rotation: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.xyz)


@dataclass(frozen=True)
class Layer:
    """The ice that is to be filled, Å."""

    width: float
    height: float
    thickness: float


def place_particles(layer: Layer, diameter: float, *, crowd: Crowd, rng: np.random.Generator) -> Placement:
    """Put particles into a layer one after another, none nearer to another than allowed.

    Random sequential addition in three dimensions: in ice thicker than two particles they may lie above one
    another.

    Parameters
    ----------
    layer : Layer
        Where to.
    diameter : float
        Distance at which two particles touch, Å.
    crowd : Crowd
        Coverage, overlap, clustering, and views.
    rng : Generator
        Draws everything.
    """
    wanted = int(rng.poisson(crowd.coverage * layer.width * layer.height / (np.pi / 4 * diameter**2)))
    apart = diameter * (1 - crowd.overlap)
    placed = np.empty((wanted, 3))
    count = 0
    for _ in range(wanted):
        for _ in range(_BATCHES):
            spots = _candidates(placed[:count], layer, diameter, crowd=crowd, rng=rng)
            square = ((placed[:count, None] - spots[None]) ** 2).sum(axis=-1).min(axis=0, initial=np.inf)
            free = np.flatnonzero(square >= apart**2)
            if len(free):
                placed[count] = spots[free[0]]
                count += 1
                break
        else:
            break
    return Placement(placed[:count].copy(), draw_rotations(count, crowd, rng))


def _candidates(
    placed: NDArray[np.float64], layer: Layer, diameter: float, *, crowd: Crowd, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Places to try for one particle: anywhere, or all touching one that is there already."""
    room = max(layer.thickness - diameter, 0.0) / 2
    depth = rng.uniform(-room, room, _BATCH)
    at_surface = rng.random(_BATCH) < crowd.at_interface
    depth[at_surface] = room * rng.choice([-1.0, 1.0], int(at_surface.sum()))
    planar = rng.random((_BATCH, 2)) * [layer.width, layer.height]
    if len(placed) and rng.random() < crowd.clustering:
        neighbour = placed[rng.integers(len(placed), size=_BATCH)]
        angle = rng.uniform(0, 2 * np.pi, _BATCH)
        reach = diameter * rng.uniform(1 - crowd.overlap, 1.1, _BATCH)
        planar = neighbour[:, :2] + reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        depth = neighbour[:, 2]
        outside = ((planar < 0) | (planar >= [layer.width, layer.height])).any(axis=1)
        planar[outside] = np.nan  # compares as too near
    return np.column_stack([planar, depth])


def draw_rotations(count: int, crowd: Crowd, rng: np.random.Generator) -> NDArray[np.float64]:
    """Turn particles at random, or near one of two preferred views and then freely within the image's plane.

    One of the preferred views is along the structure's z axis, on which procedural complexes have their
    symmetry; the other is random.

    Returns
    -------
    array, shape (count, 3, 3)
        See `projection.rotation_matrix`.
    """
    free = random_rotations(count, rng)
    views = np.stack([np.eye(3), random_rotations(1, rng)[0]])[rng.integers(2, size=count)]
    wobble = Rotation.from_rotvec(
        np.deg2rad(crowd.preference_spread) / np.sqrt(2) * rng.standard_normal((count, 3))
    ).as_matrix()
    spin = Rotation.from_rotvec(rng.uniform(0, 2 * np.pi, (count, 1)) * [0, 0, 1]).as_matrix()
    preferred = rng.random(count) < crowd.preference
    turned: NDArray[np.float64] = np.where(preferred[:, None, None], spin @ wobble @ views, free)
    return turned
