"""Peaks of maps."""

from __future__ import annotations

from typing import Any

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
    refined = np.column_stack([x + vertex(left, height, right), y + vertex(above, height, below)])
    # Inside a plateau, as areas without signal make it, no pixel is a peak.
    stands_out = np.minimum.reduce([left, right, above, below]) < height
    return refined[stands_out], height[stands_out]


def vertex(before: NDArray[Any], here: NDArray[Any], after: NDArray[Any]) -> NDArray[Any]:
    """Find the vertex of the parabola through three equidistant samples, of which the middle one is highest.

    Parameters
    ----------
    before, here, after : array of float, all of one shape
        The samples.

    Returns
    -------
    ndarray of float
        Offset from the middle sample, in steps, at most half a one; 0 where the samples have no maximum.
    """
    curvature = before - 2 * here + after
    bent = np.isfinite(curvature) & (curvature < 0)
    slope = np.subtract(before, after, out=np.zeros_like(curvature), where=bent)
    offset = np.divide(slope, 2 * curvature, out=np.zeros_like(curvature), where=bent)
    return np.asarray(np.clip(offset, -0.5, 0.5))
