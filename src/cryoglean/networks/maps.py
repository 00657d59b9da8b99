"""The segmentation network's maps, and the way from them to candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cryoglean.image.grid_maxima import grid_maxima
from cryoglean.types import FloatImage, Picks

AnyType = TypeVar("AnyType", bound=np.generic)

STRIDE = 2
"""Pixels of the image per pixel of the maps of centres and contamination, which are means of blocks."""

PARTICLE, CENTRE, CONTAMINATION = slice(0, STRIDE**2), STRIDE**2, STRIDE**2 + 1
"""Which channels of the network's answer say what. The first ones are the map of particles at the image's own
resolution, as outlines are a matter of single pixels: one channel for each place in a block, row by row."""

CHANNELS = STRIDE**2 + 2
"""Of the network's answer."""

SIZE = 0.5
"""PIXER's particle size s, in particle diameters. The map of centres tells neighbours apart, and in
projection particles lie much closer together than their diameter."""

FLOOR = 0.01
"""Candidates with less than this in the map are not worth looking at."""


def margin_px(particle_px: float) -> int:
    """How far beyond the border particles are followed, pixels of the image, a multiple of 8.

    A particle cut in half has its centre outside, and must not leave a false one at the edge.
    """
    return 8 * max(1, round(particle_px / 24))


@dataclass(frozen=True, eq=False)
class Maps:
    """What the segmentation network says of an image, as probabilities.

    Parameters
    ----------
    particle : array of float32, shape (ny, nx)
        Whether a pixel belongs to a particle, at the image's resolution.
    centre, contamination : array of float32, shape (ceil(ny / 2), ceil(nx / 2))
        Whether a block of pixels is a particle's centre, and whether it is contamination.
    """

    particle: FloatImage
    centre: FloatImage
    contamination: FloatImage

    @classmethod
    def of(cls, answer: FloatImage) -> Maps:
        """Sort the channels of the network's answer, (6, my, mx)."""
        return cls(joined_blocks(answer[PARTICLE]), answer[CENTRE], answer[CONTAMINATION])


def split_blocks(image: NDArray[AnyType]) -> NDArray[AnyType]:
    """Make of an image (ny, nx) one of each place in blocks of `STRIDE` pixels: (4, ny / 2, nx / 2)."""
    ny, nx = image.shape
    blocks = image.reshape(ny // STRIDE, STRIDE, nx // STRIDE, STRIDE)
    return blocks.transpose(1, 3, 0, 2).reshape(STRIDE**2, ny // STRIDE, nx // STRIDE)


def joined_blocks(parts: NDArray[AnyType]) -> NDArray[AnyType]:
    """Undo `split_blocks`."""
    _, my, mx = parts.shape
    blocks = parts.reshape(STRIDE, STRIDE, my, mx).transpose(2, 0, 3, 1)
    return np.ascontiguousarray(blocks).reshape(my * STRIDE, mx * STRIDE)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Places that may be particles.

    Parameters
    ----------
    xy : array, shape (n, 2)
        In pixels of the network's image.
    score : array, shape (n,)
        Value of the smoothed map of centres, not calibrated; the best first.
    """

    xy: NDArray[np.float64]
    score: NDArray[np.float64]

    def __getitem__(self, chosen: slice | NDArray[np.bool_]) -> Candidates:
        """Choose some, in their order."""
        return Candidates(self.xy[chosen], self.score[chosen])


def find_candidates(centre: FloatImage, particle_px: float) -> Candidates:
    """Find candidates in the map of centres of one image by PIXER's grid-based local maxima.

    Parameters
    ----------
    centre : ndarray of float32, shape (my, mx)
        Probability of a particle's centre.
    particle_px : float
        Particle diameter in pixels of the image.
    """
    xy, score = grid_maxima(centre, SIZE * particle_px / STRIDE, floor=FLOOR)
    return Candidates((xy + 0.5) * STRIDE - 0.5, score)


def where_known(picks: Picks, known: NDArray[np.bool_]) -> Picks:
    """Leave out picks outside a tile or where the truth is unknown; `known` has the resolution of maps."""
    x, y = np.floor((picks.xy + 0.5) / STRIDE).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < known.shape[1]) & (y < known.shape[0])
    inside[inside] = known[y[inside], x[inside]]
    return picks[inside]
