"""Prominent maxima against their definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction

from cryoglean.image.prominence import find_prominent_maxima

EIGHT = np.ones((3, 3))
maps = arrays(np.int64, (11, 13), elements=st.integers(1, 7))


@given(maps, st.integers(1, 6))
def test_as_many_as_survive_the_h_maxima_transform(heights: np.ndarray, least: int) -> None:
    framed = np.pad(heights, 1).astype(float)
    # Half a step less, as the transform keeps what is strictly more prominent.
    lowered = reconstruction(framed - (least - 0.5), framed, footprint=EIGHT)
    expected = ndimage.label(local_maxima(lowered, connectivity=2), EIGHT)[1]
    assert len(find_prominent_maxima(heights.astype(np.float32), least=least).xy) == expected


@given(maps)
def test_prominence_is_the_descent_to_the_nearest_higher_ground(heights: np.ndarray) -> None:
    # Distinct heights, so that every summit is one pixel.
    distinct = (heights * 200 + np.arange(heights.size).reshape(heights.shape)).astype(np.float32)
    maxima = find_prominent_maxima(distinct, least=1e-3)
    for (x, y), height, prominence in zip(maxima.xy, maxima.height, maxima.prominence, strict=True):
        column, row = round(x), round(y)
        assert distinct[row, column] == height
        saddle = height - prominence
        if height == distinct.max():
            assert saddle == 0
            continue

        def reaches_higher(level: float, at: tuple[int, int] = (row, column), top: float = height) -> bool:
            label = ndimage.label(distinct >= level, EIGHT)[0]
            return bool(distinct[label == label[at]].max() > top)

        assert reaches_higher(saddle)
        assert not reaches_higher(saddle + 0.5)


def test_positions_are_found_below_a_pixel(rng: np.random.Generator) -> None:
    y, x = np.mgrid[:80, :90]
    true = np.array([[20.3, 15.8], [60.7, 22.1], [44.5, 60.2]])
    peaks = [np.exp(-(np.square(x - cx) + np.square(y - cy)) / 50) for cx, cy in true]
    image = (peaks[0] + 0.8 * peaks[1] + 0.6 * peaks[2]).astype(np.float32)
    maxima = find_prominent_maxima(image, least=0.1)
    np.testing.assert_allclose(maxima.xy, true, atol=0.03)
    np.testing.assert_allclose(maxima.prominence, [1, 0.8, 0.6], atol=0.02)
    assert np.all(np.diff(maxima.prominence) < 0)


def test_summits_at_corners_and_edges_count() -> None:
    image = np.zeros((10, 12), np.float32)
    image[0, 0], image[9, 11], image[0, 6], image[5, 0] = 4, 3, 2, 1
    maxima = find_prominent_maxima(image, least=0.5)
    np.testing.assert_array_equal(maxima.xy, [[0, 0], [11, 9], [6, 0], [0, 5]])


def test_nothing_stands_out_of_a_flat_map_or_from_below_the_floor() -> None:
    assert len(find_prominent_maxima(np.zeros((6, 7), np.float32), least=0.1).xy) == 0
    bump = np.zeros((6, 7), np.float32)
    bump[3, 3] = 1
    assert len(find_prominent_maxima(bump, least=0.1, floor=0.95).xy) == 0
    assert find_prominent_maxima(bump, least=0.1, floor=0.5).prominence == pytest.approx([0.5])


@given(maps, st.sampled_from([np.flipud, np.fliplr, np.transpose]))
def test_turning_the_map_keeps_the_prominences(heights: np.ndarray, turn) -> None:
    first = find_prominent_maxima(heights.astype(np.float32), least=1).prominence
    second = find_prominent_maxima(np.ascontiguousarray(turn(heights)).astype(np.float32), least=1).prominence
    np.testing.assert_allclose(first, second)
