import numpy as np
import pytest

from cryoglean.image.radial import average_patches, disc_template, particle_radius, radial_profile, spin


def test_a_disc_has_the_area_of_its_diameter() -> None:
    assert disc_template(20, 15).sum() == pytest.approx(np.pi * 100, rel=0.01)


def test_profile_and_spin_are_inverse() -> None:
    profile = np.cos(np.arange(41) / 8)
    np.testing.assert_allclose(radial_profile(spin(profile, 20)), profile, atol=0.03)


@pytest.mark.parametrize("turn", [np.rot90, lambda p: p[::-1], lambda p: p.T])
def test_the_profile_does_not_turn(turn, rng: np.random.Generator) -> None:
    patch = rng.normal(0, 1, (31, 31)).astype(np.float32)
    np.testing.assert_allclose(radial_profile(turn(patch)), radial_profile(patch), atol=1e-6)


def test_patches_are_centred_below_a_pixel() -> None:
    y, x = np.mgrid[:80, :100]
    image = np.exp(-((x - 40.4) ** 2 + (y - 33.7) ** 2) / 40).astype(np.float32)
    patch = average_patches(image, np.array([[40.4, 33.7]]), 10)
    np.testing.assert_allclose(patch, patch[::-1], atol=0.01)
    np.testing.assert_allclose(patch, patch.T, atol=0.01)


def test_patches_across_the_border_are_left_out() -> None:
    image = np.ones((40, 50), np.float32)
    assert average_patches(image, np.array([[5.0, 5.0]]), 10).sum() == 0
    assert average_patches(image, np.array([[5.0, 5.0], [20, 20]]), 10).min() == 1


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("radius", [8.0, 11.3, 14.0])
def test_a_particle_ends_where_its_fringe_begins(sign: float, radius: float) -> None:
    r = np.arange(60) / 2
    fringe = 0.4 * np.exp(-np.maximum(r - radius, 0) / 2)
    profile = np.tanh((radius - r) / 0.8) * np.where(r < radius, 1, fringe)
    found, contrast = particle_radius(sign * profile, 20)
    assert found == pytest.approx(radius, abs=0.6)
    assert contrast == sign


def test_a_bright_centre_does_not_mislead_it() -> None:
    r = np.arange(60) / 2
    profile = np.where(r < 4, 1.0, np.where(r < 12, -1.0, 0.0))
    found, contrast = particle_radius(profile, 20)
    assert contrast == -1
    assert found == pytest.approx(12, abs=0.7)


def test_the_average_of_patches_is_their_mean(rng: np.random.Generator) -> None:
    image = rng.normal(5, 1, (60, 70)).astype(np.float32)
    xy = np.array([[20.0, 20.0], [30.0, 25.0], [40.0, 30.0]])
    cut = [image[int(y) - 8 : int(y) + 9, int(x) - 8 : int(x) + 9] for x, y in xy]
    np.testing.assert_allclose(average_patches(image, xy, 8), np.mean(cut, axis=0), atol=1e-5)
