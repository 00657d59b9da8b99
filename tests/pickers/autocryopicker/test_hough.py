"""Circles: centres and radii below a pixel, alone, touching, cut by the border."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryoglean.pickers.autocryopicker.hough import accumulate_votes, find_circles, measure_radii
from cryoglean.pickers.autocryopicker.settings import HoughConfig
from tests.image.drawing import discs, rectangle

SIZE = 38.0


@given(st.floats(25, 65), st.floats(25, 85), st.floats(16, 22))
@settings(max_examples=40, deadline=None)
def test_centre_and_radius_are_found_below_a_pixel(y: float, x: float, radius: float) -> None:
    circles = find_circles(discs((90, 110), [(x, y)], radius), SIZE)
    np.testing.assert_allclose(circles.xy[0], [x, y], atol=0.25)
    assert circles.radius[0] == pytest.approx(radius, abs=0.3)
    assert circles.prominence[0] > 0.45


def test_touching_and_overlapping_discs_are_all_found() -> None:
    centres = [(40.0, 40.0), (76.0, 42.0), (60.0, 72.0), (100.0, 70.0), (84.0, 100.0)]
    circles = find_circles(discs((140, 150), centres, 19), SIZE)
    certain = circles.xy[circles.prominence > 0.2]
    distance = np.hypot(*(certain[:, None] - np.array(centres)).transpose(2, 0, 1))
    assert len(certain) == len(centres)
    assert distance.min(axis=0).max() < 1.0


@pytest.mark.parametrize("centre", [(3.0, 60.0), (116.0, 60.0), (60.0, 2.0), (60.0, 117.0), (5.0, 5.0)])
def test_discs_cut_by_the_border_are_found(centre: tuple[float, float]) -> None:
    circles = find_circles(discs((120, 120), [centre], 19), SIZE)
    np.testing.assert_allclose(circles.xy[0], centre, atol=1.0)


def test_votes_are_weighed_by_the_share_of_the_circumference() -> None:
    heights = [
        accumulate_votes(discs((200, 200), [(100, 100)], radius), 2.0 * radius).max()
        for radius in (15, 25, 40)
    ]
    assert max(heights) < 1.3 * min(heights)
    half = discs((200, 200), [(100, 100)], 25)
    half[100:] = False
    assert accumulate_votes(half, 50.0).max() == pytest.approx(heights[1] / 2, rel=0.25)


def test_a_square_is_less_of_a_circle_than_a_disc() -> None:
    square = find_circles(rectangle((100, 100), (50, 50), (38, 38), 20), SIZE)
    disc = find_circles(discs((100, 100), [(50, 50)], 19), SIZE)
    assert square.prominence[0] < 0.6 * disc.prominence[0]


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.transpose])
def test_turning_the_mask_turns_the_circles(turn) -> None:
    mask = discs((130, 130), [(40, 33), (80, 90), (100, 30)], 19)
    first, second = find_circles(mask, SIZE), find_circles(np.ascontiguousarray(turn(mask)), SIZE)
    np.testing.assert_allclose(first.prominence, second.prominence, atol=0.02)
    places = {np.flipud: lambda xy: xy * [1, -1] + [0, 129], np.fliplr: lambda xy: xy * [-1, 1] + [129, 0]}
    expected = places.get(turn, lambda xy: xy[:, ::-1])(first.xy)
    for centre in expected:
        assert np.hypot(*(second.xy - centre).T).min() < 0.1


def test_empty_and_full_masks_hold_no_circle() -> None:
    for mask in (np.zeros((60, 70), bool), np.ones((60, 70), bool)):
        circles = find_circles(mask, SIZE)
        assert len(circles.xy) == len(circles.radius) == len(circles.prominence) == 0


def test_circles_of_other_sizes_are_left_alone() -> None:
    small = discs((100, 100), [(50, 50)], 8)
    assert not np.any(find_circles(small, SIZE).prominence > 0.2)
    found = find_circles(small, SIZE, HoughConfig(smallest_radius=0.3))
    assert found.prominence[0] > 0.4
    assert found.radius[0] == pytest.approx(8, abs=0.3)


def test_radii_at_the_border_are_measured_on_what_is_visible() -> None:
    mask = discs((100, 100), [(0, 50)], 20)
    assert measure_radii(mask, np.array([[0.0, 50.0]]), np.arange(12.0, 26)) == pytest.approx([20], abs=0.5)
