"""Contrast-limited adaptive histogram equalisation with a Rayleigh-shaped output.

OpenCV and scikit-image equalise to a flat histogram only; the paper's steps need the Rayleigh one, which
keeps the bulk of the background at mid grey.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.pickers.autocryopicker.grey_levels import GREY_LEVELS, to_grey
from cryoglean.types import FloatImage


def equalise_adaptively(
    image: FloatImage, *, tiles: int = 8, clip: float = 0.02, alpha: float = 0.4
) -> FloatImage:
    """Equalise each part of an image by the histogram of its surroundings (CLAHE).

    The image is cut into tiles; each has its own table from grey value to Rayleigh-distributed output, and
    a pixel takes the bilinear blend of the tables of the four tiles nearest to it.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Values in [0, 1], taken to 8 bit.
    tiles : int
        Number of tiles along each axis. Where they do not fit the image, it is mirrored at its borders.
    clip : float
        Contrast limit in [0, 1]: 0 permits none (every histogram is flattened), 1 any.
    alpha : float
        Rayleigh parameter: the output's most frequent value.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Values in [0, 1].

    Raises
    ------
    ValueError
        A parameter out of range, or fewer pixels than tiles along an axis.

    Notes
    -----
    Zuiderveld (1994), Graphics Gems IV, 474; Al-Azzawi et al. (2019), equation 4, and the constants
    of their programs.
    """
    if tiles < 1 or not 0 <= clip <= 1 or not alpha > 0:
        raise ValueError(f"tiles must be ≥ 1, clip in [0, 1], alpha > 0; got {tiles}, {clip}, {alpha}")
    ny, nx = image.shape
    if min(ny, nx) < tiles:
        raise ValueError(f"an image of shape {image.shape} cannot be cut into {tiles} × {tiles} tiles")
    # Tiles of an even side, so that the lines between blend regions, through the tiles' centres, fall
    # between pixels.
    tile_y, tile_x = (2 * math.ceil(n / (2 * tiles)) for n in (ny, nx))
    top, left = (tile_y * tiles - ny) // 2, (tile_x * tiles - nx) // 2
    bottom, right = tile_y * tiles - ny - top, tile_x * tiles - nx - left
    grey = cv2.copyMakeBorder(to_grey(image), top, bottom, left, right, cv2.BORDER_REFLECT)
    tables = _rayleigh_tables(_tile_histograms(np.asarray(grey, np.uint8), tiles), clip, alpha)
    padded = np.empty(grey.shape, np.float32)
    for rows, above, below, down in _bands(tiles, tile_y):
        for columns, before, after, across in _bands(tiles, tile_x):
            block = grey[rows, columns]
            corners = [cv2.LUT(block, tables[r, c]) for r in (above, below) for c in (before, after)]
            upper = corners[0] + across * (corners[1] - corners[0])
            lower = corners[2] + across * (corners[3] - corners[2])
            padded[rows, columns] = upper + down[:, None] * (lower - upper)
    return np.ascontiguousarray(padded[top : top + ny, left : left + nx])


def _tile_histograms(grey: NDArray[np.uint8], tiles: int) -> NDArray[np.float64]:
    """Count the grey values in each tile: (tiles, tiles, 256)."""
    ny, nx = grey.shape
    cut = (
        grey.reshape(tiles, ny // tiles, tiles, nx // tiles).transpose(0, 2, 1, 3).reshape(tiles * tiles, -1)
    )
    counts = [np.bincount(tile, minlength=GREY_LEVELS) for tile in cut]
    return np.asarray(counts, np.float64).reshape(tiles, tiles, GREY_LEVELS)


def _rayleigh_tables(counts: NDArray[np.float64], clip: float, alpha: float) -> NDArray[np.float32]:
    """Tables from grey value to output, (tiles, tiles, 256), from the tiles' histograms."""
    pixels = int(counts[0, 0].sum())
    flat = math.ceil(pixels / GREY_LEVELS)
    limited = _limit(counts, flat + round(clip * (pixels - flat)))
    cumulative = np.cumsum(limited, axis=-1) / pixels
    reach = 1 - math.exp(-1 / (2 * alpha**2))
    share = np.minimum(reach * cumulative, reach)
    return np.minimum(np.sqrt(-2 * alpha**2 * np.log1p(-share)), 1).astype(np.float32)


def _limit(counts: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Cut the bins of each histogram at `limit` and share out what was cut among the bins that have room."""
    limited = np.minimum(counts, limit)
    total = counts.sum(axis=-1, keepdims=True)
    while (excess := total - limited.sum(axis=-1, keepdims=True)).max() > 0.5:
        room = limited < limit
        share = excess / np.maximum(room.sum(axis=-1, keepdims=True), 1)
        limited = np.minimum(limited + room * share, limit)
    return limited


def _bands(tiles: int, size: int) -> Iterator[tuple[slice, int, int, NDArray[np.float32]]]:
    """Blend regions along one axis: pixels, tile before, tile after, weight of the latter."""
    for i in range(tiles + 1):
        start, stop = max(i * size - size // 2, 0), min(i * size + size // 2, tiles * size)
        # Distance from the centre of the tile before, in tiles; beyond the outermost centres both tiles are
        # the same.
        weight = (np.arange(start, stop) + 0.5) / size - (i - 0.5)
        yield slice(start, stop), max(i - 1, 0), min(i, tiles - 1), weight.astype(np.float32)
