"""Precision and recall as the score threshold falls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryoglean.evaluate.matching import close_pairs
from cryoglean.types import Picks


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision and recall of picks kept above each score that occurs, from the highest score down.

    Parameters
    ----------
    score, precision, recall : ndarray, shape (n,)
        One entry a distinct score: the picks with this score or a higher one have this precision and recall.
    """

    score: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @property
    def average_precision(self) -> float | None:
        """Area under the steps of the curve; None where all scores are equal and so rank nothing."""
        if len(self.score) < 2:
            return None
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.precision))


def precision_recall(pairs: Iterable[tuple[Picks, Picks]], reach_px: float) -> Curve:
    """Walk down the scores of all micrographs together and count hits.

    Within a micrograph the better pick chooses first: each takes the nearest true particle within reach that
    none has taken before. (A threshold must not change what a better pick hits, so the assignment here is
    greedy, where `match` looks for the best assignment of all picks at once.) Picks of equal score enter the
    curve together.

    Parameters
    ----------
    pairs : iterable of (Picks, Picks)
        Truth and picks of each micrograph.
    reach_px : float
        A pick is a hit when it lies closer than this to a true particle, in pixels.

    Returns
    -------
    Curve
        Empty where there is no true particle or no pick.
    """
    scores, hits, n_truth = [np.zeros(0)], [np.zeros(0, bool)], 0
    for truth, picks in pairs:
        n_truth += len(truth)
        scores.append(_rankable(picks.score))
        hits.append(_greedy_hits(truth, picks, reach_px))
    score = np.concatenate(scores)
    if not len(score) or not n_truth:
        return Curve(np.zeros(0), np.zeros(0), np.zeros(0))
    order = np.argsort(-score, kind="stable")
    score, found = score[order], np.cumsum(np.concatenate(hits)[order])
    last = np.append(np.flatnonzero(score[1:] != score[:-1]), len(score) - 1)
    return Curve(score[last], found[last] / (last + 1), found[last] / n_truth)


def _greedy_hits(truth: Picks, picks: Picks, reach_px: float) -> NDArray[np.bool_]:
    edges, distance = close_pairs(truth, picks, reach_px)
    rank = np.empty(len(picks), np.int64)
    rank[np.argsort(-_rankable(picks.score), kind="stable")] = np.arange(len(picks))
    taken, hit = np.zeros(len(truth), bool), np.zeros(len(picks), bool)
    for particle, pick in edges[np.lexsort((edges[:, 0], distance, rank[edges[:, 1]]))].tolist():
        if not hit[pick] and not taken[particle]:
            hit[pick] = taken[particle] = True
    return hit


def _rankable(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put picks without a score, which some programs write as NaN, behind all others."""
    return np.where(np.isnan(score), -np.inf, score)
