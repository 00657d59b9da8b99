"""Wiener and guided filters: what they must do to noise, edges and blur."""

from functools import partial

import numpy as np
import pytest
from scipy import fft, ndimage

from cryoglean.pickers.autocryopicker.restoration import filter_guided, filter_wiener, filter_wiener_local


@pytest.fixture
def discs() -> np.ndarray:
    """Draw dark discs on a bright ground, 0.3 and 0.7."""
    y, x = np.mgrid[:200, :230]
    inside = np.hypot((y % 50) - 25, (x % 46) - 23) < 14
    return np.where(inside, 0.3, 0.7).astype(np.float32)


def mean_square(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.mean(np.square(first - second)))


@pytest.mark.parametrize(
    ("restore", "gain"),
    [(filter_wiener_local, 6.0), (filter_wiener, 4.0), (partial(filter_guided, passes=4), 4.0)],
)
def test_noise_falls_and_discs_stay(
    restore, gain: float, discs: np.ndarray, rng: np.random.Generator
) -> None:
    noisy = discs + rng.normal(0, 0.1, discs.shape).astype(np.float32)
    restored = restore(noisy)
    assert restored.dtype == np.float32
    assert mean_square(restored, discs) < mean_square(noisy, discs) / gain
    assert restored.mean() == pytest.approx(noisy.mean(), abs=5e-3)


def test_local_wiener_filter_equals_its_definition(rng: np.random.Generator) -> None:
    image = rng.random((30, 40)).astype(np.float32)
    mean = ndimage.uniform_filter(image.astype(np.float64), 5, mode="mirror")
    variance = ndimage.uniform_filter(np.square(image.astype(np.float64)), 5, mode="mirror") - mean**2
    noise = variance.mean()
    expected = mean + np.maximum(variance - noise, 0) / np.maximum(variance, noise) * (image - mean)
    np.testing.assert_allclose(filter_wiener_local(image, 5), expected, atol=1e-5)


def test_wiener_filter_undoes_a_known_blur(discs: np.ndarray, rng: np.random.Generator) -> None:
    frequency = np.hypot(fft.fftfreq(200)[:, None], fft.rfftfreq(230))
    transfer = np.exp(-2 * (np.pi * 2.0 * frequency) ** 2)
    blurred = fft.irfft2(fft.rfft2(discs) * transfer, s=discs.shape)
    seen = blurred + rng.normal(0, 0.005, discs.shape)
    with_blur_known = filter_wiener(seen, transfer)
    assert mean_square(with_blur_known, discs) < 0.6 * mean_square(filter_wiener(seen), discs)


def test_guided_filter_keeps_a_strong_edge_and_flattens_weak_noise(rng: np.random.Generator) -> None:
    step = np.zeros((60, 60), np.float32)
    step[:, 30:] = 1
    smooth = filter_guided(step + rng.normal(0, 0.02, step.shape).astype(np.float32), passes=4)
    # The edge is as steep as before: within one pixel it crosses four fifths of its height.
    assert (smooth[:, 30] - smooth[:, 29]).mean() > 0.8
    assert smooth[:, :25].std() < 0.005


def test_no_pass_of_the_guided_filter_changes_nothing(discs: np.ndarray) -> None:
    np.testing.assert_array_equal(filter_guided(discs, passes=0), discs)


@pytest.mark.parametrize("restore", [filter_wiener_local, filter_wiener, filter_guided])
def test_constant_images_stay(restore) -> None:
    constant = np.full((40, 50), 0.25, np.float32)
    np.testing.assert_allclose(restore(constant), constant, atol=1e-6)
