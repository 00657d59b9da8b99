import numpy as np
import pytest

from cryoglean.dataset.contamination import KINDS
from cryoglean.simulate import simulate_micrograph
from cryoglean.simulate.settings import Conditions, Contaminants, Crowd, Exposure, Ice, Optics

EACH = {
    "carbon": {"carbon": 200.0, "carbon_share": 0.4},
    "ice": {"ice_crystals": 4, "ice_crystal_size": 400.0},
    "ethane": {"ethane_blobs": 2},
    "gold": {"gold_beads": 5},
    "broken": {"broken": 1.0},
    "denatured": {"denatured": 0.8},
    "micelle": {"micelles": 0.2},
    "aggregate": {"aggregates": 2},
}


def made(complex_, **contaminants):
    conditions = Conditions(
        size=(384, 384),
        pixel_size=3.0,
        optics=Optics(defocus=20_000.0),
        exposure=Exposure(dose=60.0),
        ice=Ice(thickness=300.0),
        crowd=Crowd(coverage=0.1),
        contaminants=Contaminants(**contaminants),
    )
    return simulate_micrograph(complex_, conditions, seed=21)


@pytest.fixture(scope="module")
def plain(complex_):
    return made(complex_)


def test_a_clean_micrograph_has_no_contamination(plain):
    assert not plain.contamination.any()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_marks_itself_alone_and_is_dark(kind, complex_, plain):
    simulated = made(complex_, **EACH[kind])
    mask = simulated.contaminated(kind)
    assert mask.mean() > 0.001
    assert (simulated.contamination & ~np.uint8(1 << KINDS.index(kind)) == 0).all()
    data, before = simulated.micrograph.data, plain.micrograph.data
    assert (data[mask] - before[mask]).mean() < 0
    # Particles stay where they were: every effect has a random stream of its own.
    np.testing.assert_array_equal(simulated.truth.xy, plain.truth.xy)
    np.testing.assert_array_equal(simulated.clean, plain.clean)


def test_carbon_covers_the_share_that_was_asked_for(complex_):
    assert made(complex_, carbon=150.0, carbon_share=0.3).contaminated("carbon").mean() == pytest.approx(
        0.3, abs=0.12
    )


def test_gold_is_the_darkest_and_round(complex_, plain):
    simulated = made(complex_, gold_beads=6)
    gold = simulated.contaminated("gold")
    assert simulated.micrograph.data[gold].mean() < 0.75 * plain.micrograph.data.mean()


def test_particles_on_contamination_are_told(complex_):
    simulated = made(complex_, carbon=150.0, carbon_share=0.5)
    x, y = np.round(simulated.truth.xy).astype(int).T
    np.testing.assert_array_equal(simulated.truth.extra["contamination"], simulated.contamination[y, x])
    assert 0 < (simulated.truth.extra["contamination"] > 0).mean() < 1


def test_broken_particles_are_no_truth(complex_, plain):
    simulated = made(complex_, broken=1.0)
    assert len(simulated.truth) == len(plain.truth)
    np.testing.assert_array_equal(simulated.labels, plain.labels)
