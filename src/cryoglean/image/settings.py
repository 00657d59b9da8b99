"""Settings of the image functions that more than one method uses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cryoglean.settings import Config


class RectangleConfig(Config):
    """How particles seen from the side, which are near-squares, are found in a cleaned mask."""

    openings: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.15, 0.3)
    """Diameters of the discs that open the mask, one after the other, in particle diameters."""
    min_area: float = Field(0.55, gt=0)
    """Smallest area, in squares on the particle diameter."""
    max_area: float = Field(1.5, gt=0)
    """Largest area, in squares on the particle diameter."""
    min_ratio: float = Field(0.7, gt=0, le=1)
    """Smallest ratio of the shorter to the longer side; overlapping side views have less."""
    min_overlap: float = Field(0.9, gt=0, le=1)
    """Smallest overlap, common over joint area, with the rectangle of the same area."""
    longest: float = Field(1.25, ge=1)
    """Largest Feret diameter, in medians of the micrograph's side views."""
