"""Point operations: normalisation, contrast stretching and histogram equalisation.

Each function takes and gives an image of float32; images in [0, 1] unless it says otherwise.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike

from cryoglean.types import FloatImage

GREY_LEVELS = 256


def standardise(image: ArrayLike) -> FloatImage:
    """Shift and scale an image of any range to zero mean and unit variance.

    Parameters
    ----------
    image : array, shape (ny, nx)
        The image, in any unit.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        All zero where the image is constant.

    Notes
    -----
    Al-Azzawi et al. (2019), equation 1. The authors' programs map minimum and maximum to 0 and 1
    instead, which makes no difference after the contrast stretch.
    """
    pixels = np.asarray(image, np.float32)
    mean, deviation = cv2.meanStdDev(np.ascontiguousarray(pixels))
    spread = float(deviation[0, 0])
    centred: FloatImage = pixels - np.float32(mean[0, 0])
    return centred / np.float32(spread) if spread > 0 else np.zeros_like(pixels)


def stretch_limits(image: ArrayLike, saturate: float = 0.01) -> tuple[float, float]:
    """Find the grey values below and above which lies the fraction `saturate` of all pixels.

    Raises
    ------
    ValueError
        `saturate` is not in [0, 0.5).
    """
    if not 0 <= saturate < 0.5:
        raise ValueError(f"the fraction to saturate at each end must be in [0, 0.5), got {saturate}")
    low, high = np.quantile(np.asarray(image, np.float32), (saturate, 1 - saturate))
    return float(low), float(high)


def stretch_contrast(image: ArrayLike, saturate: float = 0.01) -> FloatImage:
    """Stretch an image of any range to [0, 1] between found limits, and saturate what lies outside.

    Parameters
    ----------
    image : array, shape (ny, nx)
        The image, in any unit.
    saturate : float
        Fraction of the pixels that saturates at each end: 0.02 in the paper, 0.01 in the authors' programs.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Values in [0, 1]; all zero where the limits coincide.
    """
    low, high = stretch_limits(image, saturate)
    pixels = np.asarray(image, np.float32)
    if not high > low:
        return np.zeros_like(pixels)
    # A division, so that the upper limit becomes exactly 1.
    stretched = (pixels - np.float32(low)) / (np.float32(high) - np.float32(low))
    return np.asarray(np.clip(stretched, 0, 1), np.float32)


def stretch_mid_range(image: ArrayLike, saturate: float = 0.02) -> FloatImage:
    """Set the darkest pixels to 0 and the brightest to 1, and divide the middle range by its largest value.

    Unlike `stretch_contrast`, it does not shift, so it leaves a step at the lower limit.

    Parameters
    ----------
    image : array of float, shape (ny, nx)
        Values are first shifted so that the smallest is 0.
    saturate : float
        Fraction of the pixels set to 0 and to 1.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Values in [0, 1].

    Notes
    -----
    Al-Azzawi et al. (2019), equation 2.
    """
    pixels = np.asarray(image, np.float32)
    pixels = pixels - pixels.min()
    low, high = stretch_limits(pixels, saturate)
    if not high > low:
        return np.zeros_like(pixels)
    return np.where(pixels < low, np.float32(0), np.minimum(pixels / np.float32(high), 1))


def equalise_histogram(image: FloatImage, levels: int = 64) -> FloatImage:
    """Spread the grey values of an image in [0, 1] evenly over `levels` equally spaced values.

    A grey value takes the output level in whose share of the pixels the middle of its own share falls.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Values in [0, 1], taken to 8 bit.
    levels : int
        Number of output values, at least 2; 64 is what the authors' programs use.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Multiples of 1 / (levels - 1) in [0, 1].
    """
    if levels < 2:
        raise ValueError(f"histogram equalisation needs at least two levels, got {levels}")
    grey = to_grey(image)
    count = np.bincount(grey.ravel(), minlength=GREY_LEVELS)
    middle = (np.cumsum(count) - count / 2) / grey.size
    level = np.clip(np.ceil(levels * middle) - 1, 0, levels - 1)
    table = (level / (levels - 1)).astype(np.float32)
    return np.asarray(cv2.LUT(grey, table), np.float32)


def to_grey(image: FloatImage) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Round an image in [0, 1] to the 256 grey levels of 8 bit; values outside saturate."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(image, 0), alpha=GREY_LEVELS - 1), np.uint8)
