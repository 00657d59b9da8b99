"""Picks in a micrograph binned otherwise or mirrored stay on their particles."""

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

from cryoglean.io.formats.frames import flipped_y, scaled, with_box_size
from cryoglean.types import Picks


def blob(shape, x, y, sigma):
    rows, columns = np.indices(shape)
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


def centroid(image):
    rows, columns = np.indices(image.shape)
    return np.array([(columns * image).sum(), (rows * image).sum()]) / image.sum()


def test_scaling_finds_the_particle_that_block_averaging_moved():
    full = blob((256, 320), 131.3, 99.2, 9)
    low = full.reshape(64, 4, 80, 4).mean(axis=(1, 3))
    picks = Picks(centroid(low)[None], shape=low.shape, pixel_size=4.0)
    moved = scaled(picks, 4, binning="average")
    np.testing.assert_allclose(moved.xy[0], [131.3, 99.2], atol=1e-3)
    assert (moved.shape, moved.pixel_size) == ((256, 320), 1.0)


def test_scaling_finds_the_particle_in_a_cropped_transform():
    full = blob((256, 256), 131.3, 99.2, 16)
    spectrum = scipy.fft.fftshift(scipy.fft.fft2(full))[96:160, 96:160]
    low = scipy.fft.ifft2(scipy.fft.ifftshift(spectrum)).real
    picks = Picks(centroid(low)[None], pixel_size=4.0)
    np.testing.assert_allclose(scaled(picks, 4).xy[0], [131.3, 99.2], atol=1e-2)


@pytest.mark.parametrize("binning", ["crop", "average"])
@given(factor=st.floats(0.1, 10), x=st.floats(0, 5000), y=st.floats(0, 5000))
def test_scaling_back_gives_the_same_picks(binning, *, factor, x, y):
    picks = with_box_size(Picks(np.array([[x, y]]), diameter=100.0, pixel_size=1.5), 128)
    back = scaled(scaled(picks, factor, binning=binning), 1 / factor, binning=binning)
    np.testing.assert_allclose(back.xy, picks.xy, atol=1e-7)
    np.testing.assert_allclose(back.diameter_px, picks.diameter_px)
    np.testing.assert_allclose(back.extra["box_width"], 128)
    assert scaled(picks, factor).extra["box_width"][0] == pytest.approx(128 * factor)


def test_flipping_lands_on_the_mirrored_pixel_and_twice_is_nothing():
    image = np.random.default_rng(0).random((7, 5))
    picks = Picks(np.array([[2.0, 0.0], [4.0, 6.0], [1.0, 3.0]]), shape=(7, 5))
    flipped = flipped_y(picks)
    x, y = picks.xy.astype(int).T
    fx, fy = flipped.xy.astype(int).T
    np.testing.assert_array_equal(image[y, x], image[::-1][fy, fx])
    np.testing.assert_array_equal(flipped_y(flipped).xy, picks.xy)


def test_flipping_needs_the_number_of_rows():
    with pytest.raises(ValueError, match="number of rows"):
        flipped_y(Picks(np.array([[1.0, 2.0]]), name="m"))
    assert len(flipped_y(Picks(np.empty((0, 2))))) == 0
