"""Labels of real micrographs, from a user's annotations and from the present network.

A user knows centres, and rarely outlines. The outline of a particle is taken from the present network where
it sees the particle, as from discs it would unlearn shapes; of a particle that it does not see, only the
core counts as particle, and what surrounds it as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cryoglean.dataset.grey_levels import MIDDLE, quantise
from cryoglean.dataset.tiles import (
    BACKGROUND,
    PARTICLE,
    REFUTED,
    SURE,
    UNKNOWN,
    UNLABELLED,
    WEAK,
    LabelledTiles,
)
from cryoglean.networks.maps import STRIDE
from cryoglean.networks.normalise import normalise
from cryoglean.types import FloatImage

SEEN = 0.5
"""The present network sees a particle where its mask covers this part of the particle's core."""

REACH, CORE = 0.65, 0.2
"""How far from its centre a particle's outline is sought, and what certainly is particle, in diameters."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """What is known of one micrograph, coordinates x, y in pixels of its micrograph.

    Parameters
    ----------
    sure : array, shape (n, 2)
        Particles that the user picked, or looked at and left.
    weak : array, shape (m, 2)
        Picks of a picker that nobody looked at.
    refuted : array, shape (k, 2)
        Picks that the user deleted.
    complete : bool
        Whether everything else is background, or simply not labelled.
    """

    sure: NDArray[np.float64]
    weak: NDArray[np.float64]
    refuted: NDArray[np.float64]
    complete: bool

    @property
    def centres(self) -> NDArray[np.float64]:
        """All particles, the sure ones first."""
        return np.concatenate([self.sure, self.weak])


@dataclass(frozen=True, eq=False)
class LabelledMicrograph:
    """A micrograph at the networks' scale, normalised, with its labels.

    Parameters
    ----------
    name : str
        The micrograph's.
    level : array of float32, shape (ny, nx)
        See `normalise`; a blank margin may surround it.
    particle : array of uint8, shape (ny, nx)
        `tiles.PARTICLE`, `BACKGROUND` or `UNKNOWN`.
    trust : array of uint8, shape (ny, nx)
        `tiles.SURE`, `WEAK`, `UNLABELLED` or `REFUTED`.
    centres : array, shape (n, 2)
        x and y of the particles.
    complete : bool
        Whether all particles are labelled.
    inner : tuple of slice
        Rows and columns that are the micrograph; around them lies the margin.
    """

    name: str
    level: FloatImage
    particle: NDArray[np.uint8]
    trust: NDArray[np.uint8]
    centres: NDArray[np.float64]
    complete: bool
    inner: tuple[slice, slice]

    @property
    def within(self) -> NDArray[np.bool_]:
        """What lies in the micrograph and not in its margin, at the resolution of the maps."""
        inside = np.zeros(self.level.shape, bool)
        inside[self.inner] = True
        return inside[::STRIDE, ::STRIDE]


def label_image(
    level: FloatImage,
    annotation: Annotation,
    seen: FloatImage,
    *,
    particle_px: float,
    inner: tuple[slice, slice],
    name: str = "micrograph",
) -> LabelledMicrograph:
    """Label a micrograph's micrograph by what a user knows and by what the present network sees.

    Parameters
    ----------
    level : array of float32, shape (ny, nx)
        Normalised at the networks' scale, multiples of 8.
    annotation : Annotation
        Of the user.
    seen : array of float32, shape (ny, nx)
        The present network's map of particles.
    particle_px : float
        Particle diameter at the networks' scale.
    inner : tuple of slice
        Rows and columns of the micrograph within it; beyond, nothing is known.
    name : str
        The micrograph's.

    Returns
    -------
    LabelledMicrograph
        The labels.
    """
    shape = level.shape
    mask = np.asarray(seen > 0.5, np.bool_)
    distance, nearest = _nearest(annotation.centres, shape)
    core, near = distance < CORE * particle_px, distance < REACH * particle_px
    covered = _seen(mask, core, nearest, count=len(annotation.centres))
    own = near & covered[nearest] if len(covered) else near
    particle = np.full(shape, BACKGROUND, np.uint8)
    particle[near & ~own] = UNKNOWN
    particle[(own & mask) | core] = PARTICLE
    particle[_outline(own & mask) & ~core] = UNKNOWN
    trust = np.full(shape, SURE if annotation.complete else UNLABELLED, np.uint8)
    if len(annotation.centres):
        trust[near] = np.where(nearest[near] < len(annotation.sure), SURE, WEAK)
    refuted = _nearest(annotation.refuted, shape)[0] < 0.5 * particle_px
    trust[refuted & ~near] = REFUTED
    blank = np.ones(shape, bool)  # Beyond the border nobody knows.
    blank[inner] = False
    particle[blank] = UNKNOWN
    return LabelledMicrograph(name, level, particle, trust, annotation.centres, annotation.complete, inner)


def labelled_by_map(tiles: LabelledTiles, particle_px: float, *, complete: bool) -> LabelledTiles:
    """Say how far labels that were projected from a refined map are to be trusted.

    Parameters
    ----------
    tiles : LabelledTiles
        Of real micrographs, with the masks of particles and of contamination.
    particle_px : float
        Particle diameter in pixels.
    complete : bool
        Whether every particle is labelled, or only those that a refinement kept.

    Returns
    -------
    LabelledTiles
        The same with unknown outlines; and, where labels are incomplete, with what lies between the particles
        not labelled. What lies under contamination stays known as that.
    """
    particle, trust = tiles.particle.copy(), tiles.contaminated.copy()
    for i in range(len(tiles)):
        particle[i][_outline(particle[i] == PARTICLE)] = UNKNOWN
        if not complete:
            away = (
                _nearest(tiles.centres_of(i).astype(np.float64), particle[i].shape)[0] > REACH * particle_px
            )
            trust[i][away & (trust[i] == BACKGROUND) & (particle[i] == BACKGROUND)] = UNLABELLED
    return replace(tiles, particle=particle, contaminated=trust)


def cut(micrographs: list[LabelledMicrograph], side: int) -> LabelledTiles:
    """Cut micrographs into overlapping tiles.

    Parameters
    ----------
    micrographs : list of LabelledMicrograph
        What to cut.
    side : int
        Rows and columns of a tile. A micrograph smaller than that is surrounded by unknown background.

    Returns
    -------
    LabelledTiles
        In place of contamination, of which a user says nothing, stands the trust in the labels. Only tiles
        in which anything is known.
    """
    images: list[NDArray[np.uint8]] = []
    particles, trusts, centres, names = [], [], [], []
    for micrograph in micrographs:
        rows, columns = (max(0, side - length) for length in micrograph.level.shape)
        wide = [(0, rows), (0, columns)]
        grey = np.pad(quantise(micrograph.level), wide, constant_values=MIDDLE)
        particle = np.pad(micrograph.particle, wide, constant_values=UNKNOWN)
        trust = np.pad(micrograph.trust, wide, constant_values=SURE)
        for y in _starts(grey.shape[0], side):
            for x in _starts(grey.shape[1], side):
                window = np.s_[y : y + side, x : x + side]
                if (particle[window] == UNKNOWN).all():
                    continue
                local = micrograph.centres - [x, y]
                # Spots of particles beyond the edge reach into the tile.
                inside = np.all((local > -side / 8) & (local < side * 9 / 8), axis=1)
                number = np.full((int(inside.sum()), 1), float(len(images)))
                centres.append(np.hstack([number, local[inside]]))
                images.append(grey[window])
                particles.append(particle[window])
                trusts.append(trust[window])
                names.append(micrograph.name)
    return LabelledTiles(
        np.stack(images),
        np.stack(particles),
        np.stack(trusts),
        np.concatenate(centres).astype(np.float32),
        np.array(names),
    )


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the pixels on either side of an outline, which is a matter of taste."""
    edge = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return np.asarray(edge > 0, np.bool_)


def _starts(length: int, side: int) -> list[int]:
    """Where tiles begin so that they cover a length, each half over the next."""
    count = 1 if length <= side else int(np.ceil(2 * (length - side) / side)) + 1
    return [int(start) for start in np.linspace(0, length - side, count).round()]


def _nearest(
    centres: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Distance of every pixel from its nearest centre, and which that is; far away where there is none."""
    if not len(centres):
        return np.full(shape, np.inf), np.zeros(shape, np.intp)
    y, x = np.mgrid[: shape[0], : shape[1]]
    distance, index = cKDTree(centres).query(np.column_stack([x.ravel(), y.ravel()]))
    return np.asarray(distance).reshape(shape), np.asarray(index, np.intp).reshape(shape)


def _seen(
    mask: NDArray[np.bool_], core: NDArray[np.bool_], nearest: NDArray[np.intp], *, count: int
) -> NDArray[np.bool_]:
    """Return which particles the network's mask covers."""
    area = np.bincount(nearest[core], minlength=count)
    covered = np.bincount(nearest[core & mask], minlength=count)
    return covered >= SEEN * np.maximum(area, 1)


def labelled_tile(
    tiles: LabelledTiles, index: int, particle_px: float, *, complete: bool = True
) -> LabelledMicrograph:
    """Make a micrograph of one labelled tile, all of which is within."""
    return LabelledMicrograph(
        f"{tiles.family[index]}, tile {index}",
        normalise(tiles.image[index].astype(np.float32), particle_px),
        tiles.particle[index],
        tiles.contaminated[index],
        tiles.centres_of(index).astype(np.float64),
        complete,
        (slice(None), slice(None)),
    )
