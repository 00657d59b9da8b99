"""Side views for the default picker: near-squares that hold together over several thresholds.

AutoCryoPicker looks for side views in one mask, cut at one grey level (Al-Azzawi et al. 2019, BMC
Bioinformatics 20:326, algorithms 4 to 6). Whether a faint barrel then comes out whole, in stripes, or joined
to its neighbour depends on that level. Here the micrograph is cut at several levels, and what more than one
of them shows counts.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from cryoglean.image.masks import fill_holes
from cryoglean.image.rectangles import NO_RECTANGLES, Rectangles, find_rectangles
from cryoglean.image.spread import robust_std
from cryoglean.image.suppression import suppress
from cryoglean.types import FloatImage, Mask

SMOOTHING = 0.06
"""Width of the Gaussian that smooths the micrograph before it is cut, in particle diameters."""
CUTS = ((1.0, 0.1), (1.5, 0.1), (1.25, 0.1), (1.5, 0.2), (1.25, 0.2), (2.0, 0.2))
"""Level in standard deviations of the noise, and diameter of the closing that joins stripes, in diameters."""
MIN_VOTES = 2
"""A side view is seen in at least this many cuts."""
MIN_SIDE_VIEWS = 3
"""Fewer side views than this in a micrograph are chance shapes of neighbours that touch."""


def find_side_views(level: FloatImage, diameter_px: float) -> Rectangles:
    """Find particles seen from the side, as rectangles.

    Parameters
    ----------
    level : ndarray of float32, shape (ny, nx)
        The flattened micrograph, particles bright.
    diameter_px : float
        Particle diameter, pixels of `level`.

    Returns
    -------
    Rectangles
        In pixels of `level`, the most certain first; none where there are fewer than three.
    """
    smooth = np.asarray(cv2.GaussianBlur(level, (0, 0), SMOOTHING * diameter_px), np.float32)
    middle = float(np.median(smooth))
    spread = robust_std(smooth, middle)
    seen: list[Rectangles] = []
    for cut, closing in CUTS:
        mask = _close(smooth > middle + cut * spread, closing * diameter_px)
        seen.append(find_rectangles(fill_holes(mask), diameter_px))
        if len(seen[0]) < MIN_SIDE_VIEWS:
            # The first cut shows most; where it shows next to nothing, the others are not worth their time.
            return NO_RECTANGLES
    return _merge(seen, diameter_px)


def _close(mask: Mask, width_px: float) -> Mask:
    side = 2 * round(width_px / 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, disc) > 0)


def _merge(seen: list[Rectangles], diameter_px: float) -> Rectangles:
    """Of the rectangles that several cuts show in one place, keep the squarest, if enough cuts show it."""
    every = Rectangles(
        *(
            np.concatenate([getattr(rectangles, column) for rectangles in seen])
            for column in ("xy", "sides", "angle", "squareness", "longest")
        )
    )
    every = every[np.argsort(-every.squareness, kind="stable")]
    tree = cKDTree(every.xy)
    votes = tree.query_ball_point(every.xy, 0.3 * diameter_px, return_length=True)
    kept = suppress(tree.query_pairs(0.6 * diameter_px, output_type="ndarray"), len(every))
    kept &= votes >= MIN_VOTES
    return every[kept] if kept.sum() >= MIN_SIDE_VIEWS else every[np.zeros(len(every), bool)]
