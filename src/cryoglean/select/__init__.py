"""From scored candidates to the picks that are kept: thresholds, separation, borders, number."""

from cryoglean.image.grid_maxima import grid_maxima
from cryoglean.select.selection import apart, inside, select

__all__ = ["apart", "grid_maxima", "inside", "select"]
