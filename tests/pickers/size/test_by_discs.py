from pathlib import Path

import numpy as np
import pytest

from cryoglean.errors import MicrographError
from cryoglean.image.resample import average_area, resample_to
from cryoglean.io import read_micrograph
from cryoglean.pickers.base import require_fitting
from cryoglean.pickers.size.by_discs import measure_by_discs
from cryoglean.types import Micrograph
from tests.pickers.particles import DIAMETER_PX, PIXEL_SIZE, drawn, scattered

DIAMETER = DIAMETER_PX * PIXEL_SIZE


@pytest.fixture
def micrograph(rng: np.random.Generator) -> Micrograph:
    return drawn(scattered((520, 600), rng), (520, 600), rng)[0]


def test_size_and_contrast_of_drawn_particles(micrograph: Micrograph) -> None:
    size = measure_by_discs([micrograph])
    assert size is not None
    assert size.diameter == pytest.approx(DIAMETER, rel=0.08)
    assert size.contrast == "dark"


def test_bright_particles_are_seen_as_such(micrograph: Micrograph) -> None:
    size = measure_by_discs([micrograph.with_data(-micrograph.data)])
    assert size is not None
    assert size.diameter == pytest.approx(DIAMETER, rel=0.08)
    assert size.contrast == "bright"


def test_the_diameter_is_a_length_and_not_a_number_of_pixels(micrograph: Micrograph) -> None:
    small = average_area(micrograph.data, 1.5)
    binned = Micrograph(small.data, pixel_size=PIXEL_SIZE * small.step[0])
    pair = [measure_by_discs([binned]), measure_by_discs([micrograph, binned])]
    assert [size and size.diameter for size in pair] == pytest.approx([DIAMETER] * 2, rel=0.08)


@pytest.mark.parametrize(
    "image", [np.zeros((300, 300)), np.full((300, 300), 7), np.zeros((5, 900)), np.zeros((1, 1))]
)
def test_nothing_has_no_size(image: np.ndarray) -> None:
    assert measure_by_discs([Micrograph(image)]) is None


def test_no_micrographs_have_no_size() -> None:
    assert measure_by_discs([]) is None


def test_resampling_brings_the_particle_to_its_size_and_makes_it_bright(micrograph: Micrograph) -> None:
    size = measure_by_discs([micrograph])
    assert size is not None
    low = resample_to(micrograph, size, 24)
    assert size.diameter / PIXEL_SIZE / low.step[0] == pytest.approx(24, rel=0.01)
    assert low.data.mean() == pytest.approx(-micrograph.data.mean(), rel=1e-3)


def test_a_diameter_that_does_not_fit_is_refused(micrograph: Micrograph) -> None:
    require_fitting(micrograph, 2 * 520)
    for diameter in (2 * 521, 7.9, 1e9):
        with pytest.raises(MicrographError, match=r"pixels wide, the micrograph 600 × 520.*--diameter"):
            require_fitting(micrograph, diameter)


def test_apoferritin_measures_114_angstroms(shared: Path) -> None:
    for name in ("May08_03.05.02", "May08_06.30.43"):
        size = measure_by_discs([read_micrograph(shared / f"data/apoferritin/micrographs/{name}.mrc")])
        assert size is not None
        assert size.diameter == pytest.approx(114, rel=0.1)
        assert size.contrast == "dark"
