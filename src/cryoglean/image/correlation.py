"""Normalised cross-correlation within a round window, exact up to and beyond the micrograph's border."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cryoglean.image.radial import disc_template
from cryoglean.types import FloatImage

SMALLEST_VISIBLE_PART = 0.35
"""Where less of the window than this lies inside the image, a correlation says nothing."""

MIN_DEVIATION = 0.25
"""Where the image varies less than this within the window there is no noise, as where nothing was recorded;
without this limit, what the background subtraction leaves there would count as much as any particle."""


@dataclass(frozen=True, eq=False)
class CorrelationPlan:
    """What all correlations of one image within one window share.

    Parameters
    ----------
    window : ndarray of float32, shape (2·half+1, 2·half+1)
        Weight of each pixel, 1 inside the window and 0 outside.
    margin : int
        Correlations reach this many pixels beyond the image on every side.
    framed : ndarray of float32, shape (ny + 2·margin, nx + 2·margin)
        The image with a margin of zeros.
    visible : ndarray of float32, shape of `framed`
        Sum of the window's weights inside the image.
    mean, spread : ndarray of float32, shape of `framed`
        Mean of the image in the window, and root of its sum of squared deviations, at least that of a
        standard deviation of `MIN_DEVIATION`.
    """

    window: FloatImage
    margin: int
    framed: FloatImage
    visible: FloatImage
    mean: FloatImage
    spread: FloatImage


def plan_correlation(image: FloatImage, *, radius_px: float, margin: int) -> CorrelationPlan:
    """Prepare an image for correlations within a round window.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image, flattened: of mean near 0 and variance near 1.
    radius_px : float
        Radius of the window.
    margin : int
        How far beyond the image the correlation maps reach, pixels.

    Returns
    -------
    CorrelationPlan
        The framed image and its statistics.
    """
    window = disc_template(2 * radius_px, int(np.ceil(radius_px)))
    framed = np.pad(image, margin)
    visible = np.maximum(_visible_sum(window, framed.shape, margin), np.float32(1e-3))
    mean = np.asarray(_weighted_sum(framed, window) / visible, np.float32)
    scatter = _weighted_sum(framed * framed, window) - mean * mean * visible
    spread = np.sqrt(np.maximum(scatter, np.float32(MIN_DEVIATION**2) * visible))
    return CorrelationPlan(window, margin, framed, visible, mean, np.asarray(spread, np.float32))


def correlate(plan: CorrelationPlan, template: FloatImage) -> FloatImage:
    """Pearson correlation of a template with the image in the window around every pixel.

    Where the window crosses the border, template and image are compared, centred and normalised on the part
    inside alone (masked normalised cross-correlation, Padfield 2012, IEEE Trans. Image Process. 21:2706).
    What noise reaches grows as one over the root of the number of pixels compared, so the correlation is
    multiplied by the root of the visible part, and values are as significant at the border as elsewhere.

    Parameters
    ----------
    plan : CorrelationPlan
        The image, from `plan_correlation`.
    template : ndarray of float32, shape of the plan's window
        The template; its mean and scale are immaterial.

    Returns
    -------
    ndarray of float32, shape (ny + 2·margin, nx + 2·margin)
        Values in [−1, 1]; −1 where too little of the window lies inside the image.
    """
    weight = plan.window.sum()
    centred = (template - (template * plan.window).sum() / weight) * plan.window
    centred /= max(float(np.sqrt((centred * centred).sum())), 1e-12)
    first = _visible_sum(centred, plan.framed.shape, plan.margin)
    second = _visible_sum(centred * centred, plan.framed.shape, plan.margin)
    own_spread = np.sqrt(np.maximum(second - first * first / plan.visible, np.float32(1e-6)))
    values = _weighted_sum(plan.framed, centred) - plan.mean * first
    values *= np.sqrt(plan.visible / weight) / (plan.spread * own_spread)
    values[plan.visible < SMALLEST_VISIBLE_PART * weight] = -1.0
    return np.asarray(np.clip(values, -1.0, 1.0), np.float32)


def _weighted_sum(framed: FloatImage, kernel: FloatImage) -> FloatImage:
    """Sum the image under a kernel around every pixel."""
    return np.asarray(cv2.filter2D(framed, -1, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)


def _visible_sum(kernel: FloatImage, shape: tuple[int, ...], margin: int) -> FloatImage:
    """Sum the part of a kernel that lies inside the image, around every pixel of the framed image.

    The image being a rectangle, that is a difference of four corners in the table of the kernel's sums.
    """
    half = kernel.shape[0] // 2
    table = np.pad(kernel, ((1, 0), (1, 0))).astype(np.float64).cumsum(0).cumsum(1)
    (top, bottom), (left, right) = (
        [np.clip(edge - np.arange(length) + half, 0, 2 * half + 1) for edge in (margin, length - margin)]
        for length in shape
    )
    strips = (table[:, right] - table[:, left]).astype(np.float32)
    return np.asarray(strips[bottom] - strips[top], np.float32)
