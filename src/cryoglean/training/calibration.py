"""From the networks' answers to honest probabilities and a threshold, on families not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from cryoglean.dataset.tiles import LabelledTiles
from cryoglean.evaluate import evaluate, match
from cryoglean.networks.maps import CENTRE, Maps, find_candidates, where_known
from cryoglean.networks.runtime import Networks
from cryoglean.networks.settings import Calibration
from cryoglean.networks.weights import calibrated, logit
from cryoglean.training.augmentation import example
from cryoglean.types import Picks

REACH = 0.5
"""A candidate is right when it lies within this many diameters of a particle that no better one has taken."""

_RIDGE = 1e-3
"""Keeps the fit finite where candidates of the two kinds do not mix."""

EARNED = 0.003
"""Average precision that the classification network must add: it costs a fifth of the time."""

_BINS = 10

_THRESHOLDS = np.arange(0.05, 0.96, 0.01)

F1_SHARE = 0.99
"""Of thresholds with at least this part of the best F1 the highest is recommended: real micrographs hold more
that is no particle than simulated ones, and a false pick costs a user more than a missed one."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the networks find in labelled tiles, where the truth is known.

    Parameters
    ----------
    truth : tuple of Picks
        Particles of each tile.
    candidates : tuple of Picks
        Candidates of each tile; the score is the segmentation's, ``extra["classifier"]`` the classifier's.
    overlap : float
        Common over joint area of the masks, all tiles together.
    contamination_overlap : float
        The same for contamination.
    particle_px : float
        Particle diameter in pixels.
    """

    truth: tuple[Picks, ...]
    candidates: tuple[Picks, ...]
    overlap: float
    contamination_overlap: float
    particle_px: float

    def scored(self, calibration: Calibration) -> list[Picks]:
        """Candidates with probabilities for scores."""
        return [
            replace(one, score=calibrated(one.score, one.extra["classifier"], calibration))
            for one in self.candidates
        ]


def measure_tiles(networks: Networks, tiles: LabelledTiles) -> Measured:
    """Run both networks over labelled tiles as they run over micrographs."""
    particle_px = networks.weights.card.architecture.particle_px
    truth, found = [], []
    areas = np.zeros((2, 2))
    for i in range(len(tiles)):
        one = example(tiles, i, particle_px=particle_px)
        maps = networks.segment(one.image)
        target, weight = Maps.of(one.target), Maps.of(one.weight)
        for row, name in enumerate(("particle", "contamination")):
            answer, wanted = (
                (getattr(given, name) > 0.5) & (getattr(weight, name) > 0) for given in (maps, target)
            )
            areas[row] += (answer & wanted).sum(), (answer | wanted).sum()
        candidates = find_candidates(maps.centre, particle_px)
        particle = networks.classify(one.image, candidates.xy)[:, 0]
        picks = Picks(candidates.xy, candidates.score, name=str(i), extra={"classifier": particle})
        known = one.weight[CENTRE] > 0
        truth.append(where_known(Picks(one.centres, name=str(i)), known))
        found.append(where_known(picks, known))
    overlap = areas[:, 0] / np.maximum(areas[:, 1], 1)
    return Measured(tuple(truth), tuple(found), float(overlap[0]), float(overlap[1]), particle_px)


def fit_calibration(measured: Measured, worth: ArrayLike | None = None) -> Calibration:
    """Fit the probability that a candidate is right, by logistic regression on the networks' log odds.

    The classification network counts where it adds `EARNED` of average precision, and is not asked elsewhere.

    Parameters
    ----------
    measured : Measured
        What the networks find.
    worth : array, shape (n,), optional
        What the candidates of each tile count together; where it is not given, every candidate counts alike.
    """
    both = _fitted(measured, worth, asked=True)
    gain = _average_precision(measured, measured.scored(both)) - _average_precision(
        measured, measured.candidates
    )
    return both if gain >= EARNED else _fitted(measured, worth, asked=False)


def _fitted(measured: Measured, worth: ArrayLike | None, *, asked: bool) -> Calibration:
    """Fit with or without the classification network."""
    right = hits(measured.truth, measured.candidates, measured.particle_px)
    segmentation = logit(np.concatenate([one.score for one in measured.candidates]))
    classification = logit(np.concatenate([one.extra["classifier"] for one in measured.candidates]))
    features = np.column_stack([segmentation, classification * asked, np.ones(len(right))])
    counts = np.array([len(one) for one in measured.candidates])
    each = np.ones(len(counts)) if worth is None else np.asarray(worth) / np.maximum(counts, 1)
    weight = np.repeat(each, counts)
    weight /= weight.sum()

    def loss(coefficients: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = features @ coefficients
        error = weight * (expit(z) - right)
        value = float(weight @ (np.logaddexp(0, z) - right * z)) + _RIDGE * float(coefficients @ coefficients)
        return value, features.T @ error + 2 * _RIDGE * coefficients

    # A network that is surer of a particle must not make it less likely, however badly it was trained.
    bounds = [(0, None), (0, None), (None, None)]
    fitted = minimize(loss, np.array([0.5, 0.5, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds).x
    return Calibration(segmentation=fitted[0], classification=fitted[1] if asked else 0.0, offset=fitted[2])


def _average_precision(measured: Measured, picks: Sequence[Picks]) -> float:
    scored = evaluate(measured.truth, picks, diameter_px=measured.particle_px, tolerances=(REACH,))
    return scored.pooled[0].average_precision or 0.0


def recommended_threshold(
    measured: Measured, calibration: Calibration, worth: ArrayLike | None = None
) -> float:
    """Find the highest score with nearly the best F1 of a tile, on average over tiles that hold particles.

    Every tile counts alike, unless `worth` says what each counts: in the sum over all particles, crowds
    under noise too strong for anyone would decide, whose best threshold is far too low for micrographs that
    can be picked.
    """
    scored = measured.scored(calibration)
    weights = np.ones(len(scored)) if worth is None else np.asarray(worth, np.float64)
    sums = np.zeros(len(_THRESHOLDS))
    for wanted, found, weight in zip(measured.truth, scored, weights, strict=True):
        if len(wanted):
            right = hits([wanted], [found], measured.particle_px)
            kept = found.score[:, None] >= _THRESHOLDS
            common = (kept & right[:, None]).sum(axis=0)
            sums += weight * 2 * common / (kept.sum(axis=0) + len(wanted))
    return round(float(_THRESHOLDS[np.flatnonzero(sums >= F1_SHARE * sums.max())[-1]]), 2)


def figures(measured: Measured, calibration: Calibration, threshold: float) -> dict[str, float]:
    """Figures of merit of weights, for their card.

    Returns
    -------
    dict of str to float
        Average precision with and without the classifier, precision, recall and F1 at the threshold, overlap
        of the masks, and calibration error; matching is within `REACH` diameters.
    """
    scored = measured.scored(calibration)

    kept = [one[one.score >= threshold] for one in scored]
    reached = evaluate(measured.truth, kept, diameter_px=measured.particle_px, tolerances=(REACH,)).pooled[0]
    right = hits(measured.truth, scored, measured.particle_px)
    score = np.concatenate([one.score for one in scored])
    values = {
        "average_precision": _average_precision(measured, scored),
        "average_precision_without_classifier": _average_precision(measured, measured.candidates),
        "precision": reached.precision or 0.0,
        "recall": reached.recall or 0.0,
        "f1": reached.f1 or 0.0,
        "particle_iou": measured.overlap,
        "contamination_iou": measured.contamination_overlap,
        "calibration_error": calibration_error(score, right),
    }
    return {name: round(value, 4) for name, value in values.items()}


def calibration_error(probability: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Mean difference between promised and kept precision, over ten bins weighted by their candidates."""
    place = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    promised = np.bincount(place, probability, minlength=_BINS)
    kept = np.bincount(place, right, minlength=_BINS)
    return float(np.abs(promised - kept).sum() / max(1, len(probability)))


def hits(truth: Sequence[Picks], picks: Sequence[Picks], particle_px: float) -> NDArray[np.bool_]:
    """Return which picks of all tiles are right."""
    flags = [np.zeros(0, bool)]
    for wanted, found in zip(truth, picks, strict=True):
        right = np.zeros(len(found), bool)
        right[match(wanted, found, REACH * particle_px).pairs[:, 1]] = True
        flags.append(right)
    return np.concatenate(flags)
