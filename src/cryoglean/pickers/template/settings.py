"""Settings of the template picker."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cryoglean.settings import Config


class UnsupervisedConfig(Config):
    """The default picker: what is not given is found in the micrographs."""

    diameter: float | None = Field(None, gt=0)
    """Particle diameter, Å; found in the micrographs where it is not given."""
    contrast: Literal["auto", "dark", "bright"] = "auto"
    """Whether particles are darker than the ice, as usual, or brighter; found where it is not given."""
    working_px: float = Field(24.0, ge=12, le=96)
    """Micrographs are resampled so that the particle measures this many pixels."""
    rounds: int = Field(2, ge=0, le=10)
    """How often the template is learnt anew from the micrograph's own best picks."""
    side_views: bool = True
    """Look for rectangular side views beside the round top views."""
    contamination: bool = True
    """Give no score to candidates on ice crystals, carbon edges and aggregates."""
