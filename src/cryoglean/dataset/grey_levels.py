"""Grey levels of tiles and crops: 8 bits about the background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cryoglean.image.spread import STD_PER_DEVIATION, median_deviation

LEVELS_PER_SIGMA, MIDDLE = 21, 128
"""Grey levels per standard deviation of the noise, so that 8 bits reach ± 6 of them; level of the median."""


def grey_levels(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Quantise an image to 8 bits: 128 at the median, 21 levels a standard deviation of the noise.

    The noise is measured by the median absolute deviation, which particles and contamination hardly touch.
    """
    middle = np.median(image)
    sigma = np.float32(STD_PER_DEVIATION) * median_deviation(image, middle)
    levels = np.round((image - middle) * (LEVELS_PER_SIGMA / max(float(sigma), 1e-12)) + MIDDLE)
    return np.clip(levels, 0, 255).astype(np.uint8)


def quantise(level: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Quantise an image of median 0, in standard deviations of its noise, to 8 bits."""
    return np.clip(np.rint(level * LEVELS_PER_SIGMA + MIDDLE), 0, 255).astype(np.uint8)
