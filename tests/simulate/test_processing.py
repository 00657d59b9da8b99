"""Each step of processing does what its name says and keeps the mean and the contrast."""

import numpy as np
import pytest

from cryoglean.simulate import processing
from cryoglean.simulate.processing import process
from cryoglean.simulate.sampling import sample_processing
from cryoglean.simulate.settings import Processing, ProcessingRanges

STEPS = {
    "gain_error": Processing(gain_error=0.02),
    "coloured_noise": Processing(coloured_noise=0.5, noise_power=-1.0),
    "wiener": Processing(wiener=0.9),
    "nonlocal_means": Processing(nonlocal_means=1.0),
    "lowpass": Processing(lowpass=8.0),
    "equalising": Processing(equalising=40.0),
    "grey_levels": Processing(grey_levels=12),
    "jpeg_quality": Processing(jpeg_quality=40),
}


@pytest.fixture
def noise(rng):
    return rng.normal(100.0, 10.0, (256, 192)).astype(np.float32)


@pytest.fixture
def disc():
    """A particle of 24 pixels, 20 darker than its surroundings."""
    y, x = np.mgrid[:256, :192]
    return -20 * np.float32(np.hypot(y - 128, x - 96) < 12)


def amplitude(image, low, high):
    """Mean amplitude between two frequencies, 1/pixel."""
    radius = np.hypot(np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1])[None])
    return float(np.abs(np.fft.rfft2(image))[(radius > low) & (radius < high)].mean())


def test_every_step_is_tried_here_and_can_be_drawn():
    optional = {name for name, wanted in ProcessingRanges() if wanted.chance < 1}
    assert set(STEPS) == optional
    assert set(Processing.model_fields) == set(ProcessingRanges.model_fields)


@pytest.mark.parametrize("name", STEPS)
def test_each_step_changes_the_image_and_keeps_its_mean_and_a_particle(noise, disc, rng, name):
    image = noise + disc
    done = process(image, STEPS[name], pixel_size=1.0, rng=rng)
    assert done.dtype == np.float32
    assert done.shape == image.shape
    assert not np.array_equal(done, image)
    inside = disc < 0
    around = np.zeros_like(inside)
    around[100:156, 68:124] = True
    depth = done[around & ~inside].mean() - done[inside].mean()
    assert done.mean() == pytest.approx(image.mean(), rel=0.01)
    assert 8 < depth < 26


def test_nothing_is_done_by_default_and_the_same_seed_does_the_same(noise):
    assert process(noise, Processing(), pixel_size=1.0, rng=np.random.default_rng(0)) is noise
    twice = [
        process(noise, STEPS["coloured_noise"], pixel_size=1.0, rng=np.random.default_rng(1)) for _ in "ab"
    ]
    np.testing.assert_array_equal(*twice)


@pytest.mark.parametrize("power", [-1.0, 0.0, 1.0])
def test_noise_has_the_colour_and_the_strength_asked_for(noise, rng, power):
    flat = np.zeros_like(noise)
    flat[0, 0] = 1e-3
    added = processing.add_coloured_noise(noise, 2.0, power=power, rng=rng) - noise
    assert added.std() == pytest.approx(2 * noise.std(), rel=1e-3)
    assert amplitude(added, 0.36, 0.44) / amplitude(added, 0.09, 0.11) == pytest.approx(4**power, rel=0.1)


def test_a_low_pass_filter_halves_power_at_its_length_in_angstroms(noise, rng):
    filtered = process(noise, Processing(lowpass=16.0, lowpass_steepness=8.0), pixel_size=2.0, rng=rng)
    ratio = [amplitude(filtered, *band) / amplitude(noise, *band) for band in ((0.05, 0.1), (0.2, 0.3))]
    assert ratio[0] == pytest.approx(1, abs=0.02)
    assert ratio[1] < 0.01
    np.testing.assert_allclose(
        amplitude(filtered, 0.123, 0.127) / amplitude(noise, 0.123, 0.127), 0.5, atol=0.05
    )


def test_denoisers_take_noise_away_and_leave_a_particle(noise, disc):
    image = noise + disc
    for denoised in (processing.wiener_filter(image, 0.95), processing.nonlocal_means(image, 1.2)):
        assert denoised[:60].std() < 0.6 * image[:60].std()
        shown, true = denoised[112:144, 80:112], disc[112:144, 80:112]
        assert np.corrcoef(shown.ravel(), true.ravel())[0, 1] > 0.8


def test_contrast_becomes_the_same_everywhere(rng):
    slope = np.linspace(1, 8, 256, dtype=np.float32)[:, None]
    image = rng.standard_normal((256, 192), dtype=np.float32) * slope
    done = processing.equalise_contrast(image, 20)
    assert image[-90:-30].std() / image[30:90].std() > 2
    assert done[-90:-30].std() / done[30:90].std() == pytest.approx(1, abs=0.1)


def test_as_many_grey_levels_are_left_as_asked_for(noise):
    assert len(np.unique(processing.quantise_grey_levels(noise, 8))) == 8
    flat = np.full((64, 64), 5, np.float32)
    np.testing.assert_allclose(processing.quantise_grey_levels(flat, 8), 5, atol=1e-6)


def test_flat_images_stay_flat(rng):
    flat = np.full((64, 64), 5, np.float32)
    for name, step in STEPS.items():
        if name != "gain_error":
            np.testing.assert_allclose(process(flat, step, pixel_size=1.0, rng=rng), 5, atol=1e-4)


def test_a_wrong_gain_leaves_rows_and_columns(rng):
    flat = np.full((200, 300), 100, np.float32)
    spoiled = processing.misread_gain(flat, 0.03, rng)
    assert spoiled.std() == pytest.approx(3, rel=0.1)
    assert spoiled.mean(axis=1).std() == pytest.approx(3 / np.sqrt(3), rel=0.2)


def test_chances_go_with_their_factor(rng):
    never = [sample_processing(ProcessingRanges(), rng, chance_factor=0) for _ in range(50)]
    often = [sample_processing(ProcessingRanges(), rng, chance_factor=2) for _ in range(200)]
    assert all(one.lowpass == one.wiener == one.grey_levels == 0 for one in never)
    assert 0.4 < np.mean([one.lowpass > 0 for one in often]) < 0.6
