"""Round templates: drawn, or learnt as the radial average of picked particles."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.types import FloatImage

PROFILE_STEP_PX = 0.5
"""Distance between the samples of a radial profile, pixels."""


def radius_grid(half: int) -> FloatImage:
    """Distance of each pixel of a (2·half+1)² patch from its central pixel, in pixels."""
    axis = np.arange(-half, half + 1, dtype=np.float32)
    return np.asarray(np.hypot(axis[:, None], axis[None, :]), np.float32)


def disc_template(diameter_px: float, half: int) -> FloatImage:
    """Draw a uniform disc, softened at its edge over about a pixel.

    Parameters
    ----------
    diameter_px : float
        Diameter of the disc.
    half : int
        The patch measures ``2 * half + 1`` pixels a side.

    Returns
    -------
    ndarray of float32, shape (2·half+1, 2·half+1)
        1 inside, 0 outside.
    """
    return np.asarray(np.clip(diameter_px / 2 + 0.5 - radius_grid(half), 0, 1), np.float32)


def average_patches(image: FloatImage, xy: NDArray[np.float64], half: int) -> FloatImage:
    """Average square patches around points, with sub-pixel centring.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image.
    xy : ndarray, shape (n, 2)
        Centres; those whose patch would cross the border are left out.
    half : int
        The patch measures ``2 * half + 1`` pixels a side.

    Returns
    -------
    ndarray of float32, shape (2·half+1, 2·half+1)
        The average; zero where no patch fits.
    """
    ny, nx = image.shape
    side = 2 * half + 1
    total = np.zeros((side, side), np.float32)
    inside = np.all((xy >= half) & (xy <= np.array([nx - 1 - half, ny - 1 - half])), axis=1)
    for x, y in xy[inside]:
        total += cv2.getRectSubPix(image, (side, side), (float(x), float(y)))
    return total / np.float32(max(1, int(inside.sum())))


def radial_profile(patch: FloatImage) -> NDArray[np.float64]:
    """Average a patch over all directions around its centre.

    Parameters
    ----------
    patch : ndarray of float32, shape (2·half+1, 2·half+1)
        The patch.

    Returns
    -------
    ndarray of float64
        Mean at radii 0, 0.5, 1, … pixels (`PROFILE_STEP_PX`) up to ``half``; radii that no pixel has are
        interpolated.
    """
    half = patch.shape[0] // 2
    ring = np.rint(radius_grid(half) / PROFILE_STEP_PX).astype(np.intp).ravel()
    count = np.bincount(ring)
    mean = np.bincount(ring, patch.ravel()) / np.maximum(count, 1)
    radii = np.arange(int(half / PROFILE_STEP_PX) + 1)
    known = np.flatnonzero(count)
    return np.interp(radii, known, mean[known])


def spin(profile: NDArray[np.float64], half: int) -> FloatImage:
    """Draw the round patch that has a given radial profile; the last value holds beyond its end."""
    samples = np.arange(len(profile)) * PROFILE_STEP_PX
    return np.interp(radius_grid(half), samples, profile).astype(np.float32)


def particle_radius(profile: NDArray[np.float64], largest_px: float) -> tuple[float, float]:
    """Where a particle ends, and whether it is brighter or darker than its surroundings.

    The integral of the profile over the disc of radius r, less the background, is most extreme where the
    profile crosses the background at the particle's outer edge: inside, every ring adds to it, and the
    Fresnel fringe outside takes away. A bright centre within a dark ring does not mislead it, as the ring is
    larger.

    Parameters
    ----------
    profile : ndarray
        From `radial_profile`, reaching beyond `largest_px`.
    largest_px : float
        Radii up to here are considered; the median of the profile beyond is the background.

    Returns
    -------
    radius_px : float
        The radius.
    sign : float
        1 where the particle is brighter than the background, −1 where it is darker.
    """
    radii = np.arange(len(profile)) * PROFILE_STEP_PX
    outside = radii > largest_px
    background = float(np.median(profile[outside])) if outside.any() else 0.0
    smooth = np.convolve(np.pad(profile, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    enclosed = np.cumsum((smooth - background) * radii)[~outside]
    edge = int(np.argmax(np.abs(enclosed)))
    sign = float(np.sign(enclosed[edge]) or 1.0)
    # The profile crosses the background between this sample, still inside, and the next.
    level = sign * (smooth - background)
    if edge + 1 < len(level) and level[edge] > 0 > level[edge + 1]:
        part = level[edge] / (level[edge] - level[edge + 1])
        return float(radii[edge] + PROFILE_STEP_PX * part), sign
    return float(radii[edge]), sign
