"""Point operations: known values, ranges and invariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cryoglean.pickers.autocryopicker.grey_levels import (
    equalise_histogram,
    standardise,
    stretch_contrast,
    stretch_limits,
    stretch_mid_range,
)

images = arrays(np.float32, (12, 17), elements=st.floats(-1000, 1000, width=32))


def test_standardised_image_has_zero_mean_and_unit_variance(rng: np.random.Generator) -> None:
    image = standardise(rng.normal(500, 30, (80, 90)))
    assert image.dtype == np.float32
    assert image.mean() == pytest.approx(0, abs=1e-5)
    assert image.std() == pytest.approx(1, rel=1e-5)


def test_constant_images_become_zero() -> None:
    constant = np.full((20, 20), 7.0, np.float32)
    for step in (standardise, stretch_contrast, stretch_mid_range):
        assert not step(constant).any()


def test_stretch_limits_leave_the_fraction_outside() -> None:
    low, high = stretch_limits(np.arange(1001.0).reshape(7, 143), 0.02)
    assert (low, high) == pytest.approx((20, 980))


@given(images, st.floats(0.1, 50), st.floats(-500, 500))
def test_stretch_does_not_depend_on_unit_and_origin(image: np.ndarray, scale: float, shift: float) -> None:
    # Hypothesis likes values that differ in the last digit only; there rounding decides.
    if np.ptp(image) < 1:
        return
    low, high = stretch_limits(image)
    if high - low < 1:
        return
    first = stretch_contrast(image)
    second = stretch_contrast(image.astype(np.float64) * scale + shift)
    np.testing.assert_allclose(first, second, atol=2e-3)
    assert first.min() == 0
    assert first.max() == 1


def test_mid_range_stretch_keeps_a_step_at_the_lower_limit() -> None:
    image = np.linspace(0, 100, 101, dtype=np.float32)[None]
    stretched = stretch_mid_range(image, saturate=0.1)
    np.testing.assert_array_equal(stretched[0, :10], 0)
    assert stretched[0, 10] == pytest.approx(10 / 90)
    assert stretched[0, 45] == pytest.approx(0.5)
    np.testing.assert_array_equal(stretched[0, 90:], 1)


@pytest.mark.parametrize("saturate", [-0.1, 0.5, 2])
def test_impossible_fractions_are_refused(saturate: float) -> None:
    with pytest.raises(ValueError, match=r"in \[0, 0.5\)"):
        stretch_limits(np.eye(4), saturate)


def test_equalised_image_uses_every_level_equally(rng: np.random.Generator) -> None:
    # 256 grey values of equal share: four to each of 64 levels.
    grey = rng.permutation(np.repeat(np.arange(256), 40)).reshape(80, 128)
    levels, count = np.unique(equalise_histogram((grey / 255).astype(np.float32)), return_counts=True)
    np.testing.assert_allclose(levels, np.arange(64) / 63, atol=1e-6)
    np.testing.assert_array_equal(count, 160)


def test_equalisation_keeps_the_order_of_grey_values(rng: np.random.Generator) -> None:
    image = rng.beta(2, 7, (60, 70)).astype(np.float32)
    equalised = equalise_histogram(image, levels=32)
    order = np.argsort(np.rint(image * 255).ravel(), kind="stable")
    assert np.all(np.diff(equalised.ravel()[order]) >= 0)


def test_one_level_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two levels"):
        equalise_histogram(np.zeros((5, 5), np.float32), levels=1)
