import numpy as np
import pytest

from cryoglean.image.radial import disc_template
from cryoglean.pickers.size.disc_curve import diameter_grid, disc_curve, disc_response, strongest_discs
from cryoglean.select.significance import count_beyond_noise


@pytest.fixture
def dark_discs(rng: np.random.Generator) -> np.ndarray:
    """48 dark discs, 40 pixels wide, in noise of their contrast."""
    image = rng.normal(0, 1, (500, 660))
    for y in range(50, 490, 80):
        for x in range(50, 640, 80):
            image[y - 24 : y + 25, x - 24 : x + 25] -= disc_template(40, 24)
    return image.astype(np.float32)


def test_the_grid_is_even_in_the_logarithm() -> None:
    grid = diameter_grid(10, 80)
    assert grid[0] == 10
    assert grid[-1] == pytest.approx(80)
    np.testing.assert_allclose(grid[1:] / grid[:-1], 2**0.25)
    np.testing.assert_array_equal(diameter_grid(10, 5), [10])


def test_the_curve_peaks_at_the_discs_size_and_contrast(dark_discs: np.ndarray) -> None:
    curve = disc_curve(dark_discs, diameter_grid(14, 64))
    assert curve.diameter_px[curve.dark.argmax()] == pytest.approx(40, rel=0.2)
    assert curve.dark.max() > 10 * curve.bright.max()


def test_an_inverted_image_swaps_the_signs(dark_discs: np.ndarray) -> None:
    sizes = diameter_grid(30, 60)
    usual, inverted = disc_curve(dark_discs, sizes), disc_curve(-dark_discs, sizes)
    np.testing.assert_allclose(inverted.bright, usual.dark, rtol=1e-3, atol=1e-6)


def test_discs_on_foreign_areas_do_not_count(dark_discs: np.ndarray) -> None:
    everywhere = np.ones(dark_discs.shape, bool)
    assert disc_curve(dark_discs, diameter_grid(30, 60), everywhere).dark.max() == 0


def test_noise_has_no_scale(rng: np.random.Generator) -> None:
    curve = disc_curve(rng.normal(0, 1, (400, 400)).astype(np.float32), diameter_grid(14, 80))
    assert max(curve.dark.max(), curve.bright.max()) < 0.004


def test_the_response_to_a_level_is_zero_and_to_a_disc_its_largest() -> None:
    image = np.full((120, 120), 5, np.float32)
    assert np.abs(disc_response(image, 20)).max() < 1e-2
    image[60 - 12 : 60 + 13, 60 - 12 : 60 + 13] += disc_template(20, 12)
    response = disc_response(image, 20)
    assert np.unravel_index(response.argmax(), response.shape) == (60, 60)


def test_the_strongest_discs_are_the_drawn_ones(dark_discs: np.ndarray) -> None:
    found = strongest_discs(disc_response(-dark_discs, 40), 40)
    x, y = np.meshgrid(np.arange(50, 640, 80), np.arange(50, 490, 80))
    drawn = np.column_stack([x.ravel(), y.ravel()])
    assert len(found) > 0.6 * len(drawn)
    assert np.hypot(*(found[:, None] - drawn).transpose(2, 0, 1)).min(axis=1).max() < 4


def test_as_many_of_both_signs_is_noise(rng: np.random.Generator) -> None:
    heights = rng.normal(1, 0.2, 300)
    assert count_beyond_noise(heights, heights) == 0
    assert count_beyond_noise(np.append(heights, np.full(50, 9.0)), heights) >= 40
    assert count_beyond_noise(heights, np.zeros(0)) == 0
