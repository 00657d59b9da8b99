"""Settings of the selection."""

from __future__ import annotations

from pydantic import Field

from cryoglean.settings import Config


class SelectConfig(Config):
    """Which candidates become picks."""

    min_score: float | None = None
    """Smallest score to keep; the picker's recommended threshold where it is not given."""
    separation: float = Field(0.5, ge=0)
    """Smallest distance between two picks, in particle diameters; of two closer ones the better stays."""
    border: float = Field(0.0, ge=0)
    """Smallest distance from the edge of the micrograph, in particle diameters; 0.5 keeps whole ones only."""
    max_picks: int | None = Field(None, ge=1)
    """Keep at most this many picks of a micrograph, the best ones."""
