import numpy as np
import pytest

pytest.importorskip("torch")

from cryoglean.dataset.tiles import CONTAMINATED, DEBRIS, UNKNOWN
from cryoglean.training.classifier import BACKGROUND_KIND, CONTAMINATION_KIND, PARTICLE_KIND, label_candidates

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
