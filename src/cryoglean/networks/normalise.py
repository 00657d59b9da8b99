"""The one normalisation of images that the networks see, in training as in picking.

PIXER's own programs stretch every tile by itself, so the same ice looks different from tile to tile and the
map has seams. Here the background and the spread are measured once over the whole micrograph.
"""

from __future__ import annotations

import cv2
import numpy as np

from cryoglean.image.spread import robust_std
from cryoglean.types import FloatImage

BACKGROUND = 3.0
"""Width of the Gaussian that tells background from particles, in particle diameters."""

LIMIT = 6.0
"""Values beyond this many standard deviations say no more than that they are extreme."""

_COARSE = 8
"""The background is measured on blocks of this many pixels."""

_SAMPLES = 1_000_000
"""Pixels from which the spread is measured, at least."""


def normalise(image: FloatImage, particle_px: float) -> FloatImage:
    """Take away the background and divide by the spread, both of the whole image.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        A whole micrograph at the network's scale, particles bright.
    particle_px : float
        Particle diameter in pixels.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Median about 0 and robust standard deviation 1, cut off
        at `LIMIT`; zeros where the image is flat.
    """
    ny, nx = image.shape
    blocks = (max(1, nx // _COARSE), max(1, ny // _COARSE))
    coarse = cv2.resize(image, blocks, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(
        coarse, (0, 0), BACKGROUND * particle_px / _COARSE, borderType=cv2.BORDER_REFLECT
    )
    level = image - cv2.resize(smooth, (nx, ny), interpolation=cv2.INTER_LINEAR)
    stride = max(1, int(np.sqrt(level.size / _SAMPLES)))
    sample = level[::stride, ::stride]
    middle = np.median(sample)
    spread = robust_std(sample, middle)
    if spread <= 0:
        return np.zeros_like(level)
    level -= middle
    level /= np.float32(spread)
    return np.asarray(np.clip(level, -LIMIT, LIMIT, out=level), np.float32)
