"""Feret diameters and side views."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryoglean.image.feret import measure_feret
from cryoglean.image.masks import find_outlines
from cryoglean.image.rectangles import find_rectangles, measure_squareness
from cryoglean.image.settings import RectangleConfig
from cryoglean.pickers.autocryopicker.hough import erase_circles, find_circles
from tests.image.drawing import discs, rectangle

SIZE = 38.0
SHAPE = (160, 200)


@given(st.floats(30, 60), st.floats(0.5, 0.9), st.floats(-90, 90))
@settings(max_examples=60, deadline=None)
def test_feret_diameters_of_a_turned_rectangle(long: float, ratio: float, angle: float) -> None:
    mask = rectangle(SHAPE, (100.3, 80.6), (long, ratio * long), angle)
    feret = measure_feret(find_outlines(mask)[0])
    assert feret.shortest == pytest.approx(ratio * long, abs=1.6)
    assert feret.across == pytest.approx(long, abs=1.6)
    assert feret.longest == pytest.approx(np.hypot(long, ratio * long), abs=1.6)
    assert feret.centre == pytest.approx((100.3, 80.6), abs=0.7)
    # Directions are the same after half a turn.
    assert abs((feret.angle - angle + 90) % 180 - 90) < 4


def test_feret_diameters_of_a_pixel_and_of_a_disc() -> None:
    pixel = measure_feret(np.array([[[4, 7]]], np.int32))
    assert (pixel.shortest, pixel.across) == pytest.approx((1, 1))
    assert pixel.longest == pytest.approx(np.sqrt(2))
    assert pixel.centre == pytest.approx((4, 7))
    disc = measure_feret(find_outlines(discs(SHAPE, [(80, 80)], 25))[0])
    assert disc.longest / disc.shortest < 1.06


def test_squareness_is_one_for_squares_and_negative_for_discs() -> None:
    def squareness(mask: np.ndarray) -> float:
        return measure_squareness(mask)[1]

    assert squareness(rectangle(SHAPE, (80, 80), (60, 60), 0)) == pytest.approx(1, abs=0.03)
    assert squareness(rectangle(SHAPE, (80, 80), (60, 48), 33)) > 0.8
    assert squareness(discs(SHAPE, [(80, 80)], 25)) < -0.5


@given(st.floats(-45, 45), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_side_views_are_found_where_they_were_drawn(angle: float, dx: float, dy: float) -> None:
    centres = np.add([[50, 60], [130, 50], [90, 115]], [dx, dy])
    mask = np.any(
        [rectangle(SHAPE, tuple(c), (40, 34), angle + 30 * i) for i, c in enumerate(centres)], axis=0
    )
    found = find_rectangles(mask, SIZE)
    assert len(found) == 3
    distance = np.hypot(*(found.xy[:, None] - centres).transpose(2, 0, 1))
    assert distance.min(axis=0).max() < 1.0
    assert found.squareness.min() > 0.5


def test_squares_that_touch_come_free() -> None:
    pair = rectangle(SHAPE, (60, 80), (40, 36), 10) | rectangle(SHAPE, (105, 94), (40, 36), -30)
    found = find_rectangles(pair, SIZE)
    distance = np.hypot(*(found.xy[:, None] - [[60, 80], [105, 94]]).transpose(2, 0, 1))
    assert len(found) == 2
    assert distance.min(axis=0).max() < 2.5


def test_discs_double_lengths_and_cut_squares_are_no_side_views() -> None:
    assert len(find_rectangles(discs(SHAPE, [(60, 60), (130, 90)], 19), SIZE)) == 0
    assert len(find_rectangles(rectangle(SHAPE, (90, 80), (76, 36), 15), SIZE)) == 0
    assert len(find_rectangles(rectangle(SHAPE, (15, 80), (40, 36), 0), SIZE)) == 0


def test_one_far_longer_than_the_others_is_an_outlier() -> None:
    centres = [(40, 40), (110, 40), (40, 110)]
    mask = np.any([rectangle((170, 200), c, (34, 34), 0) for c in centres], axis=0)
    mask |= rectangle((170, 200), (120, 115), (52, 40), 0)
    assert len(find_rectangles(mask, SIZE)) == 3
    assert len(find_rectangles(mask, SIZE, RectangleConfig(longest=2))) == 4


def test_a_top_view_beside_a_side_view_is_taken_out_first() -> None:
    mask = rectangle(SHAPE, (60, 80), (40, 36), 0) | discs(SHAPE, [(97, 80)], 18.5)
    circles = find_circles(mask, SIZE)
    remaining = erase_circles(mask, circles, 0.3)
    assert not remaining[80, 97]
    assert remaining[80, 60]
    found = find_rectangles(remaining, SIZE)
    assert len(found) == 1
    np.testing.assert_allclose(found.xy[0], [60, 80], atol=1.5)


def test_points_in_rectangles() -> None:
    found = find_rectangles(rectangle(SHAPE, (80, 80), (40, 34), 30), SIZE)
    inside, corner, outside = [80, 80], [80 + 17 * np.cos(0.52), 80 + 17 * np.sin(0.52)], [80, 102]
    np.testing.assert_array_equal(found.contain(np.array([inside, corner, outside])), [True, True, False])
    assert len(found[found.squareness > 2]) == 0
    assert not found[found.squareness > 2].contain(np.array([[80.0, 80.0]])).any()


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr])
def test_a_flipped_mask_holds_as_many(turn) -> None:
    mask = rectangle(SHAPE, (60, 60), (40, 36), 20) | rectangle(SHAPE, (130, 100), (38, 34), -35)
    first, second = find_rectangles(mask, SIZE), find_rectangles(np.ascontiguousarray(turn(mask)), SIZE)
    np.testing.assert_allclose(np.sort(first.squareness), np.sort(second.squareness), atol=0.02)


@pytest.mark.parametrize("sides", [(60, 60), (60, 40), (30, 24)])
def test_overlap_with_the_rectangle_is_a_share(sides: tuple[float, float]) -> None:
    overlap, _ = measure_squareness(rectangle(SHAPE, (80, 80), sides, 20))
    assert 0.93 < overlap <= 1
    of_disc, _ = measure_squareness(discs(SHAPE, [(80, 80)], 25))
    # A disc and the square of its area have 0.91 in common, hence 0.83 of what both cover.
    assert 0.8 < of_disc < 0.9
