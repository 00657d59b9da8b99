"""Circular Hough transform of a mask: top views."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.image.masks import CROSS
from cryoglean.image.peaks import vertex
from cryoglean.image.prominence import find_prominent_maxima
from cryoglean.pickers.autocryopicker.settings import HoughConfig
from cryoglean.types import FloatImage, Mask


@dataclass(frozen=True, eq=False)
class Circles:
    """Circles found in a mask, the most prominent first.

    Parameters
    ----------
    xy : ndarray of float64, shape (n, 2)
        Centres, pixels.
    radius : ndarray of float64, shape (n,)
        Radii, pixels.
    prominence : ndarray of float64, shape (n,)
        How far the centre stands out in the accumulator, where a perfect disc's centre reaches 0.5 to 0.9.
    """

    xy: NDArray[np.float64]
    radius: NDArray[np.float64]
    prominence: NDArray[np.float64]


def find_circles(mask: Mask, diameter_px: float, config: HoughConfig | None = None) -> Circles:
    """Find discs of about the particle's diameter in a mask, wholly or partly visible, alone or touching.

    Parameters
    ----------
    mask : ndarray of bool, shape (ny, nx)
        The cleaned mask.
    diameter_px : float
        Particle diameter in pixels of the mask.
    config : HoughConfig, optional
        Range of radii and least prominence.

    Returns
    -------
    Circles
        Centres and radii below a pixel.

    Notes
    -----
    Al-Azzawi et al. (2019), algorithm 3. Scored by prominence, which does not rise in a crowd as the height
    does.
    """
    config = config or HoughConfig()
    # Votes are counted beyond the border too, or the maximum of a particle near it would be drawn inwards.
    margin = math.ceil(3 * config.blur * diameter_px)
    votes = _accumulate(mask, diameter_px, config, margin=margin)
    maxima = find_prominent_maxima(votes, least=config.min_prominence, floor=config.min_prominence / 2)
    xy = maxima.xy - margin
    inside = np.all((xy >= -0.5) & (xy < np.array(mask.shape[::-1]) - 0.5), axis=1)
    radius = measure_radii(mask, xy[inside], radii_px(diameter_px, config))
    return Circles(xy[inside], radius, maxima.prominence[inside])


def accumulate_votes(mask: Mask, diameter_px: float, config: HoughConfig | None = None) -> FloatImage:
    """Let each border pixel of a mask vote for the centres that lie inwards along its normal.

    A vote for radius r weighs 1 / (2πr), so that circles of all radii count by the visible share of their
    circumference.

    Parameters
    ----------
    mask : ndarray of bool, shape (ny, nx)
        The cleaned mask.
    diameter_px : float
        Particle diameter in pixels of the mask.
    config : HoughConfig, optional
        Range of radii and blur.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The accumulator, 0.5 to 0.9 at the centre of a perfect disc.

    Notes
    -----
    Atherton and Kerbyson (1999), Image Vis. Comput. 17:795, without their phase coding.
    """
    return _accumulate(mask, diameter_px, config or HoughConfig())


def measure_radii(mask: Mask, xy: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measure at what distance from each centre the mask, averaged over all directions, falls most steeply.

    Parameters
    ----------
    mask : ndarray of bool, shape (ny, nx)
        The cleaned mask.
    xy : ndarray of float64, shape (n, 2)
        Centres, pixels.
    radii : ndarray of float64, shape (m,)
        Radii to look at, rising by 1 pixel.

    Returns
    -------
    ndarray of float64, shape (n,)
        Radii in pixels, refined by a parabola through the steepest fall and its neighbours.
    """
    if not len(xy):
        return np.zeros(0)
    ring = np.arange(radii[0] - 1.5, radii[-1] + 2)
    angle = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    x = (xy[:, :1] + np.outer(ring, np.cos(angle)).ravel()).astype(np.float32)
    y = (xy[:, 1:] + np.outer(ring, np.sin(angle)).ravel()).astype(np.float32)
    smooth = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)
    # Beyond the micrograph's border the mask continues as it ended there, so nothing falls off.
    sampled = cv2.remap(smooth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    profile = np.asarray(sampled, np.float64).reshape(len(xy), len(ring), -1).mean(axis=2)
    fall = -np.diff(profile, axis=1)
    steepest = 1 + np.argmax(fall[:, 1:-1], axis=1)
    row = np.arange(len(xy))
    before, here, after = (fall[row, steepest + step] for step in (-1, 0, 1))
    return np.asarray(ring[steepest] + 0.5 + vertex(before, here, after), np.float64)


def radii_px(diameter_px: float, config: HoughConfig) -> NDArray[np.float64]:
    """Radii that are voted for, a pixel apart, in pixels."""
    smallest, largest = (
        max(1, round(share * diameter_px / 2)) for share in (config.smallest_radius, config.largest_radius)
    )
    return np.arange(smallest, largest + 1, dtype=np.float64)


def _accumulate(mask: Mask, diameter_px: float, config: HoughConfig, *, margin: int = 0) -> FloatImage:
    """Blurred votes over the mask and `margin` pixels around it."""
    ny, nx = (n + 2 * margin for n in mask.shape)
    y, x, normal_y, normal_x = _borders(mask)
    radii = radii_px(diameter_px, config).astype(np.float32)[:, None]
    column = np.rint(x + margin + radii * normal_x).astype(np.int32)
    row = np.rint(y + margin + radii * normal_y).astype(np.int32)
    inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    weight = np.broadcast_to(1 / (2 * math.pi * radii), inside.shape)
    votes = np.bincount((row * nx + column)[inside], weight[inside], minlength=ny * nx)
    blur = config.blur * diameter_px
    image = cv2.GaussianBlur(
        votes.reshape(ny, nx).astype(np.float32), (0, 0), blur, borderType=cv2.BORDER_CONSTANT
    )
    # One vote a pixel along a line through the centre, which is what the radii make of a circle, gives 1.
    return np.asarray(image * np.float32(math.sqrt(2 * math.pi) * blur), np.float32)


def _borders(mask: Mask) -> NDArray[np.float32]:
    """Find the border pixels of a mask: y, x, and y, x of the unit normal into the mask, (4, n)."""
    solid = mask.astype(np.uint8)
    # Erosion takes what lies beyond the micrograph for mask, so the micrograph's own border does not vote.
    y, x = np.nonzero(solid - cv2.erode(solid, CROSS))
    smooth = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), 1.5, borderType=cv2.BORDER_REPLICATE)
    slope_x, slope_y = (
        np.asarray(cv2.Sobel(smooth, cv2.CV_32F, dx, dy, borderType=cv2.BORDER_REPLICATE), np.float32)[y, x]
        for dx, dy in ((1, 0), (0, 1))
    )
    length = np.maximum(np.hypot(slope_x, slope_y), np.float32(1e-6))
    return np.stack([y, x, slope_y / length, slope_x / length]).astype(np.float32)


def erase_circles(mask: Mask, circles: Circles, min_prominence: float) -> Mask:
    """Take the discs of the circles of at least this prominence out of a mask.

    Notes
    -----
    Al-Azzawi et al. (2019), algorithm 4: the removal of circular objects before side views are looked for.
    """
    certain = circles.prominence >= min_prominence
    erased = mask.astype(np.uint8)
    for (x, y), radius in zip(circles.xy[certain], circles.radius[certain], strict=True):
        cv2.circle(erased, (round(x), round(y)), math.ceil(radius) + 1, 0, thickness=cv2.FILLED)
    return erased > 0
