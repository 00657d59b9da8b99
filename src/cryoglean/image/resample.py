"""Resampling to a working pixel size, with the exact way back to the micrograph."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike

from cryoglean.types import Micrograph, ParticleSize, ResampledImage


def average_area(image: ArrayLike, step: float) -> ResampledImage:
    """Shrink an image by averaging areas of `step` × `step` pixels; the factor need not be a whole number.

    Nothing is cropped: the number of output pixels is rounded, and the exact factor of each axis, which
    differs from `step` by less than half an output pixel over the whole width, is kept with the result.

    Parameters
    ----------
    image : array of float, shape (ny, nx)
        The image.
    step : float
        Wanted input pixels per output pixel. Below 1 the image is enlarged by linear interpolation.

    Returns
    -------
    ResampledImage
        The averages. Its offset is ``(step - 1) / 2``, that is ``full = (low + 0.5) * step - 0.5``.

    Raises
    ------
    ValueError
        `step` is not positive.
    """
    if not step > 0:
        raise ValueError(f"the step must be positive, got {step}")
    pixels = np.ascontiguousarray(image, np.float32)
    ny, nx = pixels.shape
    my, mx = max(1, round(ny / step)), max(1, round(nx / step))
    method = cv2.INTER_AREA if step >= 1 else cv2.INTER_LINEAR
    low = pixels if (my, mx) == (ny, nx) else cv2.resize(pixels, (mx, my), interpolation=method)
    steps = (ny / my, nx / mx)
    return ResampledImage(low.astype(np.float32, copy=False), steps, ((steps[0] - 1) / 2, (steps[1] - 1) / 2))


def resample_to(micrograph: Micrograph, size: ParticleSize, working_px: float) -> ResampledImage:
    """Bring the particle to a working diameter, and make it bright.

    Parameters
    ----------
    micrograph : Micrograph
        The micrograph.
    size : ParticleSize
        Of its particles.
    working_px : float
        Wanted diameter, pixels of the result.

    Returns
    -------
    ResampledImage
        Averages of areas, multiplied by the sign of the particles' signal.
    """
    low = average_area(micrograph.data, size.diameter / micrograph.pixel_size / working_px)
    return ResampledImage(low.data * np.float32(size.sign), low.step, low.offset)


def cut_middle(micrograph: Micrograph, side_px: int) -> Micrograph:
    """Cut a square of `side_px` pixels out of the middle; all of a micrograph that is smaller."""
    top, left = (max(0, (length - side_px) // 2) for length in micrograph.shape)
    return micrograph.with_data(micrograph.data[top : top + side_px, left : left + side_px])
