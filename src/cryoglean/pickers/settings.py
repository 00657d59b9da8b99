"""Settings of picking."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cryoglean.pickers.template.settings import UnsupervisedConfig
from cryoglean.select.settings import SelectConfig


class PickConfig(UnsupervisedConfig, SelectConfig):
    """Everything that decides which picks a run gives; how the work is spread is not part of it."""

    method: Literal["auto", "unsupervised", "network", "paper"] = "auto"
    """How particles are found: auto takes what sees them best; paper is AutoCryoPicker as published."""
    weights: str = "general"
    """Weights of the network method: a name that `cryoglean models` lists, or a folder."""
    angpix: float | None = Field(None, gt=0)
    """Pixel size, Å; taken from the files where it is not given."""
