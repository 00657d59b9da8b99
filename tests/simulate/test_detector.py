import numpy as np
import pytest

from cryoglean.simulate import detector
from cryoglean.simulate.settings import Exposure


def test_counts_are_those_of_poisson(rng):
    counts = detector.count_electrons(np.full((400, 400), 25.0), rng)
    assert counts.dtype == np.float32
    assert counts.mean() == pytest.approx(25, rel=0.01)
    assert counts.var() == pytest.approx(25, rel=0.02)


def test_twice_the_dose_halves_the_relative_variance(rng):
    relative = [detector.count_electrons(np.full((500, 500), n), rng).var() / n**2 for n in (20.0, 40.0)]
    assert relative[0] / relative[1] == pytest.approx(2, rel=0.03)


def test_a_denoiser_leaves_its_share_of_the_noise_and_the_mean(rng):
    rate = np.full((200, 200), 25.0)
    counts = detector.count_electrons(rate, rng)
    cleaned = detector.denoise(counts, rate, 0.9)
    assert cleaned.dtype == np.float32
    np.testing.assert_allclose(cleaned - rate, 0.1 * (counts - rate), atol=1e-4)
    assert detector.denoise(counts, rate, 0.0) is counts


def test_the_noise_transfer_colours_the_noise_and_keeps_the_mean(rng):
    exposure = Exposure(ntf_nyquist=0.3)
    counts = detector.count_electrons(np.full((256, 256), 50.0), rng)
    blurred = detector.blur_noise(counts, exposure, pixel_size=1.0)
    assert blurred.mean() == pytest.approx(counts.mean(), rel=1e-5)
    before, after = (np.abs(np.fft.rfft2(image))[0, 1:] ** 2 for image in (counts, blurred))
    spectrum = after / before
    assert spectrum[-1] == pytest.approx(0.3**2, rel=1e-3)
    assert spectrum[0] == pytest.approx(1, rel=1e-3)


def test_a_magnified_image_holds_nothing_beyond_the_detector(rng):
    counts = detector.count_electrons(np.full((256, 256), 50.0), rng)
    magnified = detector.blur_noise(counts, Exposure(ntf_nyquist=1.0, detector_pixel=2.0), pixel_size=1.0)
    transform = np.abs(np.fft.rfft2(magnified - magnified.mean()))
    assert transform[:, 100:].max() < 1e-2 * transform[1:40, 1:40].mean()


def test_signal_and_noise_end_with_their_own_transfers():
    exposure, k2 = Exposure(mtf_nyquist=0.2, ntf_nyquist=0.7), np.linspace(0, 0.25, 20)
    before = detector.signal_to_noise_transfer(k2, exposure, 0.5)
    after = detector.transfer(k2, 0.7, 0.5)
    np.testing.assert_allclose(before * after, 0.2 ** (k2 / 0.25), rtol=1e-3)


def test_light_falls_to_the_darkest_place(rng):
    light = detector.illumination((100, 200), 0.25, rng)
    assert (light.max(), light.min()) == (pytest.approx(1), pytest.approx(0.75, abs=1e-4))


def test_hot_and_dead_pixels_are_as_many_as_said(rng):
    image = np.full((1000, 1000), 10.0, np.float32)
    spoiled = detector.spoil_pixels(image, 1e-3, rng)
    changed = spoiled != image
    assert changed.sum() == pytest.approx(1000, rel=0.15)
    assert (spoiled[changed] == 0).mean() == pytest.approx(0.2, abs=0.05)
    assert (image == 10).all()


def test_flattening_takes_the_slow_and_leaves_the_fast_and_the_mean():
    x = np.arange(1024) * np.ones((256, 1))
    slow, fast = np.cos(2 * np.pi * x / 1024), np.cos(2 * np.pi * x / 16)
    flat = detector.flatten((5 + slow + fast).astype(np.float32), 64.0)
    np.testing.assert_allclose(flat - 5, fast, atol=0.03)
