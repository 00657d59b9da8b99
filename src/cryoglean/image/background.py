"""Flat background and unit noise, the common ground of everything that is measured on a micrograph."""

from __future__ import annotations

import cv2
import numpy as np

from cryoglean.image.spread import STD_PER_DEVIATION, median_deviation, robust_std
from cryoglean.types import FloatImage, Mask

FINEST_SIGMA_PX = 5.0
"""Wide Gaussians are applied to a copy of the image so much smaller that their width is at least this."""
SAMPLE = 20_000
"""So many pixels give median and spread to a percent, in a fiftieth of the time that all take."""

FAR = 10.0
"""Robust standard deviations from the median beyond which no uneven illumination explains a level."""

ROUNDING = 1e-6
"""What varies less than this part of its level is rounding."""


def blur(image: FloatImage, sigma_px: float) -> FloatImage:
    """Average an image with a Gaussian of any width, in a time that does not grow with the width.

    Wide Gaussians leave nothing that a coarser grid could not hold. So the image is averaged over blocks,
    blurred, and interpolated; the blocks' width and that of the interpolation are taken off the Gaussian's.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image; beyond its border it is reflected.
    sigma_px : float
        Standard deviation of the Gaussian.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The averages.
    """
    step = max(1, int(sigma_px / FINEST_SIGMA_PX))
    ny, nx = image.shape
    my, mx = max(1, round(ny / step)), max(1, round(nx / step))
    # Variance of a block is (step² - 1)/12, that of linear interpolation between blocks twice as much.
    across, down = (np.sqrt((sigma_px / own) ** 2 - (1 - 1 / own**2) / 4) for own in (nx / mx, ny / my))
    blocks = cv2.resize(image, (mx, my), interpolation=cv2.INTER_AREA) if step > 1 else image
    blurred = cv2.GaussianBlur(blocks, (0, 0), sigmaX=across, sigmaY=down, borderType=cv2.BORDER_REFLECT)
    if step > 1:
        blurred = cv2.resize(blurred, (nx, ny), interpolation=cv2.INTER_LINEAR)
    return np.asarray(blurred, np.float32)


def flatten(image: FloatImage, sigma_px: float) -> FloatImage:
    """Take away slow variation and scale the noise to unit variance.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image.
    sigma_px : float
        Width of the Gaussian that is taken for the background.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Median 0 and robust standard deviation 1; all 0 where the image is constant.
    """
    level = image - blur(image, sigma_px)
    sample = level.ravel()[:: max(1, level.size // SAMPLE)]
    middle = np.median(sample)
    spread = np.float32(STD_PER_DEVIATION) * median_deviation(sample, middle)
    if spread <= ROUNDING * float(np.abs(image).max()):
        return np.zeros_like(level)
    return np.asarray((level - middle) / spread, np.float32)


def clip_outliers(image: FloatImage) -> FloatImage:
    """Limit a flattened image to ±4 standard deviations; further out, how far carries no information."""
    return np.asarray(np.clip(image, -4.0, 4.0), np.float32)


def far_from_usual(image: FloatImage, sigma_px: float, least: float = 0.0) -> Mask:
    """Find areas whose mean level is so far from the median that no uneven illumination explains it.

    Thick ice, carbon, ethane and vacuum are like that; particles are not, where the mean is taken over an
    area larger than they are.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image as recorded, not flattened.
    sigma_px : float
        Width of the Gaussian over which the level is averaged.
    least : float
        Smallest deviation that counts, in units of the image: what an area full of particles would have.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True for pixels ten robust standard deviations and more from the median.
    """
    smooth = blur(image, sigma_px)
    middle = np.median(smooth)
    return np.asarray(np.abs(smooth - middle) > max(FAR * robust_std(smooth, middle), least))
