"""Tiles of micrographs without particles teach what is none, and nothing about contamination."""

import numpy as np

from cryoglean.dataset.tiles import DEBRIS
from cryoglean.networks.maps import CENTRE, CONTAMINATION, PARTICLE
from cryoglean.training.augmentation import example
from cryoglean.training.empty_fields import DIAMETERS, empty_tiles, with_empty_tiles
from cryoglean.types import Micrograph


def field(rng, shape=(500, 520)):
    smooth = np.cumsum(np.cumsum(rng.standard_normal(shape), axis=0), axis=1)
    return Micrograph((rng.normal(100, 10, shape) + smooth / np.abs(smooth).max()).astype(np.float32))


def test_fields_give_tiles_at_every_scale_that_hold_nothing(rng):
    tiles = empty_tiles([field(rng)], side=256, particle_px=32.0)
    expected = sum((int(500 * 32 / d) // 256) * (int(520 * 32 / d) // 256) for d in DIAMETERS)
    assert len(tiles) == expected > 20
    assert tiles.image.shape[1:] == (256, 256)
    assert not tiles.particle.any()
    assert len(tiles.centres) == 0
    one = example(tiles, 0, particle_px=32.0)
    for channel in (PARTICLE, CENTRE):
        assert not one.target[channel].any()
        assert (one.weight[channel] == 1).all()
    assert not one.weight[CONTAMINATION].any()


def test_a_field_of_finer_pixels_gives_tiles_of_the_same_scale(rng):
    coarse, fine = (
        empty_tiles([field(rng, s)], side=128, particle_px=32.0) for s in ((500,) * 2, (2000,) * 2)
    )
    assert len(coarse) == len(fine)


def test_every_other_tile_is_inverted(rng):
    shaded = Micrograph(np.tile(np.linspace(0, 1, 500, dtype=np.float32), (500, 1)))
    tiles = empty_tiles([shaded], side=256, particle_px=32.0)
    rising = [float(tile[:, -9:].mean()) > float(tile[:, :9].mean()) for tile in tiles.image]
    assert rising[::2] == [False] * len(rising[::2])
    assert rising[1::2] == [True] * len(rising[1::2])


def test_they_are_repeated_up_to_their_share(rng):
    some = empty_tiles([field(rng)], side=256, particle_px=32.0)
    others = empty_tiles([field(rng, (2500, 2500)) for _ in range(9)], side=256, particle_px=32.0)
    joined = with_empty_tiles(others, some, 0.25)
    assert abs((len(joined) - len(others)) / len(joined) - 0.25) < 0.06
    assert with_empty_tiles(others, some, 0.0) is others
    assert (joined.contaminated == DEBRIS).all()
