"""Area averaging: every input pixel counts once, and coordinates come back exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryoglean.image.resample import average_area


def area_weights(size: int, count: int) -> np.ndarray:
    """Share of each of `size` pixels in each of `count` equal parts of the line they cover; (count, size)."""
    edges = np.linspace(0, size, count + 1)
    left = np.maximum(edges[:-1, None], np.arange(size))
    right = np.minimum(edges[1:, None], np.arange(size) + 1)
    return np.maximum(right - left, 0) * count / size


@pytest.mark.parametrize("step", [1.0, 2.0, 3.0, 1.37, 2.5, 4.21])
def test_averages_are_those_of_the_covered_area(step: float, rng: np.random.Generator) -> None:
    image = rng.random((60, 83)).astype(np.float32)
    low = average_area(image, step).data
    expected = area_weights(60, low.shape[0]) @ image @ area_weights(83, low.shape[1]).T
    np.testing.assert_allclose(low, expected, atol=1e-5)


@given(st.integers(20, 90), st.integers(20, 90), st.floats(0.5, 6))
def test_coordinates_map_both_ways_and_cover_the_image(ny: int, nx: int, step: float) -> None:
    low = average_area(np.zeros((ny, nx), np.float32), step)
    my, mx = low.data.shape
    corners = np.array([[-0.5, -0.5], [mx - 0.5, my - 0.5]])
    np.testing.assert_allclose(low.to_micrograph(corners), [[-0.5, -0.5], [nx - 0.5, ny - 0.5]], atol=1e-9)
    xy = np.array([[3.25, 7.5], [0, 0]])
    np.testing.assert_allclose(low.from_micrograph(low.to_micrograph(xy)), xy, atol=1e-9)


@pytest.mark.parametrize("step", [1.5, 2.0, 3.3])
def test_a_spot_is_found_where_it_was_drawn(step: float) -> None:
    y, x = np.mgrid[:120, :150]
    image = np.exp(-(np.square(y - 47.3) + np.square(x - 88.8)) / (2 * 6.0**2)).astype(np.float32)
    low = average_area(image, step)
    rows, columns = np.mgrid[: low.data.shape[0], : low.data.shape[1]]
    centre = [[(columns * low.data).sum(), (rows * low.data).sum()]] / low.data.sum()
    np.testing.assert_allclose(low.to_micrograph(centre), [[88.8, 47.3]], atol=0.01)


def test_steps_that_are_not_positive_are_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        average_area(np.zeros((4, 4)), 0)
