"""Micrographs of a run that are worth a look, because their picks are unlike those of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryoglean.engine.work import Outcome
from cryoglean.image.spread import robust_std

MIN_MICROGRAPHS = 8
"""Of fewer micrographs, none is told apart."""
DEVIATIONS = 4.0
"""An outlier lies this many robust standard deviations from the median."""
MIN_SPREAD = {"count": 0.5, "score": 0.02}
"""Standard deviations below these are taken for these: half a √n, which counting alone gives, and 0.02."""
MAX_TOLD = 50
"""So many outliers are told, the strangest ones."""


@dataclass(frozen=True)
class Outlier:
    """A micrograph worth a look.

    Parameters
    ----------
    name : str
        The micrograph.
    reason : str
        What is strange about it, with the figure that is usual in the run.
    deviation : float
        How far it lies from the median, in robust standard deviations.
    """

    name: str
    reason: str
    deviation: float


def find_outliers(outcomes: Sequence[Outcome]) -> list[Outlier]:
    """Find micrographs with far more or fewer picks than usual, or with far lower scores.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Those that did not fail count.

    Returns
    -------
    list of Outlier
        The strangest first; none of fewer than eight micrographs.
    """
    done = [outcome for outcome in outcomes if outcome.error is None]
    if len(done) < MIN_MICROGRAPHS:
        return []
    counts = np.array([outcome.picks for outcome in done])
    # The square root of a count has the same spread whatever the count.
    count_off = _deviations(np.sqrt(counts), MIN_SPREAD["count"])
    usual = f"{np.median(counts):.0f} is usual"
    found = [
        Outlier(done[k].name, f"{counts[k]} picks; {usual}", float(abs(count_off[k])))
        for k in np.flatnonzero(np.abs(count_off) > DEVIATIONS)
    ]
    scored = [outcome for outcome in done if outcome.mean_score is not None]
    scores = np.array([outcome.mean_score for outcome in scored], np.float64)
    if len(scores) >= MIN_MICROGRAPHS:
        score_off = _deviations(scores, MIN_SPREAD["score"])
        usual = f"{np.median(scores):.2f} is usual"
        found += [
            Outlier(scored[k].name, f"mean score {scores[k]:.2f}; {usual}", float(-score_off[k]))
            for k in np.flatnonzero(score_off < -DEVIATIONS)
        ]
    return sorted(found, key=lambda outlier: -outlier.deviation)[:MAX_TOLD]


def _deviations(values: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """Distances from the median in standard deviations, as the median absolute deviation estimates them."""
    off = values - np.median(values)
    deviations: NDArray[np.float64] = off / max(robust_std(off, 0.0), least)
    return deviations
