import cv2
import numpy as np
import pytest

from cryoglean.networks.weights import read_weights
from cryoglean.pickers.pixer.outlines import overlap_bound
from cryoglean.types import FloatImage

MODEL = read_weights("general").outline_model


@pytest.fixture
def blurred() -> FloatImage:
    """Probabilities of a particle of 32 pixels that is seen badly."""
    image = np.zeros((96, 96), np.float32)
    cv2.circle(image, (48, 48), 14, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 4), np.float32)


def expected_overlap(particle: FloatImage, taken: np.ndarray) -> float:
    return float(particle[taken].sum() / (particle.sum() + (1 - particle[taken]).sum()))


def test_the_bound_gives_the_best_overlap_that_can_be_expected(blurred):
    """Weighed over so much that all pixels have one bound, against all bounds there are."""
    bound = overlap_bound(blurred, particle_px=4000, model=MODEL)
    best = max(expected_overlap(blurred, blurred > one) for one in np.linspace(0.05, 0.7, 66))
    assert np.ptp(bound) < 1e-3
    assert MODEL.min_probability < bound.mean() < 0.45
    assert expected_overlap(blurred, blurred > bound) == pytest.approx(best, abs=2e-4)
    assert expected_overlap(blurred, blurred > 0.5) < best - 0.01


def test_what_is_certain_is_cut_at_a_half():
    certain = np.zeros((96, 96), np.float32)
    cv2.circle(certain, (48, 48), 14, 1.0, -1)
    assert overlap_bound(certain, 32, model=MODEL)[certain > 0] == pytest.approx(0.5, abs=1e-4)


def test_particles_that_are_seen_well_do_not_change_the_bound_of_others(blurred):
    beside = np.zeros_like(blurred)
    cv2.circle(beside, (48, 48), 14, 1.0, -1)
    alone, both = (
        overlap_bound(blurred, 32, model=MODEL),
        overlap_bound(np.hstack([blurred, beside]), 32, model=MODEL),
    )
    assert both[40:56, 40:56] == pytest.approx(alone[40:56, 40:56], abs=1e-3)
    assert both[48, 96 + 48] > alone[48, 48] + 0.05


def test_where_nothing_is_likely_nothing_is_taken():
    unlikely = np.full((64, 64), 0.25, np.float32)
    assert (unlikely < overlap_bound(unlikely, 32, model=MODEL)).all()
