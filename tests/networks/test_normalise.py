import numpy as np
import pytest

from cryoglean.networks.normalise import normalise

PARTICLE_PX = 24.0


@pytest.fixture
def noise(rng):
    return rng.standard_normal((256, 320)).astype(np.float32)


def test_noise_gets_median_zero_and_spread_one(noise):
    level = normalise(40 + 7 * noise, PARTICLE_PX)
    assert abs(np.median(level)) < 0.02
    assert np.std(level) == pytest.approx(1, abs=0.03)


def test_gain_and_offset_make_no_difference(noise):
    np.testing.assert_allclose(
        normalise(noise, PARTICLE_PX), normalise(1000 + 250 * noise, PARTICLE_PX), atol=2e-3
    )


def test_inverting_the_image_inverts_the_result(noise):
    np.testing.assert_allclose(normalise(-noise, PARTICLE_PX), -normalise(noise, PARTICLE_PX), atol=1e-5)


def test_slow_illumination_is_taken_away(noise):
    ramp = np.linspace(0, 5, noise.shape[1], dtype=np.float32)
    level = normalise(noise + ramp, PARTICLE_PX)
    assert abs(level[:, 60:100].mean() - level[:, -100:-60].mean()) < 0.5


def test_a_particle_stays_as_bright_as_it_was(noise):
    y, x = np.mgrid[: noise.shape[0], : noise.shape[1]]
    disc = (np.hypot(y - 128, x - 160) < PARTICLE_PX / 2).astype(np.float32)
    level = normalise(noise + 2 * disc, PARTICLE_PX)
    assert level[disc > 0].mean() == pytest.approx(2, abs=0.25)


def test_an_ice_crystal_leaves_no_dark_halo(noise):
    crystal = noise.copy()
    crystal[80:160, 100:180] += 60
    level = normalise(crystal, PARTICLE_PX)
    assert abs(np.median(level[165:185, 100:180])) < 1.5


def test_a_flat_image_gives_zeros():
    assert not normalise(np.full((64, 64), 3.0, np.float32), PARTICLE_PX).any()
