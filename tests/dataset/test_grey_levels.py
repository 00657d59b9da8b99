"""Eight bits about the background, whatever the unit of the image."""

import numpy as np
import pytest

from cryoglean.dataset.grey_levels import LEVELS_PER_SIGMA, MIDDLE, grey_levels, quantise


@pytest.mark.parametrize(("unit", "level"), [(1.0, 0.0), (250.0, 4000.0), (1e-3, -7.0)])
def test_noise_has_its_levels_whatever_the_unit(unit: float, level: float, rng: np.random.Generator) -> None:
    levels = grey_levels((level + unit * rng.normal(0, 1, (200, 200))).astype(np.float32))
    assert levels.dtype == np.uint8
    assert np.median(levels) == MIDDLE
    assert levels.std() == pytest.approx(LEVELS_PER_SIGMA, rel=0.03)


def test_a_few_particles_do_not_change_the_levels_of_the_noise(rng: np.random.Generator) -> None:
    image = rng.normal(0, 1, (200, 200)).astype(np.float32)
    with_particles = image.copy()
    with_particles[40:60, 40:60] -= 30
    around = np.s_[100:, 100:]
    assert np.abs(grey_levels(with_particles)[around].astype(int) - grey_levels(image)[around]).max() <= 2
    assert grey_levels(with_particles)[50, 50] == 0


def test_a_constant_image_lies_in_the_middle() -> None:
    assert (grey_levels(np.full((8, 8), 3.0, np.float32)) == MIDDLE).all()


def test_what_lies_beyond_is_cut() -> None:
    given = np.array([-9, -1, 0, 0.5, 1, 9], np.float32)
    assert quantise(given).tolist() == [0, 107, 128, 138, 149, 255]
