"""Shapes in binary masks: cleaning, circles, rectangles, Feret diameters."""

from cryoglean.shapes.cleaning import clean_mask, fill_holes, find_outlines, remove_irregular, remove_small
from cryoglean.shapes.feret import Feret, measure_feret
from cryoglean.shapes.hough import Circles, accumulate_votes, find_circles, measure_radii
from cryoglean.shapes.maxima import Maxima, find_prominent_maxima
from cryoglean.shapes.rectangles import (
    NO_RECTANGLES,
    Rectangles,
    erase_circles,
    find_rectangles,
    measure_squareness,
)

__all__ = [
    "NO_RECTANGLES",
    "Circles",
    "Feret",
    "Maxima",
    "Rectangles",
    "accumulate_votes",
    "clean_mask",
    "erase_circles",
    "fill_holes",
    "find_circles",
    "find_outlines",
    "find_prominent_maxima",
    "find_rectangles",
    "measure_feret",
    "measure_radii",
    "measure_squareness",
    "remove_irregular",
    "remove_small",
]
