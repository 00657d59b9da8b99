"""From similarities to probabilities: how likely a candidate is a particle, judged by its own micrograph.

Whatever the template, most local maxima of a similarity map are noise, and how similar noise can be is
written in the map itself. The candidates are a mixture of two populations; the share of particles among
candidates of one similarity is one minus the local false discovery rate (Efron 2004, J. Am. Stat. Assoc.
99:96).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryoglean.image.spread import robust_std

_Values = NDArray[np.float64]

ITERATIONS = 100
MIN_SEPARATION = 3.0
"""The mean of particles lies at least this many noise widths above that of noise; else it is noise itself."""
LONELY_SEPARATION = 6.0
"""A candidate that alone stands out must do so by this many noise widths: the rest would follow it, and one
maximum of noise among a hundred or two reaches the four that suffice for several."""
NOISE_PRIOR = 20.0
"""Weight, in candidates, of what the inverted map says about the noise."""
MIN_FOR_GROUPS = 30
"""Fewer candidates than this are not split into groups."""
MIN_FOR_WIDTH = 10
"""Fewer maxima of the inverted map than this do not give the noise's width."""
USUAL_WIDTH = 0.1
"""What it is taken for then, if they do not scatter more."""
PARTICLE_PRIOR = 5.0
"""Weight, in candidates, of the noise's width as a guess of the particles'."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """Distribution of the similarities of candidates: noise, and two kinds of particles.

    Parameters
    ----------
    share, mean, width : ndarray of float64, shape (3,)
        Of three normal distributions, noise first. Two serve for the particles, as whole and partly hidden
        ones, or top and side views, differ.
    """

    share: _Values
    mean: _Values
    width: _Values

    def probability(self, similarity: _Values) -> _Values:
        """Probability that candidates of these similarities, shape (n,), are particles.

        It is made never to fall where the similarity rises, and is 0 below the noise's mean, where a broad
        population of particles could win by its tail alone.
        """
        if len(similarity) == 0:
            return np.zeros(0)
        parts = self.densities(similarity)
        raw = np.where(similarity > self.mean[0], parts[1:].sum(0) / (parts.sum(0) + 1e-300), 0.0)
        order = np.argsort(similarity, kind="stable")
        rising = np.empty_like(raw)
        rising[order] = np.maximum.accumulate(raw[order])
        return rising

    def separation(self) -> float:
        """Distance of the particles' mean from the noise's, in units of their joint width.

        Ashman's D: above 2, the two are clearly apart.
        """
        share = self.share[1:] / max(self.share[1:].sum(), 1e-12)
        mean = float(share @ self.mean[1:])
        variance = float(share @ (self.width[1:] ** 2 + (self.mean[1:] - mean) ** 2))
        return float(np.sqrt(2) * (mean - self.mean[0]) / np.sqrt(self.width[0] ** 2 + variance))

    def densities(self, similarity: _Values) -> _Values:
        """Weighted density of each part, shape (3, n), at the given similarities."""
        deviation = (similarity - self.mean[:, None]) / self.width[:, None]
        density: _Values = np.exp(-0.5 * deviation**2) / (self.width[:, None] * np.sqrt(2 * np.pi))
        return self.share[:, None] * density


def fit_mixture(candidates: _Values, opposite: _Values) -> Mixture:
    """Separate noise from particles in the similarities of a micrograph's candidates.

    Expectation maximisation from two starting points. Maxima of the inverted map are never particles, so they
    show what noise reaches; as particles only add on the right, the noise's mean is the mode of the
    candidates' left flank. In a crowd, however, the gaps between particles make the inverted map stronger
    than noise; then the candidates themselves fall into two groups, and where that describes them decidedly
    better (by the Bayesian information criterion) and the groups are well apart (Ashman, Bird & Zepf 1994,
    Astron. J. 108:2348), it holds.

    Parameters
    ----------
    candidates : ndarray, shape (n,)
        Similarities at the local maxima.
    opposite : ndarray, shape (m,)
        Similarities at the local maxima of the map with inverted sign.

    Returns
    -------
    Mixture
        With shares of 0 for the particles where no candidate stands out.
    """
    mean, width = _noise_from_opposite(candidates, opposite)
    usual = _maximise(candidates, mean, width)
    if len(candidates) < MIN_FOR_GROUPS:
        return usual
    crowded = _maximise(candidates, *_noise_from_groups(candidates, width))
    gain = _log_likelihood(crowded, candidates) - _log_likelihood(usual, candidates)
    gain_on_noise = _log_likelihood(crowded, candidates) - _log_likelihood_of_normal(candidates)
    decided = min(gain, gain_on_noise) > 3.0 * np.log(len(candidates))
    return crowded if decided and crowded.separation() > 2.2 else usual


def _maximise(candidates: _Values, mean: float, width: float) -> Mixture:
    """Maximise the expectation from a guess of the noise, which also acts as its prior."""
    excess = candidates[candidates > mean + (MIN_SEPARATION + 1) * width]
    if len(excess) == 0 or (len(excess) == 1 and excess[0] < mean + LONELY_SEPARATION * width):
        return Mixture(np.array([1.0, 0.0, 0.0]), np.full(3, mean), np.full(3, width))
    particle_share = len(excess) / len(candidates)
    particle_width = max(float(excess.std()), width)
    mixture = Mixture(
        np.array([1 - particle_share, particle_share / 2, particle_share / 2]),
        np.array([mean, *np.quantile(excess, [0.25, 0.75])]),
        np.array([width, particle_width, particle_width]),
    )
    prior = np.array([NOISE_PRIOR, PARTICLE_PRIOR, PARTICLE_PRIOR])
    powers = np.column_stack([np.ones_like(candidates), candidates, candidates**2])
    for _ in range(ITERATIONS):
        parts = mixture.densities(candidates)
        count, first, second = (parts / (parts.sum(0) + 1e-300) @ powers).T
        old_mean = np.array([mean, *mixture.mean[1:]])
        means = (first + prior * old_mean) / (count + prior)
        scatter = second - 2 * means * first + means**2 * count
        noise_variance = (scatter[0] + NOISE_PRIOR * width**2) / (count[0] + NOISE_PRIOR)
        variances = (scatter + prior * noise_variance) / (count + prior)
        variances[0] = noise_variance
        means[1:] = np.maximum(means[1:], means[0] + MIN_SEPARATION * np.sqrt(noise_variance))
        mixture = Mixture(np.maximum(count / len(candidates), 1e-6), means, np.sqrt(variances))
    return mixture


def _log_likelihood(mixture: Mixture, candidates: _Values) -> float:
    return float(np.log(mixture.densities(candidates).sum(0) + 1e-300).sum())


def _log_likelihood_of_normal(candidates: _Values) -> float:
    """Of the normal distribution that fits best."""
    width = max(float(candidates.std()), 1e-6)
    return -len(candidates) * float(np.log(width * np.sqrt(2 * np.pi)) + 0.5)


def _noise_from_opposite(candidates: _Values, opposite: _Values) -> tuple[float, float]:
    """Mean and width of the noise, from the inverted map and from the candidates' left flank."""
    if len(opposite) == 0:
        return 0.0, USUAL_WIDTH
    middle = float(np.median(opposite))
    least = 1e-3 if len(opposite) >= MIN_FOR_WIDTH else USUAL_WIDTH
    width = max(robust_std(opposite, middle), least)
    # In a crowded micrograph the mode of all candidates may be the particles'.
    flank = candidates[candidates < middle + width]
    if len(flank) < 10:
        return middle, width
    grid = np.linspace(flank.min(), flank.max(), 101)
    density = np.exp(-0.5 * ((grid[:, None] - flank) / (0.5 * width)) ** 2).sum(1)
    return min(float(grid[int(np.argmax(density))]), middle), width


def _noise_from_groups(candidates: _Values, least_width: float) -> tuple[float, float]:
    """Mean and width of the lower of the two groups that the candidates fall into (Otsu 1979)."""
    ordered = np.sort(candidates)
    total = np.cumsum(ordered)
    number = len(ordered)
    lower = np.arange(1, number)
    difference = total[:-1] / lower - (total[-1] - total[:-1]) / (number - lower)
    noise = ordered[: 1 + int(np.argmax(lower * (number - lower) * difference**2))]
    mean = float(np.median(noise))
    return mean, max(robust_std(noise, mean), 0.4 * least_width)


EXTREMES_LEFT_OUT = 5
"""So many of the opposite sign's strongest discs are not counted: an ice crystal must not set the level."""


def count_beyond_noise(own: NDArray[np.float64], opposite: NDArray[np.float64]) -> int:
    """Count the peaks of one sign that noise, which favours no sign, cannot explain.

    Parameters
    ----------
    own, opposite : ndarray of float64
        Heights of the peaks of a map, and of its negative.

    Returns
    -------
    int
        How many of `own` exceed all but a few of `opposite`, less about as many as noise puts there.
    """
    level = _level(np.sort(opposite))
    return max(0, int((own > level).sum()) - 2 * (EXTREMES_LEFT_OUT + 1))


def _level(opposite: NDArray[np.float64]) -> float:
    """Height that all but a few of the peaks of the opposite sign, in rising order, stay below."""
    counted = EXTREMES_LEFT_OUT + 1
    return max(float(opposite[-counted]), 1e-12) if len(opposite) >= counted else np.inf
