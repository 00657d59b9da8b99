"""Settings of the network picker."""

from __future__ import annotations

from typing import ClassVar, Literal

from cryoglean.networks.settings import ArchitectureConfig
from cryoglean.pickers.description import Description
from cryoglean.settings import Config


class NetworkConfig(Config):
    """The network method: PIXER's networks, trained on simulated micrographs."""

    description: ClassVar = Description(
        score="probability",
        maps={"particle": "particle", "contamination": "contamination"},
    )

    name: Literal["network"] = "network"
    """The method."""
    weights: str = "general"
    """Weights of the networks: a name that `cryoglean models` lists, or a folder."""
    contamination: bool = True
    """Give no score to candidates on ice crystals, carbon edges and aggregates."""

    @property
    def title(self) -> str:
        """The method in words."""
        return f"{self.name}, weights {self.weights}"

    @property
    def working_px(self) -> float:
        """Particle diameter at which networks see, unless their card says another, pixels."""
        return ArchitectureConfig().particle_px
