"""Settings of aligning and averaging movies."""

from __future__ import annotations

from pydantic import Field

from cryoglean.io.settings import MovieConfig
from cryoglean.settings import Config


class AlignmentConfig(Config):
    """How the frames of a movie are aligned."""

    bfactor: float = Field(500.0, ge=0)
    """Fall-off of the weight with resolution, exp(-B s²/4), Å²; large values trust coarse features only."""
    max_shift: float = Field(100.0, gt=0)
    """Largest movement that is believed, Å."""
    iterations: int = Field(10, ge=0)
    """Rounds against the running average, fewer where shifts settle; 0 adds up frames as they are."""


class AverageConfig(MovieConfig, AlignmentConfig):
    """How a movie becomes a micrograph."""
