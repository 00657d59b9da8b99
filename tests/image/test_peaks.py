import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryoglean.image.peaks import find_peaks, vertex


@given(st.floats(-0.5, 0.5), st.floats(0.01, 100), st.floats(-100, 100))
def test_the_vertex_of_a_parabola_is_found(place: float, curvature: float, height: float):
    samples = [np.array([height - curvature * (step - place) ** 2]) for step in (-1, 0, 1)]
    assert vertex(*samples)[0] == pytest.approx(place, abs=1e-6 * (1 + abs(height) / curvature))


@pytest.mark.parametrize(
    ("samples", "offset"),
    [((1, 1, 1), 0), ((2, 1, 2), 0), ((-np.inf, 1, 0.5), 0), ((0, 1, 1), 0.5), ((0, 1, 5), 0)],
)
def test_samples_without_a_maximum_give_no_offset_and_none_is_beyond_half_a_step(samples, offset):
    assert vertex(*(np.array([float(one)]) for one in samples))[0] == offset


def test_single_precision_stays_single():
    assert vertex(*(np.array([one], np.float32) for one in (0.0, 1.0, 0.5))).dtype == np.float32


def test_peaks_are_apart_and_the_highest_comes_first(rng: np.random.Generator):
    image = rng.normal(0, 1, (80, 90)).astype(np.float32)
    xy, height = find_peaks(image, 4)
    assert np.all(np.diff(height) <= 0)
    assert height[0] == image.max()
    distance = np.abs(xy[:, None] - xy[None]).max(axis=-1) + 99 * np.eye(len(xy))
    assert distance.min() > 3


def test_a_plateau_has_no_peak():
    assert len(find_peaks(np.ones((20, 20), np.float32), 3)[0]) == 0
