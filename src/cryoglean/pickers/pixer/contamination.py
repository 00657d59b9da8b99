"""Which of the networks' contamination is real: its edges must show in the image.

On a background that the networks never saw, smooth or denoised, they may take half of a micrograph for
carbon or ice. Ice, carbon and gold are denser or rougher than what is beside them; a place that is only
mistaken for contamination differs from its surroundings in nothing.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.image.spread import robust_std
from cryoglean.networks.maps import STRIDE, Maps
from cryoglean.networks.settings import WeightsCard
from cryoglean.types import FloatImage, Mask

LIKELY = 0.5
"""Regions are where contamination is more likely than not."""
MIN_AREA = 0.3
"""Regions smaller than this, in squares on the diameter, hold no candidate."""
MIN_STEP = 1.0
"""Contamination is denser or rougher than its surroundings by this many robust standard deviations of what is
clean: 0.0 to 0.8 on denoised micrographs without contamination, 3 to 16 at ice crystals and carbon edges."""
EDGE = 0.35
"""Width of the two bands along a region's outline that are compared, in particle diameters."""
DENSITY_WIDTH, ROUGHNESS_WIDTH = 0.2, 0.35
"""Widths of the Gaussians over which density and roughness are measured, in particle diameters."""
MIN_BAND = 20
"""Fewer pixels than this in a band say nothing of an edge."""


def find_contaminated(
    maps: Maps, image: FloatImage, xy: NDArray[np.float64], *, card: WeightsCard
) -> NDArray[np.bool_]:
    """Return which candidates lie on contamination rather than beside it.

    Parameters
    ----------
    maps : Maps
        What the segmentation network says of the image.
    image : ndarray of float32, shape (ny, nx)
        Normalised at the networks' scale, particles bright.
    xy : ndarray, shape (n, 2)
        Candidates in its pixels.
    card : WeightsCard
        Of the networks.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    particle_px = card.architecture.particle_px
    real = np.where(visible_regions(maps, image, particle_px=particle_px), maps.contamination, 0.0)
    half = round(particle_px / STRIDE / 2)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * half + 1, 2 * half + 1)).astype(np.float32)
    under = cv2.filter2D(real.astype(np.float32), -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)
    column, row = (np.rint(xy).astype(np.intp) // STRIDE).T
    row, column = np.clip(row, 0, under.shape[0] - 1), np.clip(column, 0, under.shape[1] - 1)
    return np.asarray(under[row, column] > card.max_contamination)


def visible_regions(maps: Maps, image: FloatImage, *, particle_px: float) -> Mask:
    """Return where the networks see contamination whose edges show in the image.

    Parameters
    ----------
    maps, image
        As in `find_contaminated`.
    particle_px : float
        Particle diameter in pixels of the image.

    Returns
    -------
    ndarray of bool, shape of the maps
    """
    diameter = particle_px / STRIDE
    ny, nx = maps.contamination.shape
    contaminated = (maps.contamination > LIKELY).astype(np.uint8)
    visible = np.zeros((ny, nx), bool)
    number, labels, boxes, _ = cv2.connectedComponentsWithStats(contaminated)
    large = [i for i in range(1, number) if boxes[i, cv2.CC_STAT_AREA] >= MIN_AREA * diameter**2]
    if not large:
        return visible
    small = cv2.resize(image[: ny * STRIDE, : nx * STRIDE], (nx, ny), interpolation=cv2.INTER_AREA)
    clean = cv2.dilate(contaminated, np.ones((5, 5), np.uint8)) == 0
    measures = [
        _in_spreads(measure, clean)
        for measure in _density_and_roughness(np.asarray(small, np.float32), diameter)
    ]
    reach = max(1, round(EDGE * diameter))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    for index in large:
        left, top, width, height = boxes[index, :4]
        window = np.s_[
            max(0, top - reach - 1) : top + height + reach + 1,
            max(0, left - reach - 1) : left + width + reach + 1,
        ]
        region = (labels[window] == index).astype(np.uint8)
        inner = (region > 0) & (cv2.erode(region, disc) == 0)
        outer = (cv2.dilate(region, disc) > 0) & (contaminated[window] == 0)
        # The outline itself belongs to neither side.
        outer &= cv2.dilate(region, np.ones((3, 3), np.uint8)) == 0
        if min(inner.sum(), outer.sum()) < MIN_BAND:
            continue
        steps = [
            np.median(measure[window][inner]) - np.median(measure[window][outer]) for measure in measures
        ]
        if max(steps) >= MIN_STEP:
            visible[window] |= region > 0
    return visible


def _density_and_roughness(image: FloatImage, diameter: float) -> tuple[FloatImage, FloatImage]:
    """Local mean, and the logarithm of the local standard deviation."""
    density = cv2.GaussianBlur(image, (0, 0), DENSITY_WIDTH * diameter)
    wide = ROUGHNESS_WIDTH * diameter
    mean, square = cv2.GaussianBlur(image, (0, 0), wide), cv2.GaussianBlur(image * image, (0, 0), wide)
    roughness = 0.5 * np.log(np.maximum(square - mean * mean, 1e-6))
    return np.asarray(density, np.float32), np.asarray(roughness, np.float32)


def _in_spreads(measure: FloatImage, clean: Mask) -> FloatImage:
    """Divide by the robust standard deviation of what is clean, or of everything where hardly anything is."""
    values = measure[clean] if clean.sum() >= MIN_BAND else measure
    return np.asarray(measure / max(robust_std(values), 1e-6), np.float32)
