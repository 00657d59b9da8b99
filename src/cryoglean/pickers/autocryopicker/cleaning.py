"""Cleaning of binary particle masks, and the measures that tell their components apart."""

from __future__ import annotations

import math

import cv2
import numpy as np

from cryoglean.image.masks import CROSS, fill_holes, find_outlines
from cryoglean.pickers.autocryopicker.settings import CleaningConfig
from cryoglean.types import Mask


def clean_mask(mask: Mask, diameter_px: float, config: CleaningConfig | None = None) -> Mask:
    """Clean a mask of particles: drop specks, erode, fill holes, close, dilate.

    Parameters
    ----------
    mask : ndarray of bool, shape (ny, nx)
        The darkest class of a clustering.
    diameter_px : float
        Particle diameter in pixels of the mask; areas are relative to the disc of this diameter.
    config : CleaningConfig, optional
        The limits.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        The cleaned mask.

    Notes
    -----
    Al-Azzawi et al. (2019), algorithm 2, with the structuring element of their programs (a 3 × 3 cross).
    """
    config = config or CleaningConfig()
    disc = math.pi / 4 * diameter_px**2
    large = remove_small(mask, config.min_area * disc).astype(np.uint8)
    filled = fill_holes(cv2.erode(large, CROSS) > 0).astype(np.uint8)
    cleaned = cv2.dilate(cv2.morphologyEx(filled, cv2.MORPH_CLOSE, CROSS), CROSS) > 0
    if config.max_irregularity is None:
        return cleaned
    return remove_irregular(cleaned, config.max_irregularity)


def remove_small(mask: Mask, min_area: float) -> Mask:
    """Remove the 8-connected components of fewer than `min_area` pixels."""
    _, label, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area
    keep[0] = False
    return np.asarray(keep[label], np.bool_)


def remove_irregular(mask: Mask, max_irregularity: float) -> Mask:
    """Remove the components whose perimeter² / (4π area) is not below `max_irregularity`; 1 is a disc.

    Touching particles form one component of a long outline, so this loses them together.
    """
    kept = np.zeros(mask.shape, np.uint8)
    for contour in find_outlines(mask):
        area = cv2.contourArea(contour)
        if area > 0 and cv2.arcLength(contour, closed=True) ** 2 < max_irregularity * 4 * math.pi * area:
            cv2.drawContours(kept, [contour], -1, 1, thickness=cv2.FILLED)
    return (kept > 0) & mask
