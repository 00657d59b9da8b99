import numpy as np
import pytest

from cryoglean.dataset.tiles import LabelledTiles
from cryoglean.networks.maps import CENTRE, Maps
from cryoglean.training.augmentation import example
from cryoglean.training.settings import AugmentationConfig

SIZE, PARTICLE_PX = 128, 24.0


@pytest.fixture
def tiles():
    """One bright disc away from the middle."""
    y, x = np.mgrid[:SIZE, :SIZE]
    disc = (np.hypot(y - 50, x - 78) < 12).astype(np.uint8)
    return LabelledTiles(
        (100 + 100 * disc)[None].astype(np.uint8),
        disc[None],
        np.zeros((1, SIZE, SIZE), np.uint8),
        np.array([[0, 78, 50]], np.float32),
        np.array(["disc"]),
    )


@pytest.mark.parametrize("seed", range(8))
def test_image_mask_and_centre_move_together(tiles, seed):
    config = AugmentationConfig(noise=0, blur=0, gradient=0, sign_flip=0)
    one = example(tiles, 0, particle_px=PARTICLE_PX, config=config, rng=np.random.default_rng(seed))
    x, y = one.centres[0]
    for image in (one.image > one.image.max() / 2, one.labels[..., 0] == 1):
        rows, columns = np.nonzero(image)
        np.testing.assert_allclose([columns.mean(), rows.mean()], [x, y], atol=0.6)
    row, column = np.unravel_index(one.target[CENTRE].argmax(), one.target[CENTRE].shape)
    np.testing.assert_allclose([column, row], [(x - 0.5) / 2, (y - 0.5) / 2], atol=0.6)


def test_the_size_changes_within_its_range(tiles):
    config = AugmentationConfig(scale=0.2, noise=0, blur=0, gradient=0, sign_flip=0)
    areas = [
        (
            example(tiles, 0, particle_px=PARTICLE_PX, config=config, rng=np.random.default_rng(s)).labels[
                ..., 0
            ]
            == 1
        )
        for s in range(30)
    ]
    ratio = np.sqrt([area.sum() / (tiles.particle == 1).sum() for area in areas])
    assert 0.82 < ratio.min() < 0.9
    assert 1.1 < ratio.max() < 1.21


def test_the_same_seed_gives_the_same_example(tiles):
    first, second = (
        example(tiles, 0, particle_px=PARTICLE_PX, config=AugmentationConfig(), rng=np.random.default_rng(5))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.target, second.target)


def test_signs_are_flipped_as_often_as_asked(tiles):
    config = AugmentationConfig(sign_flip=0.5, noise=0, gradient=0)
    middles = []
    for seed in range(60):
        one = example(tiles, 0, particle_px=PARTICLE_PX, config=config, rng=np.random.default_rng(seed))
        x, y = np.rint(one.centres[0]).astype(int)
        middles.append(one.image[y, x] > 0)
    assert 15 < sum(middles) < 45


def test_the_target_of_particles_is_their_mask_pixel_by_pixel(tiles):
    one = example(tiles, 0, particle_px=PARTICLE_PX)
    np.testing.assert_array_equal(Maps.of(one.target).particle, tiles.particle[0])
