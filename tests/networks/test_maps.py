"""Blocks of pixels as channels, and back."""

import numpy as np
import pytest

from cryoglean.networks.maps import STRIDE, Maps, joined_blocks, split_blocks


@pytest.mark.parametrize("shape", [(2, 2), (6, 10), (8, 4)])
def test_blocks_are_taken_apart_and_put_together(shape: tuple[int, int]) -> None:
    image = np.arange(np.prod(shape)).reshape(shape)
    parts = split_blocks(image)
    assert parts.shape == (STRIDE**2, shape[0] // STRIDE, shape[1] // STRIDE)
    np.testing.assert_array_equal(parts[1], image[::STRIDE, 1::STRIDE])
    np.testing.assert_array_equal(parts[STRIDE], image[1::STRIDE, ::STRIDE])
    np.testing.assert_array_equal(joined_blocks(parts), image)


def test_channels_of_the_answer_have_their_names() -> None:
    answer = np.stack([np.full((3, 4), channel, np.float32) for channel in range(6)])
    maps = Maps.of(answer)
    assert maps.particle.shape == (6, 8)
    assert set(np.unique(maps.particle)) == {0, 1, 2, 3}
    assert (maps.centre == 4).all()
    assert (maps.contamination == 5).all()
