"""At which diameter, and in which contrast, a micrograph shows more discs than noise can.

Noise has no preferred sign: at every diameter it shows as many dark discs as bright ones, of the same
strengths. Particles break that symmetry, most strongly where the disc is as large as they are. So the
strengths of the opposite sign, in the same micrograph and of the same diameter, are the null against which
the discs of one sign are measured, and no threshold has to be chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.image.background import clip_outliers, flatten
from cryoglean.image.peaks import find_peaks
from cryoglean.image.radial import disc_template
from cryoglean.select.significance import EXTREMES_LEFT_OUT, _level, count_beyond_noise
from cryoglean.types import FloatImage, Mask

DISC_PX = 16.0
"""Every diameter is looked at where the disc measures this many pixels."""

STEPS_PER_OCTAVE = 4
"""Steps per doubling of the diameter; the response is about 25 % wide."""


@dataclass(frozen=True, eq=False)
class DiscCurve:
    """How strongly discs of each diameter stand out in one micrograph.

    Parameters
    ----------
    diameter_px : ndarray of float64, shape (n,)
        Diameters, pixels of the micrograph.
    dark, bright : ndarray of float64, shape (n,)
        Surplus of dark and of bright discs, weighted by the share of the micrograph's area that they cover;
        0 where noise could do as much.
    """

    diameter_px: NDArray[np.float64]
    dark: NDArray[np.float64]
    bright: NDArray[np.float64]


def diameter_grid(smallest_px: float, largest_px: float) -> NDArray[np.float64]:
    """Diameters in pixels from `smallest_px` to at most `largest_px`, evenly spaced in their logarithm."""
    steps = int(np.floor(STEPS_PER_OCTAVE * np.log2(max(largest_px / smallest_px, 1.0))))
    return smallest_px * 2.0 ** (np.arange(steps + 1) / STEPS_PER_OCTAVE)


def disc_curve(
    image: FloatImage, diameter_px: NDArray[np.float64], contaminated: Mask | None = None
) -> DiscCurve:
    """Measure the surplus of dark and of bright discs of each diameter.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The micrograph, or a copy of it binned so that the smallest diameter measures `DISC_PX`.
    diameter_px : ndarray, shape (n,)
        Diameters in pixels of `image`.
    contaminated : ndarray of bool, shape (ny, nx), optional
        Where ice, carbon or vacuum is; discs on it and beside it do not count.

    Returns
    -------
    DiscCurve
        The surpluses.
    """
    pairs = [_surplus_at(image, diameter, contaminated) for diameter in diameter_px]
    dark, bright = np.array(pairs).reshape(-1, 2).T
    return DiscCurve(np.asarray(diameter_px, np.float64), dark, bright)


def disc_response(image: FloatImage, diameter_px: float) -> FloatImage:
    """Brightness of a disc around every pixel above that of the ring around it.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        A flattened image.
    diameter_px : float
        Diameter of the disc; the ring ends at 1.3 times as much.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The response, positive for bright discs.
    """
    half = int(np.ceil(0.65 * diameter_px))
    window = disc_template(1.3 * diameter_px, half)
    disc = disc_template(diameter_px, half)
    kernel = (disc - (disc * window).sum() / window.sum()) * window
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


def strongest_discs(response: FloatImage, diameter_px: float) -> NDArray[np.float64]:
    """Find bright discs that noise cannot explain.

    Parameters
    ----------
    response : ndarray of float32, shape (ny, nx)
        From `disc_response`.
    diameter_px : float
        The diameter it was made for.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        Centres, the strongest first.
    """
    reach = 0.45 * diameter_px
    xy, height = find_peaks(response, reach)
    return xy[: count_beyond_noise(height, find_peaks(-response, reach)[1])]


def _surplus_at(image: FloatImage, diameter: float, contaminated: Mask | None) -> tuple[float, float]:
    factor = DISC_PX / diameter
    ny, nx = (max(8, round(length * factor)) for length in image.shape)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(image, (nx, ny), interpolation=method), np.float32)
    response = disc_response(clip_outliers(flatten(small, DISC_PX)), DISC_PX)
    allowed = np.ones(small.shape, bool)
    if contaminated is not None and contaminated.any():
        reach = 2 * round(0.5 * DISC_PX) + 1
        near = cv2.resize(contaminated.astype(np.uint8), (nx, ny), interpolation=cv2.INTER_NEAREST)
        allowed = np.asarray(cv2.dilate(near, np.ones((reach, reach), np.uint8)) == 0)
    dark, bright = (_heights(side, allowed) for side in (-response, response))
    area = DISC_PX * DISC_PX / small.size
    return _surplus(dark, bright) * area, _surplus(bright, dark) * area


def _heights(response: FloatImage, allowed: Mask) -> NDArray[np.float64]:
    """Heights of the peaks at allowed pixels, in rising order."""
    xy, height = find_peaks(response, 0.45 * DISC_PX)
    column, row = np.rint(xy).astype(np.intp).T
    ny, nx = response.shape
    return np.sort(height[allowed[np.clip(row, 0, ny - 1), np.clip(column, 0, nx - 1)]])


def _surplus(own: NDArray[np.float64], opposite: NDArray[np.float64]) -> float:
    """Sum the excess of the peaks of one sign over the level that peaks of the other sign reach.

    By symmetry, noise puts about as many peaks of each sign above the level, so only the part of the sum
    beyond twice that number counts.
    """
    level = _level(opposite)
    above = own[own > level]
    by_noise = 2 * (EXTREMES_LEFT_OUT + 1)
    if len(above) <= by_noise:
        return 0.0
    return float((above / level - 1).sum() * (1 - by_noise / len(above)))
