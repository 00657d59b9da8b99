"""Square crops about points of an image, and the same at half the scale."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike

from cryoglean.types import FloatImage


def cut_crops(image: FloatImage, xy: ArrayLike, side: int) -> FloatImage:
    """Cut crops whose middle pixel lies exactly at each point.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image. Beyond its border there are zeros.
    xy : array, shape (n, 2)
        Points in pixels, x, y; fractions are interpolated.
    side : int
        Rows and columns of a crop, odd.

    Returns
    -------
    ndarray of float32, shape (n, side, side)
    """
    points = np.asarray(xy, np.float64).reshape(-1, 2)
    margin = side // 2 + 2
    ny, nx = image.shape
    padded = np.pad(image, margin)
    crops = np.zeros((len(points), side, side), np.float32)
    for crop, (x, y) in zip(crops, points, strict=True):
        if -0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5:
            crop[:] = cv2.getRectSubPix(padded, (side, side), (float(x + margin), float(y + margin)))
    return crops


def halved(crops: FloatImage) -> FloatImage:
    """Bring crops to half their scale; the middle pixel stays the middle pixel.

    Parameters
    ----------
    crops : ndarray of float32, shape (n, s, s)
        With s = 4 m + 1.

    Returns
    -------
    ndarray of float32, shape (n, (s + 1) / 2, (s + 1) / 2)
    """
    smooth = np.stack([cv2.GaussianBlur(crop, (5, 5), 0) for crop in crops]) if len(crops) else crops
    return np.ascontiguousarray(smooth[:, ::2, ::2])
