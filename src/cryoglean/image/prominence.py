"""Maxima of a map, and how far each stands out: prominence, the measure behind the h-maxima transform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryoglean.image.peaks import vertex
from cryoglean.types import FloatImage

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Maxima:
    """Local maxima of a map, the most prominent first.

    Parameters
    ----------
    xy : ndarray of float64, shape (n, 2)
        Position, pixels of the map, refined below a pixel by a parabola along each axis.
    height : ndarray of float64, shape (n,)
        The map's value.
    prominence : ndarray of float64, shape (n,)
        How far one must descend from it to reach a higher maximum; for the highest, its height above the
        floor.
    """

    xy: NDArray[np.float64]
    height: NDArray[np.float64]
    prominence: NDArray[np.float64]


def find_prominent_maxima(image: FloatImage, *, least: float, floor: float = 0.0) -> Maxima:
    """Find the maxima of a map whose prominence is at least `least`.

    A threshold h on the prominence gives the maxima that survive the h-maxima transform, for every h at once.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The map.
    least : float
        Smallest prominence, above 0.
    floor : float
        Background: no descent goes below it, and what does not rise above it is no maximum.

    Returns
    -------
    Maxima
        One for each summit; where a plateau is a summit, one of its pixels.

    Notes
    -----
    Every pixel climbs to a summit by steepest ascent. Where the regions of two summits touch is a saddle;
    taking the saddles from the highest down, the lower of the two summits that meet ends there: its
    prominence is its height above that saddle (Edelsbrunner, Letscher and Zomorodian 2002, Discrete Comput.
    Geom. 28:511).
    """
    # A frame of one pixel of background saves every test for the border.
    framed = np.pad(np.asarray(image, np.float32), 1, constant_values=-np.inf)
    pixels = np.flatnonzero(framed > floor)
    summit = _climb(framed, pixels)
    summits = np.unique(summit)
    prominence = _measure_prominence(framed, pixels, summit) - floor
    order = np.lexsort((summits, -prominence))
    order = order[prominence[order] >= least]
    tops = summits[order]
    return Maxima(_refine(framed, tops) - 1, framed.ravel()[tops].astype(np.float64), prominence[order])


def _climb(framed: FloatImage, pixels: Index) -> Index:
    """Summit, as an index into the flat frame, that each of `pixels` reaches by steepest ascent."""
    value, width = framed.ravel(), framed.shape[1]
    best, target = value[pixels], pixels.copy()
    for step in (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1):
        neighbour = pixels + step
        height = value[neighbour]
        # Of equal pixels the first in the image is taken for higher, so that a plateau has one way up.
        higher = (height > best) | ((height == best) & (neighbour < target))
        best = np.where(higher, height, best)
        target = np.where(higher, neighbour, target)
    place = np.zeros(value.size, np.int64)
    place[pixels] = np.arange(len(pixels))
    to = place[target]
    while not np.array_equal(farther := to[to], to):
        to = farther
    return pixels[to]


def _measure_prominence(framed: FloatImage, pixels: Index, summit: Index) -> NDArray[np.float64]:
    """Measure the height of each summit, by rising index, above its highest saddle to a higher one, or 0."""
    value = framed.ravel()
    summits, region = np.unique(summit, return_inverse=True)
    height = value[summits].astype(np.float64)
    saddles, first, second = _find_saddles(framed, pixels, region)
    prominence, root = height.copy(), list(range(len(summits)))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for saddle, a, b in zip(saddles.tolist(), first.tolist(), second.tolist(), strict=True):
        a, b = find(a), find(b)
        if a != b:
            low, high = (a, b) if (height[a], -a) < (height[b], -b) else (b, a)
            prominence[low] = height[low] - saddle
            root[low] = high
    return prominence


def _find_saddles(
    framed: FloatImage, pixels: Index, region: Index
) -> tuple[NDArray[np.float64], Index, Index]:
    """Highest saddle between each two touching regions, falling, with the regions' numbers."""
    value, width = framed.ravel(), framed.shape[1]
    number = np.full(value.size, -1, np.int64)
    number[pixels] = region
    found: list[tuple[FloatImage, Index, Index]] = []
    for step in (1, width - 1, width, width + 1):
        other = number[pixels + step]
        touching = (other >= 0) & (other != region)
        here, there = pixels[touching], pixels[touching] + step
        found.append((np.minimum(value[here], value[there]), region[touching], other[touching]))
    saddle, a, b = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(-saddle, kind="stable")
    saddle, a, b = saddle[order], np.minimum(a, b)[order], np.maximum(a, b)[order]
    _, highest = np.unique(a * (region.max(initial=0) + 1) + b, return_index=True)
    highest.sort()
    return saddle[highest].astype(np.float64), a[highest], b[highest]


def _refine(framed: FloatImage, tops: Index) -> NDArray[np.float64]:
    """Move tops to the vertices of the parabolas through their neighbours; (n, 2) as x, y in the frame."""
    value = framed.ravel().astype(np.float64)
    y, x = np.divmod(tops, framed.shape[1])
    shifts = [vertex(value[tops - step], value[tops], value[tops + step]) for step in (1, framed.shape[1])]
    return np.column_stack([x + shifts[0], y + shifts[1]])
