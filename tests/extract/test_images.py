"""Particle images by known answers."""

import numpy as np
import pytest

from cryoglean.extract import crop_fourier, cut_boxes, normalise_background, particle_images, suggested_box
from cryoglean.extract.settings import ExtractConfig


def _ramp(shape: tuple[int, int]) -> np.ndarray:
    """Each pixel tells where it is: 1000 y + x."""
    y, x = np.indices(shape)
    return (1000 * y + x).astype(np.float32)


@pytest.mark.parametrize("box", [8, 9])
def test_the_middle_pixel_is_the_coordinate_without_its_fraction(box: int) -> None:
    cut = cut_boxes(_ramp((40, 50)), np.array([[20.0, 10.0], [20.9, 10.99]]), box)
    assert cut.shape == (2, box, box)
    np.testing.assert_array_equal(cut[:, box // 2, box // 2], 10_020)
    np.testing.assert_array_equal(cut[0], cut[1])


def test_the_border_repeats_beyond_itself() -> None:
    (cut,) = cut_boxes(_ramp((40, 50)), np.array([[1.0, 38.0]]), 8)
    np.testing.assert_array_equal(cut[0], 34_000 + np.array([0, 0, 0, 0, 1, 2, 3, 4]))
    np.testing.assert_array_equal(cut[6:, 4], [39_001, 39_001])


@pytest.mark.parametrize("along", [(3, 2), (3, -2), (0, 5), (7, -11), (11, 11)])
def test_cropping_keeps_mean_and_pixel_zero_of_what_is_smooth(along: tuple[int, int]) -> None:
    y, x = np.mgrid[:48, :48]
    wave = 5 + np.cos(2 * np.pi * (along[0] * x + along[1] * y) / 48 + 0.3)
    (small,) = crop_fourier(wave[None].astype(np.float32), 24)
    np.testing.assert_allclose(small, wave[::2, ::2], atol=1e-5)
    assert small.mean() == pytest.approx(wave.mean(), abs=1e-5)


def test_the_background_has_mean_0_and_spread_1(rng: np.random.Generator) -> None:
    y, x = np.indices((32, 32))
    images = rng.normal(7, 3, (4, 32, 32)) + 0.5 * x - 0.2 * y
    normalised = normalise_background(images.astype(np.float32), 10)
    outside = np.hypot(x - 16, y - 16) > 10
    np.testing.assert_allclose(normalised[:, outside].mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(normalised[:, outside].std(axis=1), 1, atol=1e-5)
    slope = [np.polyfit(x[outside], image[outside], 1)[0] for image in normalised]
    np.testing.assert_allclose(slope, 0, atol=0.02)
    kept = normalise_background(images.astype(np.float32), 10, ramp=False)
    assert np.polyfit(x[outside], kept[0][outside], 1)[0] > 0.05


def test_a_flat_image_stays_finite() -> None:
    assert np.isfinite(normalise_background(np.ones((1, 16, 16), np.float32), 5)).all()


def test_steps_can_be_left_out() -> None:
    image = _ramp((40, 40))
    xy = np.array([[20.0, 20.0]])
    plain = particle_images(image, xy, ExtractConfig(box=16, normalise=False, invert=False))
    np.testing.assert_array_equal(plain, cut_boxes(image, xy, 16))
    inverted = particle_images(image, xy, ExtractConfig(box=16, normalise=False))
    np.testing.assert_array_equal(inverted, -plain)


def test_suggested_boxes_are_even_quick_and_half_again_the_diameter() -> None:
    for diameter in (50, 113, 200, 431):
        box = suggested_box(diameter, 1.3)
        assert box % 2 == 0
        assert 1.5 * diameter / 1.3 <= box < 1.7 * diameter / 1.3 + 2
        half = box // 2
        for prime in (2, 3, 5):
            while half % prime == 0:
                half //= prime
        assert half == 1
