"""A wrong flip shows no contrast: found on real micrographs and on made-up ones."""

from dataclasses import replace

import numpy as np
import pytest

from cryoglean.io import read_micrograph
from cryoglean.io.formats import read_picks
from cryoglean.io.formats.frames import flipped_y
from cryoglean.select.orientation import contrasts, orientation
from cryoglean.types import Micrograph, Picks

REAL = [
    ("apoferritin/micrographs/May08_03.05.02.mrc", "apoferritin/truth/May08_03.05.02.csv"),
    ("klh/01nov26b.008.001.001.002.mrc", "klh/01nov26b.008.001.001.002.csv"),
    ("ribosome/ribosome.mrc", "ribosome/ribosome.csv"),
    ("apoferritin_binned/apoferritin_binned.mrc", "apoferritin_binned/apoferritin_binned.csv"),
    ("contamination/micrograph.mrc", "contamination/autopick_with_junk.star"),
]


@pytest.mark.parametrize(("image", "truth"), REAL, ids=[row[0] for row in REAL])
def test_one_real_micrograph_tells(shared, image, truth):
    micrograph = read_micrograph(shared / "data" / image)
    (picks,) = read_picks(shared / "data" / truth)
    picks = replace(picks, shape=micrograph.shape)
    assert orientation([(micrograph, picks)]) == "as given"
    assert orientation([(micrograph, flipped_y(picks))]) == "flipped"


@pytest.mark.parametrize("image", [REAL[0][0], REAL[2][0]])
def test_places_anywhere_tell_nothing(shared, rng, image):
    micrograph = read_micrograph(shared / "data" / image)
    ny, nx = micrograph.shape
    for number in (3, 30, 300):
        for _ in range(2):
            picks = Picks(rng.uniform(0, (nx, ny), (number, 2)), shape=(ny, nx))
            assert orientation([(micrograph, picks)]) == "undecided"


def test_many_faint_micrographs_tell_together(rng):
    def one(contrast):
        image = rng.normal(0, 1, (400, 500))
        xy = rng.uniform(20, (480, 380), (6, 2))
        rows, columns = np.indices(image.shape)
        for x, y in xy:
            image += contrast * ((columns - x) ** 2 + (rows - y) ** 2 < 8**2)
        return Micrograph(image), Picks(xy, shape=image.shape)

    pairs = [one(0.1) for _ in range(30)]
    assert orientation(pairs[:1]) == "undecided"
    assert orientation(pairs) == "as given"
    assert orientation([(Micrograph(-m.data), flipped_y(p)) for m, p in pairs]) == "flipped"


def test_nothing_to_look_at_is_undecided():
    flat = Micrograph(np.zeros((50, 60)))
    assert orientation([]) == "undecided"
    assert orientation([(flat, Picks(np.empty((0, 2))))]) == "undecided"
    assert orientation([(flat, Picks(np.array([[5.0, 5.0], [-9.0, 99.0]])))]) == "undecided"


def noise_with(rng, places, contrast, picks=None):
    """Noise with squares at some places; picks there, or elsewhere."""
    image = rng.normal(0, 1, (400, 500))
    for x, y in places:
        image[y - 6 : y + 7, x - 6 : x + 7] += contrast
    return Micrograph(image), Picks(np.array(places if picks is None else picks, float), shape=image.shape)


def test_many_micrographs_of_noise_tell_no_more_than_one(rng):
    pairs = [noise_with(rng, [], 0, rng.integers(20, 380, (6, 2))) for _ in range(40)]
    assert orientation(pairs) == "undecided"


def test_where_both_orientations_show_particles_it_is_undecided(rng):
    places = [(60, 80), (200, 150), (330, 60), (430, 120)]
    both = [*places, *((x, 399 - y) for x, y in places)]
    assert orientation([noise_with(rng, both, 1.0, places)]) == "undecided"
    assert orientation([noise_with(rng, places, 1.0)]) == "as given"


@pytest.mark.parametrize(("below", "decided"), [(0.5, False), (1.4, True)])
def test_it_takes_six_standard_errors(rng, below, decided):
    """Contrast is in proportion to what is added, here as much as gives a part of six standard errors."""
    places = [(x, y) for x in range(40, 480, 60) for y in range(30, 180, 50)]
    clear = noise_with(rng, places, 1.0)
    standing_out = np.abs(contrasts(*clear)[0]).max()
    image = rng.normal(0, 1, (400, 500))
    faint = below * 6 / standing_out
    picked = Micrograph(faint * clear[0].data + np.sqrt(1 - faint**2) * image), clear[1]
    assert (orientation([picked]) == "as given") == decided
