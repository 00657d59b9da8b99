"""Adaptive histogram equalisation."""

import math

import numpy as np
import pytest

from cryoglean.pickers.autocryopicker.clahe import equalise_adaptively


def test_one_tile_of_a_flat_histogram_maps_to_the_rayleigh_quantiles() -> None:
    grey = np.tile(np.arange(256), (64, 1))
    alpha = 0.4
    reach = 1 - math.exp(-1 / (2 * alpha**2))
    quantile = np.sqrt(-2 * alpha**2 * np.log(1 - reach * np.arange(1, 257) / 256))
    equalised = equalise_adaptively((grey / 255).astype(np.float32), tiles=1, clip=1.0, alpha=alpha)
    np.testing.assert_allclose(equalised[0], quantile, atol=1e-4)


def test_no_clipping_allowed_gives_every_grey_value_the_same_share(rng: np.random.Generator) -> None:
    # The limit then flattens each histogram, so that the table no longer depends on the image.
    first = rng.beta(2, 8, (64, 64)).astype(np.float32)
    first[0, :2] = 0.5
    second = rng.beta(8, 2, (64, 64)).astype(np.float32)
    second[0, :2] = 0.5
    outputs = [equalise_adaptively(image, tiles=1, clip=0.0)[0, 0] for image in (first, second)]
    assert outputs[0] == pytest.approx(outputs[1], abs=1e-3)


def test_clipping_limits_contrast(rng: np.random.Generator) -> None:
    flat = (0.5 + 0.01 * rng.standard_normal((160, 160))).astype(np.float32)
    spreads = [equalise_adaptively(flat, clip=clip).std() for clip in (0.0, 0.02, 0.1, 1.0)]
    assert spreads == sorted(spreads)
    assert spreads[0] < 0.02
    assert spreads[-1] > 0.15


def test_a_slope_of_brightness_disappears(rng: np.random.Generator) -> None:
    slope = np.linspace(0.2, 0.8, 320)[None, :]
    image = (slope + 0.03 * rng.standard_normal((240, 320))).astype(np.float32)
    equalised = equalise_adaptively(image, clip=1.0)
    left, right = equalised[:, 40:80].mean(), equalised[:, -80:-40].mean()
    assert abs(left - right) < 0.1 * abs(image[:, 40:80].mean() - image[:, -80:-40].mean())


def test_there_are_no_seams_between_tiles() -> None:
    y, x = np.mgrid[:203, :317] / 317
    smooth = (0.5 + 0.3 * np.sin(5 * x) * np.cos(4 * y)).astype(np.float32)
    equalised = equalise_adaptively(smooth, clip=0.1)
    steps = np.abs(np.diff(equalised, axis=1))
    # Tiles of 40 pixels, one pixel beyond the left border: blend regions meet in their centres.
    seams = steps[:, 18::40].mean()
    elsewhere = steps[:, 28::40].mean()
    assert seams < 1.5 * elsewhere


@pytest.mark.parametrize("flip", [np.flipud, np.fliplr])
def test_flipping_first_or_last_is_the_same(flip, rng: np.random.Generator) -> None:
    image = rng.random((128, 160)).astype(np.float32)
    np.testing.assert_allclose(equalise_adaptively(flip(image)), flip(equalise_adaptively(image)), atol=1e-5)


@pytest.mark.parametrize("shape", [(8, 8), (61, 90), (100, 17), (257, 255)])
def test_shapes_that_tiles_do_not_fit_keep_their_shape(
    shape: tuple[int, int], rng: np.random.Generator
) -> None:
    equalised = equalise_adaptively(rng.random(shape).astype(np.float32))
    assert equalised.shape == shape
    assert equalised.min() >= 0
    assert equalised.max() <= 1


@pytest.mark.parametrize(
    ("shape", "options", "reason"),
    [
        ((7, 40), {}, "cannot be cut"),
        ((40, 40), {"clip": 1.5}, "clip in"),
        ((40, 40), {"alpha": 0.0}, "alpha > 0"),
        ((40, 40), {"tiles": 0}, "tiles must be"),
    ],
)
def test_impossible_parameters_are_refused(shape: tuple[int, int], options: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        equalise_adaptively(np.zeros(shape, np.float32), **options)
