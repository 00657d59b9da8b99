from pathlib import Path

import numpy as np
import pytest

from cryoglean.errors import MicrographError
from cryoglean.image.resample import average_area
from cryoglean.io import read_micrograph
from cryoglean.pickers.size.by_discs import estimate_scale, require_fitting, resample_to
from cryoglean.types import Micrograph
from tests.pickers.particles import DIAMETER_PX, PIXEL_SIZE, drawn, scattered

DIAMETER = DIAMETER_PX * PIXEL_SIZE


@pytest.fixture
def micrograph(rng: np.random.Generator) -> Micrograph:
    return drawn(scattered((520, 600), rng), (520, 600), rng)[0]


def test_size_and_contrast_of_drawn_particles(micrograph: Micrograph) -> None:
    scale = estimate_scale([micrograph])
    assert scale is not None
    assert scale.diameter == pytest.approx(DIAMETER, rel=0.08)
    assert scale.sign == -1


def test_bright_particles_are_seen_as_such(micrograph: Micrograph) -> None:
    scale = estimate_scale([micrograph.with_data(-micrograph.data)])
    assert scale is not None
    assert scale.diameter == pytest.approx(DIAMETER, rel=0.08)
    assert scale.sign == 1


def test_the_diameter_is_a_length_and_not_a_number_of_pixels(micrograph: Micrograph) -> None:
    small = average_area(micrograph.data, 1.5)
    binned = Micrograph(small.data, pixel_size=PIXEL_SIZE * small.step[0])
    pair = [estimate_scale([binned]), estimate_scale([micrograph, binned])]
    assert [scale and scale.diameter for scale in pair] == pytest.approx([DIAMETER] * 2, rel=0.08)


@pytest.mark.parametrize(
    "image", [np.zeros((300, 300)), np.full((300, 300), 7), np.zeros((5, 900)), np.zeros((1, 1))]
)
def test_nothing_has_no_scale(image: np.ndarray) -> None:
    assert estimate_scale([Micrograph(image)]) is None


def test_no_micrographs_have_no_scale() -> None:
    assert estimate_scale([]) is None


def test_resampling_brings_the_particle_to_its_size_and_makes_it_bright(micrograph: Micrograph) -> None:
    scale = estimate_scale([micrograph])
    assert scale is not None
    low = resample_to(micrograph, scale, 24)
    assert scale.diameter / PIXEL_SIZE / low.step[0] == pytest.approx(24, rel=0.01)
    assert low.data.mean() == pytest.approx(-micrograph.data.mean(), rel=1e-3)


def test_a_diameter_that_does_not_fit_is_refused(micrograph: Micrograph) -> None:
    require_fitting(micrograph, 2 * 520)
    for diameter in (2 * 521, 7.9, 1e9):
        with pytest.raises(MicrographError, match=r"pixels wide, the micrograph 600 × 520.*--diameter"):
            require_fitting(micrograph, diameter)


def test_apoferritin_measures_114_angstroms(shared: Path) -> None:
    for name in ("May08_03.05.02", "May08_06.30.43"):
        scale = estimate_scale([read_micrograph(shared / f"data/apoferritin/micrographs/{name}.mrc")])
        assert scale is not None
        assert scale.diameter == pytest.approx(114, rel=0.1)
        assert scale.sign == -1
