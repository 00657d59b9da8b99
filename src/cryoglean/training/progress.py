"""What is told while networks learn from a user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Progress:
    """How far it is.

    Parameters
    ----------
    stage : str
        What is being done, in words.
    step, steps : int
        Steps done, and steps in all, of this stage.
    """

    stage: str
    step: int
    steps: int


@dataclass(frozen=True)
class FineTuningResult:
    """How it ended.

    Parameters
    ----------
    weights : Path
        Folder of the new weights.
    before, after : dict of str to float
        Figures on micrographs that were held back, of the weights that it began with and of the new ones;
        and the average precision of both on simulated tiles, which tells whether the general ability stayed.
    threshold : float
        The recommended one of the new weights.
    kept : bool
        Whether the networks are still those that it began with, as no state in training did better.
    better : bool
        Whether F1 on the held-back micrographs rose.
    minutes : float
        What it took.
    command : str
        How to pick with the new weights.
    """

    weights: Path
    before: dict[str, float]
    after: dict[str, float]
    threshold: float
    kept: bool
    better: bool
    minutes: float
    command: str


Reporter = Callable[[Progress | FineTuningResult], None]
"""Is told what happens."""
