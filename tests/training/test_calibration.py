from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from cryoglean.networks.settings import Calibration
from cryoglean.networks.weights import logit
from cryoglean.training.calibration import (
    Measured,
    calibration_error,
    figures,
    fit_calibration,
    hits,
    recommended_threshold,
)
from cryoglean.types import Picks

TRUE = Calibration(segmentation=0.8, classification=0.5, offset=-0.4)


@pytest.fixture
def measured(rng):
    """Tiles whose candidates are particles as often as a known calibration says."""
    truth, found = [], []
    for tile in range(60):
        n = 200
        xy = np.stack(np.meshgrid(np.arange(20), np.arange(10)), axis=-1).reshape(-1, 2) * 50.0
        score, particle = rng.beta(0.7, 0.7, (2, n)).clip(1e-3, 1 - 1e-3)
        odds = TRUE.segmentation * logit(score) + TRUE.classification * logit(particle) + TRUE.offset
        right = rng.random(n) < expit(odds)
        truth.append(Picks(xy[right] + rng.uniform(-5, 5, (right.sum(), 2)), name=str(tile)))
        found.append(Picks(xy, score, name=str(tile), extra={"classifier": particle}))
    return Measured(tuple(truth), tuple(found), 0.8, 0.7, 24.0)


def test_the_fit_finds_the_calibration_that_made_the_truth(measured):
    fitted = fit_calibration(measured)
    assert fitted.segmentation == pytest.approx(TRUE.segmentation, abs=0.08)
    assert fitted.classification == pytest.approx(TRUE.classification, abs=0.08)
    assert fitted.offset == pytest.approx(TRUE.offset, abs=0.08)


def test_a_classifier_that_says_the_opposite_is_not_listened_to(measured):
    turned = [replace(one, extra={"classifier": 1 - one.extra["classifier"]}) for one in measured.candidates]
    fitted = fit_calibration(replace(measured, candidates=tuple(turned)))
    assert fitted.classification == 0
    assert fitted.segmentation > 0


def test_a_classifier_that_adds_nothing_is_not_asked(measured, rng):
    guesses = [replace(one, extra={"classifier": rng.random(len(one))}) for one in measured.candidates]
    fitted = fit_calibration(replace(measured, candidates=tuple(guesses)))
    assert fitted.classification == 0
    assert fitted.segmentation == pytest.approx(TRUE.segmentation, abs=0.15)


def test_fitted_probabilities_keep_what_they_promise(measured):
    values = figures(measured, fit_calibration(measured), 0.5)
    assert values["calibration_error"] < 0.02
    crude = figures(measured, Calibration(segmentation=3, classification=0, offset=0), 0.5)
    assert crude["calibration_error"] > 0.1


def test_both_networks_together_order_better_than_one(measured):
    values = figures(measured, TRUE, 0.5)
    assert values["average_precision"] > values["average_precision_without_classifier"] + 0.01


def test_the_threshold_is_the_highest_that_costs_next_to_nothing(measured):
    chosen = recommended_threshold(measured, TRUE)
    f1 = {score: figures(measured, TRUE, score)["f1"] for score in np.arange(0.05, 0.96, 0.05)}
    best = max(f1.values())
    assert figures(measured, TRUE, chosen)["f1"] >= 0.98 * best
    assert all(value < 0.995 * best for score, value in f1.items() if score > chosen + 0.05)


def test_calibration_error_is_the_gap_between_promise_and_truth():
    probability = np.full(1000, 0.75)
    right = np.arange(1000) < 500
    assert calibration_error(probability, right) == pytest.approx(0.25)
    assert calibration_error(probability, np.arange(1000) < 750) == pytest.approx(0)


def test_of_two_candidates_for_one_particle_one_is_right():
    truth = Picks(np.array([[50.0, 50.0]]))
    found = Picks(np.array([[52.0, 50.0], [46.0, 50.0], [80.0, 50.0]]))
    np.testing.assert_array_equal(hits([truth], [found], 24.0), [True, False, False])
