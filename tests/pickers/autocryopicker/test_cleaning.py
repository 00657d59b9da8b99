"""Cleaning of masks."""

import math

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from cryoglean.image.masks import fill_holes, find_outlines
from cryoglean.pickers.autocryopicker.cleaning import clean_mask, remove_irregular, remove_small
from cryoglean.pickers.autocryopicker.settings import CleaningConfig
from tests.image.drawing import discs, rectangle

masks = arrays(np.bool_, (14, 17))


@given(masks)
def test_filled_holes_are_those_of_scipy(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(fill_holes(mask), ndimage.binary_fill_holes(mask))


@given(masks)
def test_small_components_go_and_others_stay_whole(mask: np.ndarray) -> None:
    label, count = ndimage.label(mask, np.ones((3, 3)))
    area = ndimage.sum_labels(mask, label, np.arange(count + 1))
    np.testing.assert_array_equal(remove_small(mask, 6), mask & (area >= 6)[label])


@given(masks)
def test_there_is_one_outline_for_each_component(mask: np.ndarray) -> None:
    assert len(find_outlines(mask)) <= ndimage.label(mask, np.ones((3, 3)))[1]
    for outline in find_outlines(mask):
        assert mask[outline[:, 0, 1], outline[:, 0, 0]].all()


def test_a_ring_with_specks_becomes_a_disc(rng: np.random.Generator) -> None:
    particle = discs((120, 120), [(60, 60)], 19)
    ring = particle & ~discs((120, 120), [(60, 60)], 12)
    specks = rng.random((120, 120)) < 0.01
    cleaned = clean_mask(ring | specks, 38.0)
    assert np.count_nonzero(cleaned ^ particle) < 0.06 * np.count_nonzero(particle)


def test_areas_are_relative_to_the_particle() -> None:
    speck = discs((100, 100), [(50, 50)], 8)
    assert clean_mask(speck, 30.0).any()
    assert not clean_mask(speck, 38.0).any()


def test_irregular_components_go_only_when_asked() -> None:
    disc, bar = discs((100, 200), [(50, 50)], 19), rectangle((100, 200), (140, 50), (110, 6), 0)
    both = disc | bar
    kept = clean_mask(both, 30.0, CleaningConfig(max_irregularity=5))
    assert kept[50, 50]
    assert not kept[50, 140]
    assert clean_mask(both, 30.0)[50, 140]


def test_a_disc_has_the_least_irregularity() -> None:
    disc = discs((80, 80), [(40, 40)], 25)
    assert remove_irregular(disc, 1.3).any()
    square = rectangle((80, 80), (40, 40), (50, 50), 0)
    # Perimeter² / (4π area) of a square is 4 / π.
    assert not remove_irregular(square, 4 / math.pi - 0.02).any()
    assert remove_irregular(square, 4 / math.pi + 0.02).any()
