"""From the network's maps to candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryoglean.select import grid_maxima
from cryoglean.types import FloatImage, Picks

STRIDE = 2
"""Pixels of the image per pixel of the maps, which are means of blocks."""

PARTICLE, CENTRE, CONTAMINATION = 0, 1, 2
"""Which map says what."""

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


def find_candidates(maps: FloatImage, particle_px: float) -> Candidates:
    """Find candidates in the map of centres of one image by PIXER's grid-based local maxima.

    Parameters
    ----------
    maps : ndarray of float32, shape (3, my, mx)
        Probabilities: particle, centre, contamination.
    particle_px : float
        Particle diameter in pixels of the image.
    """
    xy, score = grid_maxima(maps[CENTRE], SIZE * particle_px / STRIDE, floor=FLOOR)
    return Candidates((xy + 0.5) * STRIDE - 0.5, score)


def where_known(picks: Picks, known: NDArray[np.bool_]) -> Picks:
    """Leave out picks outside a tile or where the truth is unknown; `known` has the resolution of maps."""
    x, y = np.floor((picks.xy + 0.5) / STRIDE).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < known.shape[1]) & (y < known.shape[0])
    inside[inside] = known[y[inside], x[inside]]
    return picks[inside]
