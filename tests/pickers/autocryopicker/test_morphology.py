"""Greyscale opening and closing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cryoglean.pickers.autocryopicker.morphology import close_grey, open_grey

images = arrays(np.float32, (15, 19), elements=st.floats(0, 1, width=32))
elements = st.tuples(st.sampled_from([3, 5, 7]), st.sampled_from(["cross", "square"]))


@given(images, elements)
def test_both_are_idempotent_and_bound_the_image(image: np.ndarray, element: tuple) -> None:
    size, shape = element
    opened, closed = (step(image, size=size, shape=shape) for step in (open_grey, close_grey))
    np.testing.assert_array_equal(open_grey(opened, size=size, shape=shape), opened)
    np.testing.assert_array_equal(close_grey(closed, size=size, shape=shape), closed)
    assert np.all(opened <= image)
    assert np.all(closed >= image)


@given(images, elements)
def test_opening_is_closing_of_the_inverted_image(image: np.ndarray, element: tuple) -> None:
    size, shape = element
    inverted = (1 - image).astype(np.float32)
    opened = open_grey(inverted, size=size, shape=shape)
    np.testing.assert_allclose(opened, 1 - close_grey(image, size=size, shape=shape), atol=1e-6)


@pytest.mark.parametrize(("step", "speck"), [(open_grey, 1.0), (close_grey, 0.0)])
def test_a_speck_goes_and_a_square_stays(step, speck: float) -> None:
    image = np.full((20, 20), 0.5, np.float32)
    image[3, 4] = speck
    image[8:16, 8:16] = speck
    changed = step(image, size=3, shape="square")
    assert changed[3, 4] == 0.5
    np.testing.assert_array_equal(changed[8:16, 8:16], speck)
