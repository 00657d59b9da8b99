"""The particles' size by the networks, and the method that is chosen by it."""

import numpy as np
import pytest

from cryoglean.networks.runtime import load_networks
from cryoglean.pickers.factory import AUTO, measure
from cryoglean.pickers.settings import PickConfig
from cryoglean.pickers.size.by_discs import Scale
from cryoglean.pickers.size.by_networks import UNSEEN, Sight, measure_scale, plausibility
from cryoglean.simulate import Structure, apoferritin_like, procedural_structure, simulate_micrograph
from cryoglean.simulate.settings import Conditions, Crowd, Exposure, Optics
from cryoglean.types import Micrograph


@pytest.fixture(scope="module")
def networks():
    return load_networks("general")


def field(structure: Structure, *, pixel_size: float) -> Micrograph:
    conditions = Conditions(
        size=(900, 900),
        pixel_size=pixel_size,
        optics=Optics(defocus=20_000),
        exposure=Exposure(dose=30),
        crowd=Crowd(coverage=0.25),
    )
    return simulate_micrograph(structure, conditions, seed=6).micrograph


@pytest.fixture(scope="module")
def clear():
    return field(apoferritin_like(), pixel_size=2.0)


@pytest.fixture(scope="module")
def noise():
    grain = np.random.default_rng(3).normal(100, 10, (600, 700)).astype(np.float32)
    return Micrograph(grain, pixel_size=2.0)


def test_what_the_networks_see_tells_the_size(networks, clear):
    found = measure_scale(networks, [clear])
    assert found.diameter == pytest.approx(120, rel=0.25)
    assert found.sign == -1


def test_the_contrast_is_found_with_the_size_or_for_a_given_one(networks, clear):
    bright = clear.with_data(-clear.data)
    assert measure_scale(networks, [bright]).sign == 1
    given = measure_scale(networks, [bright], diameter=110.0)
    assert (given.diameter, given.sign) == (110.0, 1)


def test_a_plausible_edge_is_believed_and_another_is_not(networks, clear):
    right, wrong = Scale(121.0, -1.0, 0.1), Scale(430.0, -1.0, 0.1)
    assert measure_scale(networks, [clear], by_edge=right) is right
    assert measure_scale(networks, [clear], by_edge=wrong).diameter == pytest.approx(120, rel=0.25)


def test_noise_has_no_size(networks, noise):
    assert measure_scale(networks, [noise]) is None
    assert measure_scale(networks, [noise], diameter=100.0) is None
    assert measure_scale(networks, []) is None


def sight(number=40, *, odds=2.0, width=0.85):
    """What is seen of so many particles in a hundred squares."""
    return Sight(100.0, np.full(number, odds), np.full(number, width))


def test_scales_are_more_plausible_where_particles_are_clear_at_those_beside_them_too():
    dull, clear = sight(odds=1.0), sight(odds=3.0)
    alone = plausibility([dull, dull, clear, dull, dull])
    among = plausibility([dull, clear, clear, clear, dull])
    assert alone.argmax() in (1, 2, 3)
    assert among.argmax() == 2
    assert among[2] > alone[2]


@pytest.mark.parametrize("worse", [sight(4), sight(200), sight(width=1.4), sight(width=0.5), sight(odds=1.5)])
def test_few_and_crowded_particles_and_odd_masks_speak_against_a_scale(worse):
    assert plausibility([worse])[0] < plausibility([sight()])[0]


def test_what_shows_hardly_any_particle_is_not_plausible():
    assert plausibility([sight(2), sight()])[0] == UNSEEN
    assert plausibility([]).size == 0


def test_who_names_no_method_gets_the_one_that_sees_the_particles(clear, noise):
    method, scale = measure(PickConfig(), [clear])
    assert method == AUTO
    assert scale.diameter == pytest.approx(120, rel=0.1)
    assert measure(PickConfig(), [noise]) == (AUTO, None)


@pytest.mark.parametrize("shape", ["elongated", "oligomer"])
def test_particles_that_are_no_discs_are_left_to_the_networks(shape):
    complexes = procedural_structure(shape, 3)
    method, scale = measure(PickConfig(), [field(complexes, pixel_size=complexes.diameter / 50)])
    assert method == "network"
    assert scale.diameter == pytest.approx(complexes.diameter, rel=0.25)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shape", ["rod", "elongated"])
def test_size_and_contrast_are_right_of_long_particles_too(shape, sign):
    complexes = procedural_structure(shape, 3)
    dark = field(complexes, pixel_size=complexes.diameter / 50)
    _, scale = measure(PickConfig(), [dark.with_data(-sign * dark.data)])
    assert scale.sign == sign
    assert scale.diameter == pytest.approx(complexes.diameter, rel=0.25)


def test_a_given_diameter_stays_whatever_the_method(clear):
    method, scale = measure(PickConfig(diameter=115.0), [clear])
    assert (method, scale.diameter, scale.sign) == (AUTO, 115.0, -1)
    # No disc in the micrograph is as small as that.
    method, scale = measure(PickConfig(diameter=60.0), [clear])
    assert scale.diameter == 60.0


def test_settings_of_one_method_choose_it(clear):
    assert measure(PickConfig(side_views=False), [clear])[0] == AUTO
    assert measure(PickConfig(method="network"), [clear])[0] == "network"
