"""Scenes are drawn, with the answer of a network that sees some of the particles."""

import numpy as np
import pytest

from cryoglean.dataset.tiles import (
    BACKGROUND,
    CONTAMINATED,
    PARTICLE,
    REFUTED,
    SURE,
    UNKNOWN,
    UNLABELLED,
    WEAK,
    LabelledTiles,
)
from cryoglean.training.labelling import (
    CORE,
    REACH,
    Annotation,
    cut,
    label_image,
    labelled_by_map,
)

NY, NX, PARTICLE_PX, MARGIN = 160, 208, 24.0, 8
SEEN, UNSEEN, WEAKLY, FALSE = (60.0, 60.0), (140.0, 60.0), (60.0, 110.0), (150.0, 120.0)
INNER = (slice(MARGIN, NY - MARGIN), slice(MARGIN, NX - MARGIN))
NONE = np.zeros((0, 2))


def bar(centre, *, length, width):
    y, x = np.mgrid[:NY, :NX]
    return (np.abs(x - centre[0]) < length / 2) & (np.abs(y - centre[1]) < width / 2)


@pytest.fixture
def mask():
    """A network sees two long particles, and something where there is nothing."""
    return bar(SEEN, length=24, width=12) | bar(WEAKLY, length=24, width=12) | bar(FALSE, length=20, width=20)


def painted(mask, *, complete):
    annotation = Annotation(np.array([SEEN, UNSEEN]), np.array([WEAKLY]), np.array([FALSE]), complete)
    level = np.random.default_rng(0).normal(0, 1, (NY, NX)).astype(np.float32)
    return label_image(level, annotation, mask.astype(np.float32), particle_px=PARTICLE_PX, inner=INNER)


def distance(centre):
    y, x = np.mgrid[:NY, :NX]
    return np.hypot(x - centre[0], y - centre[1])


def test_a_particle_that_the_network_sees_keeps_its_outline(mask):
    scene = painted(mask, complete=True)
    near = distance(SEEN) < REACH * PARTICLE_PX
    told = near & (scene.particle != UNKNOWN)
    assert told.sum() > 0.7 * near.sum()
    np.testing.assert_array_equal(scene.particle[told] == PARTICLE, mask[told])


def test_of_a_particle_that_it_does_not_see_only_the_core_is_certain(mask):
    scene = painted(mask, complete=True)
    away = distance(UNSEEN)
    assert (scene.particle[away < CORE * PARTICLE_PX] == PARTICLE).all()
    ring = (away > CORE * PARTICLE_PX) & (away < REACH * PARTICLE_PX)
    assert (scene.particle[ring] == UNKNOWN).all()


@pytest.mark.parametrize(("complete", "between"), [(True, SURE), (False, UNLABELLED)])
def test_what_nobody_picked_is_background_only_where_everything_was_picked(mask, complete, between):
    scene = painted(mask, complete=complete)
    column, row = 20, 140
    assert scene.particle[row, column] == BACKGROUND
    assert scene.trust[row, column] == between
    for (x, y), trust in ((SEEN, SURE), (UNSEEN, SURE), (WEAKLY, WEAK), (FALSE, REFUTED)):
        assert scene.trust[round(y), round(x)] == trust
    x, y = FALSE
    assert scene.particle[round(y), round(x)] == BACKGROUND


def test_nothing_is_known_beyond_the_border(mask):
    scene = painted(mask, complete=True)
    beyond = np.ones((NY, NX), bool)
    beyond[INNER] = False
    assert (scene.particle[beyond] == UNKNOWN).all()
    assert not scene.within[beyond[::2, ::2]].any()
    assert scene.within.sum() == (~beyond[::2, ::2]).sum()


def test_an_empty_micrograph_is_all_background():
    level = np.zeros((NY, NX), np.float32)
    empty = Annotation(NONE, NONE, NONE, True)
    scene = label_image(level, empty, np.zeros((NY, NX), np.float32), particle_px=PARTICLE_PX, inner=INNER)
    assert (scene.particle[INNER] == BACKGROUND).all()
    assert len(scene.centres) == 0


def test_tiles_cover_a_scene_and_hold_what_lies_under_them(mask):
    scene = painted(mask, complete=False)
    tiles = cut([scene], 96)
    assert len(tiles) == 3 * 4
    seen = set()
    for i in range(len(tiles)):
        for x, y in tiles.centres_of(i):
            if 0 <= x <= 95 and 0 <= y <= 95:
                assert tiles.particle[i, round(float(y)), round(float(x))] == PARTICLE
                seen.add(tiles.contaminated[i, round(float(y)), round(float(x))])
    assert seen == {SURE, WEAK}
    assert sum(int((part == PARTICLE).sum()) for part in tiles.particle) > (scene.particle == PARTICLE).sum()
    levels = np.clip(np.rint(scene.level * 21 + 128), 0, 255)
    np.testing.assert_array_equal(tiles.image[0], levels[:96, :96])
    np.testing.assert_array_equal(tiles.image[-1], levels[-96:, -96:])


def test_a_scene_smaller_than_a_tile_is_surrounded_by_what_is_unknown(mask):
    tiles = cut([painted(mask, complete=True)], 256)
    assert tiles.image.shape == (1, 256, 256)
    assert (tiles.particle[0, NY:] == UNKNOWN).all()
    assert (tiles.image[0, NY:] == 128).all()


@pytest.fixture
def projected():
    """One tile with the label of a bar, and a blot of ice, as `cryoglean labels --tiles` cuts them."""
    particle = bar(SEEN, length=24, width=12).astype(np.uint8)
    ice = (bar(FALSE, length=20, width=20) * CONTAMINATED).astype(np.uint8)
    centres = np.array([[0, *SEEN]], np.float32)
    blank = np.zeros((1, NY, NX), np.uint8)
    return LabelledTiles(blank, particle[None], ice[None], centres, np.array(["mine"]))


def test_outlines_of_projected_labels_are_left_out(projected):
    tiles = labelled_by_map(projected, PARTICLE_PX, complete=True)
    inner, outer = bar(SEEN, length=22, width=10), bar(SEEN, length=26, width=14)
    assert (tiles.particle[0][inner] == PARTICLE).all()
    assert (tiles.particle[0][~outer] == BACKGROUND).all()
    ring = bar(SEEN, length=24.5, width=12.5) & ~inner
    assert (tiles.particle[0][ring] == UNKNOWN).all()
    np.testing.assert_array_equal(tiles.contaminated, projected.contaminated)
    assert (projected.particle != UNKNOWN).all()


def test_between_particles_that_a_refinement_kept_nothing_is_known_but_ice(projected):
    trust = labelled_by_map(projected, PARTICLE_PX, complete=False).contaminated[0]
    assert trust[round(FALSE[1]), round(FALSE[0])] == CONTAMINATED
    near = distance(SEEN) < REACH * PARTICLE_PX
    assert (trust[near] == SURE).all()
    assert (trust[~near & (projected.contaminated[0] == BACKGROUND)] == UNLABELLED).all()
