from collections import Counter

import numpy as np
import pytest

pytest.importorskip("torch")

from cryoglean.dataset.tiles import CONTAMINATED, DEBRIS, UNKNOWN
from cryoglean.training.classifier import (
    BACKGROUND_KIND,
    CONTAMINATION_KIND,
    PARTICLE_KIND,
    _varied,
    label_candidates,
)
from cryoglean.training.settings import AugmentationConfig

PARTICLE_PX = 20.0


@pytest.fixture
def labels():
    """Ice on the left, debris on the right, and something unknown at the bottom."""
    labels = np.zeros((200, 200, 2), np.uint8)
    labels[:, :40, 1] = CONTAMINATED
    labels[:, 160:, 1] = DEBRIS
    labels[180:, :, 0] = UNKNOWN
    return labels


def kinds(candidates, centres, labels):
    xy, centres = np.array(candidates, float), np.array(centres, float).reshape(-1, 2)
    return label_candidates(xy, centres, labels, particle_px=PARTICLE_PX).tolist()


def test_near_far_and_between(labels):
    candidates = [[100, 100], [104, 140], [108, 60], [130, 20]]
    centres = [[101, 100], [100, 140], [100, 60]]
    assert kinds(candidates, centres, labels) == [PARTICLE_KIND, PARTICLE_KIND, -1, BACKGROUND_KIND]


def test_of_two_on_one_particle_the_nearer_is_it_and_the_other_is_nothing(labels):
    assert kinds([[104, 100], [99, 100]], [[100, 100]], labels) == [-1, PARTICLE_KIND]


def test_contamination_and_debris_are_one_kind(labels):
    assert kinds([[20, 50], [180, 50]], [[100, 100]], labels) == [CONTAMINATION_KIND, CONTAMINATION_KIND]


def test_the_unknown_teaches_nothing(labels):
    assert kinds([[100, 190], [60, 195]], [[100, 190]], labels) == [-1, -1]


def test_without_particles_everything_is_background(labels):
    assert kinds([[100, 100], [60, 20]], [], labels) == [BACKGROUND_KIND, BACKGROUND_KIND]


def test_no_candidate_no_kind(labels):
    assert label_candidates(np.zeros((0, 2)), np.zeros((3, 2)), labels, particle_px=PARTICLE_PX).shape == (0,)


def test_crops_are_turned_mirrored_and_shifted_by_up_to_two_pixels():
    rng = np.random.default_rng(3)
    spot = np.zeros((1, 9, 9), np.float32)
    spot[0, 4, 4] = 1
    plain = AugmentationConfig(contrast=0.0)
    shifts = Counter(
        tuple(map(int, np.argwhere(crop)[0] - 4)) for _ in range(800) for crop in _varied(spot, plain, rng)
    )
    assert set(shifts) == {(y, x) for y in range(-2, 3) for x in range(-2, 3)}
    assert max(shifts.values()) < 3 * min(shifts.values())
    corner = np.zeros((1, 9, 9), np.float32)
    corner[0, 4, 4:7] = [3, 2, 1]  # A line with a direction, and a side.
    corner[0, 3, 6] = 1
    shapes = {
        np.roll(crop, tuple(4 - np.argwhere(crop == 3)[0]), (0, 1)).tobytes()
        for _ in range(200)
        for crop in _varied(corner, plain, rng)
    }
    assert len(shapes) == 8


def test_contrast_varies_about_one_and_no_further_than_is_said():
    rng = np.random.default_rng(4)
    varied = AugmentationConfig(contrast=0.3)
    factors = [crop.max() for crop in _varied(np.ones((400, 4, 4), np.float32), varied, rng)]
    assert 0.7 <= min(factors) < 0.72
    assert 1.28 < max(factors) <= 1.3
    assert np.mean(factors) == pytest.approx(1, abs=0.03)
