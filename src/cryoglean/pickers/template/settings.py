"""Settings of the template picker."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from cryoglean.pickers.description import Description
from cryoglean.settings import Config


class TemplateConfig(Config):
    """The unsupervised method: templates learnt from each micrograph's own best picks."""

    description: ClassVar = Description(score="probability", maps={"particle": "similarity"})

    name: Literal["unsupervised"] = "unsupervised"
    """The method."""
    working_px: float = Field(24.0, ge=12, le=96)
    """Micrographs are resampled so that the particle measures this many pixels."""
    rounds: int = Field(2, ge=0, le=10)
    """How often the template is learnt anew from the micrograph's own best picks."""
    side_views: bool = True
    """Look for rectangular side views beside the round top views."""
    contamination: bool = True
    """Give no score to candidates on ice crystals, carbon edges and aggregates."""

    @property
    def title(self) -> str:
        """The method in words."""
        return self.name
