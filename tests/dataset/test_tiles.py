import numpy as np
import pytest

from cryoglean.dataset.contamination import KINDS
from cryoglean.dataset.shards import PARTICLE_COLUMNS, TILE_COLUMNS, Shard, write_shard
from cryoglean.dataset.tiles import CONTAMINATED, DEBRIS, PARTICLE, UNKNOWN, LabelledTiles, load_shards
from cryoglean.errors import UsageError
from cryoglean.networks.maps import CENTRE, CONTAMINATION, Maps
from cryoglean.networks.maps import PARTICLE as PARTICLES
from cryoglean.training.augmentation import example


def bit(kind):
    return np.uint8(1 << KINDS.index(kind))


@pytest.fixture
def shard():
    """Two tiles: a dark disc in clean ice, and one under an ice crystal beside a broken one."""
    y, x = np.mgrid[:96, :96]
    labels = np.zeros((2, 96, 96), np.uint16)
    labels[0, np.hypot(y - 40.5, x - 60.5) < 16] = 1
    labels[1, np.hypot(y - 30.5, x - 30.5) < 16] = 1
    contamination = np.zeros((2, 96, 96), np.uint8)
    contamination[1, :50, :50] = bit("ice")
    contamination[1, 70:80, 70:80] = bit("broken")
    image = np.where(labels > 0, 100, 128).astype(np.uint8)
    particles = np.zeros(2, PARTICLE_COLUMNS)
    particles["tile"], particles["x"], particles["y"] = [0, 1], [60.5, 30.5], [40.5, 30.5]
    tiles = np.zeros(2, TILE_COLUMNS)
    tiles["family"] = ["a", "b"]
    return Shard(image, labels, contamination, particles, tiles)


def test_particles_become_bright(shard):
    tiles = LabelledTiles.of(shard)
    inside = tiles.particle[0] == PARTICLE
    assert tiles.image[0][inside].min() > tiles.image[0][~inside].max()


def test_what_lies_under_ice_is_unknown_and_debris_is_no_contamination(shard):
    tiles = LabelledTiles.of(shard)
    assert tiles.particle[1, 30, 30] == UNKNOWN
    assert tiles.contaminated[1, 10, 10] == CONTAMINATED
    assert tiles.contaminated[1, 75, 75] == DEBRIS
    assert tiles.particle[0, 40, 60] == PARTICLE


@pytest.mark.parametrize(("scale", "side"), [(0.5, 48), (11 / 12, 88)])
def test_shrunken_tiles_keep_their_centres(shard, scale, side):
    tiles = LabelledTiles.of(shard, scale=scale)
    assert tiles.image.shape == (2, side, side)
    rows, columns = np.nonzero(tiles.particle[0])
    np.testing.assert_allclose(tiles.centres_of(0)[0], [columns.mean(), rows.mean()], atol=0.3)


def test_joined_tiles_keep_their_own_centres(shard):
    tiles = LabelledTiles.of(shard)
    both = LabelledTiles.joined([tiles, tiles])
    assert len(both) == 4
    np.testing.assert_array_equal(both.centres_of(3), tiles.centres_of(1))
    np.testing.assert_array_equal(both.first(2).centres, tiles.centres)


def test_targets_have_a_spot_at_the_centre_and_every_pixel_of_the_mask_and_ignore_the_unknown(shard):
    tiles = LabelledTiles.of(shard)
    clean, hidden = (example(tiles, i, particle_px=32) for i in range(2))
    row, column = np.unravel_index(clean.target[CENTRE].argmax(), clean.target[CENTRE].shape)
    assert (column, row) == (30, 20)
    np.testing.assert_array_equal(Maps.of(clean.target).particle, shard.labels[0] > 0)
    assert clean.weight[PARTICLES].all()
    assert (hidden.weight[PARTICLES, 15, 15] == 0).all()
    assert hidden.weight[CENTRE, 15, 15] == 0
    assert hidden.weight[CONTAMINATION, 37, 37] == 0


def test_shards_coarser_than_the_networks_are_refused(shard, tmp_path):
    write_shard(tmp_path / "train" / "00000.npz", shard)
    with pytest.raises(UsageError, match=r"32 pixels and the networks want 40; make finer tiles"):
        load_shards(tmp_path, "train", particle_px=40)
    (as_it_is,) = load_shards(tmp_path, "train", particle_px=32)
    assert as_it_is.image.shape == (2, 96, 96)
    (shrunken,) = load_shards(tmp_path, "train", particle_px=24)
    assert shrunken.image.shape == (2, 72, 72)
    with pytest.raises(UsageError, match="holds no validation shards"):
        load_shards(tmp_path, "validation", particle_px=32)
