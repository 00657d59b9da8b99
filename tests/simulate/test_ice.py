import numpy as np
import pytest
from scipy import fft

from cryoglean.simulate.ice import (
    CARBON,
    WATER,
    amorphous_noise,
    brownian_averaging,
    depth_of_plane,
    inelastic_path,
    noise_power,
    smooth_field,
    thickness_map,
)
from cryoglean.simulate.optics import Frequencies
from cryoglean.simulate.settings import Ice

SHAPE = (512, 512)


def test_even_ice_has_its_thickness_everywhere(rng):
    assert (thickness_map(SHAPE, Ice(thickness=321.0), pixel_size=1.0, rng=rng) == 321).all()


def test_the_gradient_is_along_its_direction_per_micrometre(rng):
    ice = Ice(thickness=500.0, gradient=0.4, slope_angle=90.0)
    thickness = thickness_map(SHAPE, ice, pixel_size=5.0, rng=rng)
    assert np.ptp(thickness, axis=1).max() < 1e-3
    change = (thickness[-1, 0] - thickness[0, 0]) / (511 * 5.0)
    assert change == pytest.approx(500 * 0.4 / 1e4, rel=1e-3)


def test_roughness_grows_with_the_field(rng):
    ice = Ice(thickness=500.0, roughness=0.1)
    small, large = (thickness_map(SHAPE, ice, pixel_size=px, rng=rng).std() / 500 for px in (1.0, 10.0))
    assert small == pytest.approx(0.1 * 0.0512, rel=0.05)
    assert large == pytest.approx(0.1 * 0.512, rel=0.05)


def test_smooth_fields_have_mean_0_variance_1_and_little_that_is_fine(rng):
    field = smooth_field((300, 700), rng)
    assert field.shape == (300, 700)
    assert (field.mean(), field.std()) == (pytest.approx(0, abs=0.05), pytest.approx(1, abs=0.1))
    assert np.diff(field, axis=1).std() < 0.05


@pytest.mark.parametrize("matter", [WATER, CARBON])
def test_amorphous_noise_has_the_power_of_its_matter(matter, rng):
    pixel_size = 1.5
    noise = amorphous_noise(SHAPE, pixel_size, matter, rng=rng)
    k = np.sqrt(Frequencies.of(SHAPE, pixel_size, dtype=np.float64).squared)
    power = np.abs(fft.rfft2(noise)) ** 2 * pixel_size**2 / noise.size
    for low, high in ((0.02, 0.05), (0.1, 0.15), (0.25, 0.3)):
        ring = (k > low) & (k < high)
        assert power[ring].mean() == pytest.approx(noise_power(matter, k[ring] ** 2).mean(), rel=0.05)


def test_water_hardly_varies_at_low_frequency_and_most_at_its_ring():
    power = noise_power(WATER, np.array([0.0, (1 / 3.7) ** 2]))
    gas = noise_power(WATER, np.zeros(1)) / WATER.disorder
    assert power[0] / gas[0] == pytest.approx(0.065)
    assert power[1] > 5 * power[0]


def test_water_that_wanders_blurs_the_fine_and_not_the_coarse():
    left = brownian_averaging(np.array([0.0, 0.01, 0.07]), 40.0)
    assert left[0] == pytest.approx(1, abs=1e-3)
    assert 1 > left[1] > left[2]
    assert brownian_averaging(np.array([0.07]), 0.0)[0] == pytest.approx(1, abs=1e-3)


def test_a_tilted_plane_falls_away_from_its_axis():
    ice = Ice(tilt=45.0, tilt_axis=0.0)
    places = np.array([[0.0, 0.0], [700.0, 0.0], [0.0, 100.0]])
    np.testing.assert_allclose(depth_of_plane(ice, places, np.zeros(2)), [0, 0, 100], atol=1e-9)
    upright = Ice(tilt=45.0, tilt_axis=90.0)
    np.testing.assert_allclose(depth_of_plane(upright, places, np.zeros(2)), [0, -700, 0], atol=1e-9)


def test_slower_electrons_are_lost_sooner():
    assert inelastic_path(300) == pytest.approx(3950)
    # The path goes as the square of the velocity, 0.776 and 0.695 of light's.
    assert inelastic_path(200) == pytest.approx(3950 * (0.6953 / 0.7765) ** 2, rel=1e-3)


def test_tilted_ice_is_thicker_along_the_beam(rng):
    tilted = thickness_map(SHAPE, Ice(thickness=300.0, tilt=60.0), pixel_size=1.0, rng=rng)
    assert tilted.mean() == pytest.approx(600)
