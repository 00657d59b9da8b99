"""Peaks of maps."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.types import FloatImage


def find_peaks(image: FloatImage, reach_px: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find pixels that no other within a square of half side `reach_px` exceeds, refined below a pixel.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The map.
    reach_px : float
        Half side of the neighbourhood.

    Returns
    -------
    xy : ndarray of float64, shape (n, 2)
        Peaks, refined by a parabola along each axis; the highest first.
    height : ndarray of float64, shape (n,)
        The map at the peaks.
    """
    side = 2 * max(1, round(reach_px)) + 1
    highest = cv2.dilate(image, np.ones((side, side), np.uint8))
    # Many times faster than `np.nonzero` of two dimensions.
    y, x = np.divmod(np.flatnonzero(image >= highest), image.shape[1])
    height = image[y, x].astype(np.float64)
    order = np.lexsort((x, y, -height))
    y, x, height = y[order], x[order], height[order]
    last_y, last_x = image.shape[0] - 1, image.shape[1] - 1
    left, right = image[y, np.maximum(x - 1, 0)], image[y, np.minimum(x + 1, last_x)]
    above, below = image[np.maximum(y - 1, 0), x], image[np.minimum(y + 1, last_y), x]
    refined = np.column_stack([x + _vertex(left, height, right), y + _vertex(above, height, below)])
    # Inside a plateau, as areas without signal make it, no pixel is a peak.
    stands_out = np.minimum.reduce([left, right, above, below]) < height
    return refined[stands_out], height[stands_out]


def _vertex(before: FloatImage, here: NDArray[np.float64], after: FloatImage) -> NDArray[np.float64]:
    """Offset of the vertex of a parabola through three samples, at most half a pixel."""
    curvature = np.minimum(before - 2 * here + after, -1e-12)
    return np.asarray(np.clip((before - after) / (2 * curvature), -0.5, 0.5), np.float64)
