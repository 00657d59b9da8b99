"""Two populations among the candidates of a run, particles and others, told apart without a label.

Several kinds of evidence, each imperfect, are joined into one score. A kind counts by how well it separates
the two populations in this very run: of a protein like those that the networks know, theirs counts most;
where they are strangers, discs and class averages do. The weights are those of a naive Bayes classifier, and
both they and the populations come from expectation maximisation (Dempster, Laird & Rubin 1977, J. R. Stat.
Soc. B 39, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

_Values = NDArray[np.float64]

ROUNDS = 3
"""Weights and populations are found in turn so often; then they hardly change."""
ITERATIONS = 60
"""Of expectation maximisation."""
PRIOR = 5.0
"""Weight, in candidates, of the whole's spread as a guess of each population's."""
RECALL_WEIGHT = 2.0
"""Recall counts this many times as much as precision, as in F2: users remove false picks by 2D
classification, and nobody gets back a particle that was missed."""
_LIMIT = 0.02
"""No candidate belongs to one population wholly while weights are found."""
_STEPS = 2001
"""Of the table from score to probability."""


@dataclass(frozen=True, eq=False)
class Populations:
    """How evidence becomes the probability of a particle.

    Parameters
    ----------
    middle, spread : ndarray, shape (k,)
        Mean and standard deviation of each kind of evidence over the candidates of the run.
    weight : ndarray, shape (k,)
        What each counts, 0 or more.
    share : float
        Part of the candidates that are particles.
    mean, width : ndarray, shape (2,)
        Of the normal distributions of scores of others and of particles.
    """

    middle: _Values
    spread: _Values
    weight: _Values
    share: float
    mean: _Values
    width: _Values

    def scores(self, evidence: _Values) -> _Values:
        """Weighted sum of the evidence (n, k), in standard deviations."""
        scores: _Values = (evidence - self.middle) / self.spread @ self.weight
        return scores

    def probability(self, scores: _Values) -> _Values:
        """Probability of a particle; it never falls where the score rises."""
        reach = 8.0 * float(self.width.max())
        table = np.linspace(self.mean.min() - reach, self.mean.max() + reach, _STEPS)
        likely = _responsibility(table, self.share, (self.mean, self.width))
        # Far from both means the broader population would win by its tail alone, on either side.
        lowest = int(np.argmin(np.where(table <= self.mean.max(), likely, 1.0)))
        likely[:lowest] = likely[lowest]
        rising = np.maximum.accumulate(likely)
        return np.interp(scores, table, rising)

    @property
    def separation(self) -> float:
        """Distance of the populations in their joint width: Ashman's D, above 2 where they are well apart."""
        return float(np.sqrt(2) * (self.mean[1] - self.mean[0]) / np.hypot(*self.width))


@dataclass(frozen=True)
class Threshold:
    """Where to cut, and what is expected of it.

    Parameters
    ----------
    score : float
        Smallest probability that is kept.
    precision, recall : float
        Expected of the picks: part of them that are particles, part of the candidates that are particles
        which is kept.
    """

    score: float
    precision: float
    recall: float


def find_populations(evidence: _Values, first: _Values) -> Populations:
    """Tell two populations apart in the evidence of a run's candidates.

    Parameters
    ----------
    evidence : ndarray, shape (n, k)
        Each kind rises with the chance of a particle; n of 2 and more.
    first : ndarray, shape (n,)
        A first guess of the probability of a particle.
    """
    middle, spread = evidence.mean(axis=0), np.maximum(evidence.std(axis=0), 1e-9)
    standard = (evidence - middle) / spread
    belonging = np.clip(first, _LIMIT, 1 - _LIMIT)
    for _ in range(ROUNDS):
        weight = _weights(standard, belonging)
        scores = standard @ weight
        share, mean, width = _two_normals(scores, belonging)
        found = Populations(middle, spread, weight, share, mean, width)
        belonging = np.clip(found.probability(scores), _LIMIT, 1 - _LIMIT)
    return found


def first_guess(evidence: _Values) -> _Values:
    """Probability of a particle where all kinds of evidence count alike, shape (n,)."""
    standard = (evidence - evidence.mean(axis=0)) / np.maximum(evidence.std(axis=0), 1e-9)
    return np.asarray(expit(2.0 * standard.sum(axis=1)))


def choose_threshold(probability: _Values) -> Threshold:
    """Choose the threshold for which the expected F-beta score is the best, with beta = `RECALL_WEIGHT`.

    Parameters
    ----------
    probability : ndarray, shape (n,)
        Of the candidates; at least one above 0.

    Notes
    -----
    With true probabilities the expected number of particles among the picks is their sum, and the best
    threshold is half of the best expected F1 (Lipton, Elkan & Naryanaswamy 2014, ECML PKDD, LNCS 8725, 225);
    by the same argument it is the best F-beta score over 1 + beta².
    """
    falling = np.sort(probability)[::-1]
    right, number = np.cumsum(falling), np.arange(1, len(falling) + 1)
    square = RECALL_WEIGHT**2
    merit = (1 + square) * right / (number + square * right[-1])
    score = float(merit.max() / (1 + square))
    kept = max(1, int((falling >= score).sum()))
    return Threshold(score, float(right[kept - 1] / kept), float(right[kept - 1] / right[-1]))


def _weights(standard: _Values, belonging: _Values) -> _Values:
    """Distance of the means over the joint width, of each kind of evidence; none counts against itself."""
    ours, others = belonging / belonging.sum(), (1 - belonging) / (1 - belonging).sum()
    mean, other_mean = ours @ standard, others @ standard
    variance = (belonging @ (standard - mean) ** 2 + (1 - belonging) @ (standard - other_mean) ** 2) / len(
        standard
    )
    return np.asarray(np.maximum(mean - other_mean, 0.0) / np.sqrt(np.maximum(variance, 1e-9)))


def _two_normals(scores: _Values, belonging: _Values) -> tuple[float, _Values, _Values]:
    """Share of the second of two normal distributions, and their means and widths."""
    variance = max(float(scores.var()), 1e-12)
    for _ in range(ITERATIONS):
        parts = np.stack([1 - belonging, belonging])
        count = np.maximum(parts.sum(axis=1), 1e-9)
        mean = parts @ scores / count
        scatter = (parts * (scores - mean[:, None]) ** 2).sum(axis=1)
        width = np.sqrt((scatter + PRIOR * variance / 4) / (count + PRIOR) + 1e-12)
        share = float((count[1] + 1) / (len(scores) + 2))
        belonging = _responsibility(scores, share, (mean, width))
    return share, mean, width


def _responsibility(scores: _Values, share: float, normals: tuple[_Values, _Values]) -> _Values:
    """Probability of the second of two normal distributions, given their means and widths."""
    mean, width = normals
    deviation = (scores - mean[:, None]) / width[:, None]
    logs = -0.5 * deviation**2 - np.log(width[:, None]) + np.log([[1 - share], [share]])
    return np.asarray(expit(logs[1] - logs[0]))
