"""Settings of the network picker."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cryoglean.settings import Config


class NetworkConfig(Config):
    """The network picker: what is not given is found in the micrographs."""

    diameter: float | None = Field(None, gt=0)
    """Particle diameter, Å; found in the micrographs where it is not given."""
    contrast: Literal["auto", "dark", "bright"] = "auto"
    """Whether particles are darker than the ice, as usual, or brighter; found where it is not given."""
    weights: str = "general"
    """Weights of the networks: a name that `cryoglean models` lists, or a folder."""
    contamination: bool = True
    """Give no score to candidates on ice crystals, carbon edges and aggregates."""
