"""Grid-based local maxima of a probability map, the selection of PIXER.

Zhang et al. (2019), BMC Bioinformatics 20, 41. Each pixel of the map is scored by the Gaussian-weighted mean
of the map around it; the best pixel of every cell of a grid is a candidate; all candidates climb together,
each to the best pixel of the window around it, until none moves; those that meet are one; of two that overlap
too much the better stays. The paper ran the climb on a GPU. Here one pass finds the maximum of every row
within the window, after which a step of the climb looks at one column of those maxima and then at one row of
the map, instead of at the window.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cryoglean.image.peaks import vertex
from cryoglean.image.suppression import suppress
from cryoglean.types import FloatImage

Positions = NDArray[np.intp]

SIGMA = 0.15
"""Width of the Gaussian weights in particle sizes, narrow enough to keep neighbours apart (PIXER)."""


def grid_maxima(
    probability: FloatImage, size_px: float, *, floor: float = 0.0, subpixel: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the local maxima of a probability map that can be particles of a given size.

    Parameters
    ----------
    probability : ndarray of float32, shape (my, mx)
        Chance of each pixel to belong to a particle.
    size_px : float
        Particle size s in pixels of the map, at least 4.
    floor : float
        Maxima whose score does not exceed this are left out; flat background would otherwise yield one a
        cell.
    subpixel : bool
        Refine each position by the parabolas through the scores of its neighbours.

    Returns
    -------
    xy : ndarray, shape (n, 2)
        Positions in pixels of the map, best score first.
    score : ndarray, shape (n,)
        Gaussian-weighted mean of the map, in the range of the map.

    Raises
    ------
    ValueError
        The map has not two dimensions or the size is below 4 pixels.
    """
    if probability.ndim != 2 or not size_px >= 4:
        raise ValueError(
            f"wanted a map and a size of at least 4 pixels, got {probability.shape} and {size_px}"
        )
    score_map = weighted_score(probability, size_px)
    summits = climb(score_map, cell_maxima(score_map, size_px), size_px)
    score = score_map.ravel()[summits]
    # Flat positions count row by row, so equal scores stay in the order of y, then x.
    order = np.argsort(-score, kind="stable")[: np.count_nonzero(score > floor)]
    rows, columns = np.unravel_index(summits[order], score_map.shape)
    xy = np.column_stack([columns, rows]).astype(np.float64)
    kept = non_overlapping(xy, size_px)
    xy = subpixel_peaks(score_map, xy[kept]) if subpixel else xy[kept]
    return xy, score[order][kept].astype(np.float64)


def weighted_score(probability: FloatImage, size_px: float) -> FloatImage:
    """Average the map around each pixel with Gaussian weights (σ = 0.15 s) over the s × s window.

    At the border the weights inside the map add up to one, so that a map of ones scores one everywhere.

    Parameters
    ----------
    probability : ndarray of float32, shape (my, mx)
    size_px : float
        Particle size s in pixels of the map.

    Returns
    -------
    ndarray of float32, shape (my, mx)
    """
    reach = int(size_px // 2)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (SIGMA * size_px)) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    total = cv2.sepFilter2D(probability, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    inside_y, inside_x = (np.convolve(np.ones(n), kernel)[reach : reach + n] for n in probability.shape)
    weighted: FloatImage = np.divide(total, inside_y[:, None] * inside_x, dtype=np.float32)
    return weighted


def cell_maxima(score_map: FloatImage, size_px: float) -> Positions:
    """Find the best pixel of each cell of s/2 × s/2; cells at the far borders may be cut.

    Parameters
    ----------
    score_map : ndarray of float32, shape (my, mx)
    size_px : float
        Particle size s in pixels of the map.

    Returns
    -------
    ndarray of int, shape (cells,)
        Flat positions in the map; of equal pixels of a cell the uppermost, then leftmost.
    """
    side = int(size_px // 2)
    ny, nx = score_map.shape
    padded = np.pad(score_map, ((0, -ny % side), (0, -nx % side)), constant_values=-np.inf)
    blocks = padded.reshape(padded.shape[0] // side, side, -1, side).swapaxes(1, 2)
    best = blocks.reshape(*blocks.shape[:2], side * side).argmax(axis=2)
    cell_row, cell_column = np.indices(best.shape)
    rows, columns = cell_row * side + best // side, cell_column * side + best % side
    positions: Positions = (rows * nx + columns).ravel()
    return positions


def climb(score_map: FloatImage, start: Positions, size_px: float) -> Positions:
    """Move every candidate to the best pixel of the s × s window around it until none moves.

    A candidate moves only where there is a higher score, so the climb ends on a plateau too.

    Parameters
    ----------
    score_map : ndarray of float32, shape (my, mx)
    start : ndarray of int, shape (n,)
        Flat positions in the map.
    size_px : float
        Particle size s in pixels of the map.

    Returns
    -------
    ndarray of int, shape (m,)
        Where they arrive, each place once; of equal maxima of a window they go to the uppermost, then
        leftmost.
    """
    ny, nx = score_map.shape
    reach = np.arange(-int(size_px // 2), int(size_px // 2) + 1)
    row_maxima = cv2.dilate(score_map, np.ones((1, len(reach)), np.uint8))
    arrived, moving = [np.zeros(0, np.intp)], np.unique(start)
    while len(moving):
        row, column = np.divmod(moving, nx)
        window = np.clip(row[:, None] + reach, 0, ny - 1)
        row = _chosen(window, row_maxima[window, column[:, None]].argmax(axis=1))
        window = np.clip(column[:, None] + reach, 0, nx - 1)
        column = _chosen(window, score_map[row[:, None], window].argmax(axis=1))
        target = row * nx + column
        higher = score_map.ravel()[target] > score_map.ravel()[moving]
        arrived.append(moving[~higher])
        moving = np.unique(target[higher])
    return np.unique(np.concatenate(arrived))


def _chosen(window: Positions, place: Positions) -> Positions:
    chosen: Positions = np.take_along_axis(window, place[:, None], axis=1)[:, 0]
    return chosen


def non_overlapping(xy: NDArray[np.float64], size_px: float) -> NDArray[np.bool_]:
    """Return which maxima stay when the s × s boxes of two may have at most s²/4 in common.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        The best first.
    size_px : float
        Particle size s in pixels of the map.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where no better maximum that stays overlaps more.
    """
    pairs = cKDTree(xy).query_pairs(size_px, p=np.inf, output_type="ndarray")
    common = np.prod(size_px - np.abs(xy[pairs[:, 0]] - xy[pairs[:, 1]]), axis=1)
    return suppress(pairs[common > size_px**2 / 4], len(xy))


def subpixel_peaks(score_map: FloatImage, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move maxima to the summits of the parabolas through their neighbours' scores, along x and along y.

    Parameters
    ----------
    score_map : ndarray of float32, shape (my, mx)
    xy : ndarray, shape (n, 2)
        Whole pixels, none lower than its neighbours.

    Returns
    -------
    ndarray, shape (n, 2)
        Moved by half a pixel at most; on the outermost rows and columns not at all across them.
    """
    padded = np.pad(score_map, 1, mode="reflect")
    column, row = xy.astype(np.intp).T + 1
    here = padded[row, column]
    before = np.stack([padded[row, column - 1], padded[row - 1, column]], axis=1)
    after = np.stack([padded[row, column + 1], padded[row + 1, column]], axis=1)
    refined: NDArray[np.float64] = xy + vertex(before, here[:, None], after)
    return refined
