"""Grid-based local maxima against the method written as plain loops, and known summits."""

import time

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cryoglean.image.grid_maxima import grid_maxima, weighted_score

Found = list[tuple[int, int]]


def best_in(score: np.ndarray, rows: slice, columns: slice) -> tuple[int, int]:
    """Row and column of the highest pixel of a rectangle, the first in reading order."""
    part = score[rows, columns]
    row, column = np.unravel_index(np.argmax(part), part.shape)
    return rows.start + int(row), columns.start + int(column)


def maxima_by_plain_loops(score: np.ndarray, size_px: float, floor: float) -> Found:
    """PIXER's selection, candidate by candidate and window by window."""
    half = int(size_px // 2)
    summits = set()
    for top in range(0, score.shape[0], half):
        for left in range(0, score.shape[1], half):
            here = best_in(score, slice(top, top + half), slice(left, left + half))
            while True:
                rows = slice(max(0, here[0] - half), here[0] + half + 1)
                columns = slice(max(0, here[1] - half), here[1] + half + 1)
                there = best_in(score, rows, columns)
                if not score[there] > score[here]:
                    break
                here = there
            summits.add(here)
    kept: Found = []
    for y, x in sorted((s for s in summits if score[s] > floor), key=lambda s: (-score[s], s)):
        common = [max(0, size_px - abs(y - v)) * max(0, size_px - abs(x - u)) for v, u in kept]
        if all(area <= size_px**2 / 4 for area in common):
            kept.append((y, x))
    return kept


maps = st.tuples(st.integers(1, 25), st.integers(1, 25)).flatmap(
    lambda shape: hnp.arrays(np.float32, shape, elements=st.integers(0, 6).map(lambda k: k / 6))
)


@given(maps, st.sampled_from([4.0, 5.5, 6.0, 9.0]), st.sampled_from([0.0, 0.4]))
def test_equals_the_method_written_as_plain_loops(image: np.ndarray, size_px: float, floor: float) -> None:
    score = weighted_score(image, size_px)
    xy, value = grid_maxima(image, size_px, floor=floor, subpixel=False)
    found = [(int(y), int(x)) for x, y in xy]
    assert found == maxima_by_plain_loops(score, size_px, floor)
    np.testing.assert_array_equal(value, [score[place] for place in found])


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_method_on_smooth_maps(seed: int) -> None:
    """Slopes longer than a window, along which candidates climb several times."""
    noise = np.random.default_rng(seed).normal(size=(150, 170)).astype(np.float32)
    image = cv2.GaussianBlur(noise, (0, 0), 5 + 5 * seed)
    xy, _ = grid_maxima(image, 12, subpixel=False)
    assert [(int(y), int(x)) for x, y in xy] == maxima_by_plain_loops(weighted_score(image, 12), 12, 0.0)


# Of a level below 1e-30 the weights leave numbers too small to keep their digits.
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.floats(4, 40),
    st.just(0.0) | st.floats(2**-100, 1, width=32),
)
def test_a_level_map_scores_its_level_up_to_the_border(
    shape: tuple[int, int], size_px: float, level: float
) -> None:
    score = weighted_score(np.full(shape, level, np.float32), size_px)
    np.testing.assert_allclose(score, level, rtol=1e-5)


def gaussians(centres: np.ndarray, shape: tuple[int, int], width: float) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for cx, cy in centres:
        image = np.maximum(image, np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2)))
    return image.astype(np.float32)


def test_summits_are_found_to_a_fraction_of_a_pixel() -> None:
    centres = np.array([[30.3, 30.1], [75.45, 33.2], [50.0, 80.75], [95.6, 96.5]])
    xy, score = grid_maxima(gaussians(centres, (120, 130), 6.0), 24, floor=0.1)
    assert len(xy) == 4
    errors = np.hypot(*(xy[:, None] - centres[None]).transpose(2, 0, 1)).min(axis=0)
    assert errors.max() < 0.1
    assert np.all(np.diff(score) <= 0)


def test_a_summit_on_the_border_stays_on_it() -> None:
    xy, _ = grid_maxima(gaussians(np.array([[0.0, 40.0], [64.0, 0.0]]), (70, 65), 5.0), 20, floor=0.2)
    assert sorted(map(tuple, np.round(xy, 6).tolist())) == [(0.0, 40.0), (64.0, 0.0)]


def test_an_empty_map_has_no_maxima() -> None:
    xy, score = grid_maxima(np.zeros((60, 70), np.float32), 16)
    assert xy.shape == (0, 2)
    assert score.shape == (0,)


def test_a_size_below_the_grid_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 4 pixels"):
        grid_maxima(np.zeros((60, 70), np.float32), 3)


def test_costs_about_as_much_as_a_few_blurs_of_the_map() -> None:
    """A ratio, since a time in milliseconds would test the machine."""
    image = np.random.default_rng(0).random((1300, 1300), dtype=np.float32)

    def fastest(action: object) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            action()  # type: ignore[operator]
            times.append(time.perf_counter() - start)
        return min(times)

    blur = fastest(lambda: cv2.GaussianBlur(image, (33, 33), 4.8))
    assert fastest(lambda: grid_maxima(image, 32)) < 15 * blur
