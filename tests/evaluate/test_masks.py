"""Figures of masks: known answers and identities between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cryoglean.evaluate import compare_masks, paint_discs, particle_overlaps
from cryoglean.types import Picks

masks = hnp.arrays(bool, (6, 7))


def test_figures_of_a_counted_mask() -> None:
    truth = np.array([[1, 1, 1, 0, 0, 0, 0, 0]], bool)
    found = np.array([[1, 1, 0, 1, 0, 0, 0, 0]], bool)
    merit = compare_masks(truth, found)
    assert (merit.tp, merit.fp, merit.tn, merit.fn) == (2, 1, 4, 1)
    assert merit.as_dict() == pytest.approx(
        {
            "sensitivity": 2 / 3,
            "specificity": 4 / 5,
            "precision": 2 / 3,
            "misclassification": 2 / 8,
            "f1": 2 / 3,
            "accuracy": 6 / 8,
            "dice": 2 / 3,
        }
    )


@given(masks, masks)
def test_identities_between_the_figures(truth: np.ndarray, found: np.ndarray) -> None:
    merit = compare_masks(truth, found)
    assert merit.accuracy + merit.misclassification == pytest.approx(1)
    assert merit.dice == pytest.approx(2 * (truth & found).sum() / max(truth.sum() + found.sum(), 1))
    swapped = compare_masks(~truth, ~found)
    assert swapped.sensitivity == merit.specificity
    other = compare_masks(found, truth)
    assert other.precision == merit.sensitivity


def test_masks_of_different_shape_are_an_error() -> None:
    with pytest.raises(ValueError, match="different shape"):
        compare_masks(np.zeros((3, 4), bool), np.zeros((4, 3), bool))


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(0, 4), st.just(2)), elements=st.floats(-15, 35)),
    st.floats(0.5, 20),
)
def test_painted_discs_are_the_pixels_within_half_a_diameter(xy: np.ndarray, diameter_px: float) -> None:
    y, x = np.mgrid[:18, :23]
    expected = np.zeros((18, 23), bool)
    for cx, cy in xy:
        expected |= (x - cx) ** 2 + (y - cy) ** 2 <= (diameter_px / 2) ** 2
    np.testing.assert_array_equal(paint_discs(Picks(xy), (18, 23), diameter_px=diameter_px), expected)


def test_discs_take_the_diameter_of_their_picks() -> None:
    picks = Picks(np.array([[50.0, 50.0]]), diameter=40.0, pixel_size=2.0)
    assert paint_discs(picks, (100, 100)).sum() == pytest.approx(np.pi * 100, rel=0.03)
    with pytest.raises(ValueError, match="without diameter"):
        paint_discs(Picks(np.array([[5.0, 5.0]])), (10, 10))


def test_overlap_of_each_particle_leaves_out_what_is_far_away() -> None:
    labels = np.zeros((10, 30), int)
    labels[2:6, 2:6], labels[2:6, 12:16] = 1, 3
    found = labels == 1
    found[2:6, 6:8] = True  # eight pixels too many, beside the first
    found[2:6, 14:18] = True  # half of the third, and as much beside it
    found[8, 28] = True  # far from either
    overlap = particle_overlaps(labels, found, reach_px=4)
    assert overlap == pytest.approx([16 / 24, np.nan, 8 / 24], nan_ok=True)


def test_masks_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="different shape"):
        particle_overlaps(np.zeros((3, 4), int), np.zeros((4, 3), bool), reach_px=1)


def test_figures_of_a_single_pixel() -> None:
    pixel, other = np.ones((1, 1), bool), np.zeros((1, 1), bool)
    right, wrong = compare_masks(pixel, pixel), compare_masks(pixel, other)
    assert set(right.as_dict().values()) == {0.0, 1.0}
    assert (right.precision, right.sensitivity, right.accuracy, right.misclassification) == (1, 1, 1, 0)
    assert (wrong.sensitivity, wrong.accuracy, wrong.misclassification, wrong.f1) == (0, 0, 1, 0)
