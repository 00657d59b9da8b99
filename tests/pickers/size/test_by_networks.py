"""The particles' size by the networks."""

import numpy as np
import pytest

from cryoglean.networks.runtime import load_networks
from cryoglean.networks.weights import read_weights
from cryoglean.pickers.size.by_networks import UNSEEN, View, measure_by_networks, plausibility
from cryoglean.types import ParticleSize
from tests.pickers.fields import clear_field, noise_field

MODEL = read_weights("general").size_model


@pytest.fixture(scope="module")
def networks():
    return load_networks("general")


@pytest.fixture(scope="module")
def clear():
    return clear_field()


@pytest.fixture(scope="module")
def noise():
    return noise_field()


def test_what_the_networks_see_tells_the_size(networks, clear):
    found = measure_by_networks(networks, [clear])
    assert found.diameter == pytest.approx(120, rel=0.25)
    assert (found.contrast, found.source) == ("dark", "networks")


def test_the_contrast_is_found_with_the_size_or_for_a_given_one(networks, clear):
    bright = clear.with_data(-clear.data)
    assert measure_by_networks(networks, [bright]).contrast == "bright"
    given = measure_by_networks(networks, [bright], diameter=110.0)
    assert (given.diameter, given.contrast) == (110.0, "bright")


def test_a_plausible_edge_is_believed_and_another_is_not(networks, clear):
    right, wrong = (ParticleSize(d, "dark", "discs", 0.1) for d in (121.0, 430.0))
    assert measure_by_networks(networks, [clear], discs=right) is right
    assert measure_by_networks(networks, [clear], discs=wrong).diameter == pytest.approx(120, rel=0.25)


def test_noise_has_no_size(networks, noise):
    assert measure_by_networks(networks, [noise]) is None
    assert measure_by_networks(networks, [noise], diameter=100.0) is None
    assert measure_by_networks(networks, []) is None


def view(number=40, *, odds=2.0, width=0.85):
    """What is seen of so many particles in a hundred squares."""
    return View(100.0, np.full(number, odds), np.full(number, width))


def test_sizes_are_more_plausible_where_particles_are_clear_at_those_beside_them_too():
    dull, clear = view(odds=1.0), view(odds=3.0)
    alone = plausibility([dull, dull, clear, dull, dull], MODEL)
    among = plausibility([dull, clear, clear, clear, dull], MODEL)
    assert alone.argmax() in (1, 2, 3)
    assert among.argmax() == 2
    assert among[2] > alone[2]


@pytest.mark.parametrize("worse", [view(4), view(200), view(width=1.4), view(width=0.5), view(odds=1.5)])
def test_few_and_crowded_particles_and_odd_masks_speak_against_a_size(worse):
    assert plausibility([worse], MODEL)[0] < plausibility([view()], MODEL)[0]


def test_what_shows_hardly_any_particle_is_not_plausible():
    assert plausibility([view(2), view()], MODEL)[0] == UNSEEN
    assert plausibility([], MODEL).size == 0
