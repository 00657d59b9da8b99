import numpy as np
import pytest
from scipy import ndimage

from cryoglean.errors import UsageError
from cryoglean.simulate import Structure, procedural_structure, signal_to_noise, simulate_micrograph
from cryoglean.simulate.masks import particle_mask
from cryoglean.simulate.micrograph import simulate_view
from cryoglean.simulate.projection import Grid, potential_map, projector, rotation_matrix
from cryoglean.simulate.settings import Conditions, Crowd, Ice, SimulationConfig


def changed(conditions: Conditions, **sections) -> Conditions:
    """Conditions with some values of some sections replaced."""
    updates = {
        name: getattr(conditions, name).changed(**values) if isinstance(values, dict) else values
        for name, values in sections.items()
    }
    return conditions.changed(**updates)


@pytest.fixture
def simulated(complex_, conditions):
    return simulate_micrograph(complex_, conditions, seed=11)


def test_the_same_seed_gives_the_same_bytes(complex_, simulated, conditions):
    again = simulate_micrograph(complex_, conditions, seed=11)
    other = simulate_micrograph(complex_, conditions, seed=12)
    assert simulated.micrograph.data.tobytes() == again.micrograph.data.tobytes()
    assert simulated.labels.tobytes() == again.labels.tobytes()
    np.testing.assert_array_equal(simulated.truth.xy, again.truth.xy)
    assert simulated.micrograph.data.tobytes() != other.micrograph.data.tobytes()


def test_ranges_are_drawn_by_the_seed(complex_):
    config = SimulationConfig(size=(128, 128), pixel_size=(3.0, 5.0), contamination=0.0)
    first, again, other = (simulate_micrograph(complex_, config, seed=s) for s in (1, 1, 2))
    assert first.conditions == again.conditions != other.conditions
    assert first.micrograph.pixel_size == first.conditions.pixel_size


def test_counts_are_those_of_the_dose(complex_, conditions):
    empty = changed(conditions, crowd={"coverage": 0.0}, exposure={"dqe": 1.0})
    counts = simulate_micrograph(complex_, empty, seed=1).micrograph.data
    passing = np.exp(-300 / 3950)
    assert counts.mean() == pytest.approx(50 * 9 * passing, rel=0.01)


def test_twice_the_dose_halves_the_noise_about_the_clean_image(complex_, conditions):
    relative = []
    for dose in (25.0, 50.0):
        empty = changed(
            conditions, crowd={"coverage": 0.0}, exposure={"dose": dose}, ice={"thickness": 150.0}
        )
        counts = simulate_micrograph(complex_, empty, seed=1).micrograph.data
        relative.append(counts.var() / counts.mean() ** 2)
    assert relative[0] / relative[1] == pytest.approx(2, rel=0.1)


def test_particles_are_dark_where_the_truth_says(simulated):
    data, inside = simulated.micrograph.data, simulated.labels > 0
    assert data[inside].mean() < data[~inside].mean() - 3 * data.std() / np.sqrt(inside.sum())
    assert simulated.clean[inside].mean() < simulated.clean[~inside].mean()


def test_every_particle_is_told_and_labelled(simulated):
    truth, fringe = simulated.truth, simulated.fringe
    assert len(truth) > 5
    numbers = set(np.unique(simulated.labels)) - {0}
    shown = set(
        (np.flatnonzero(np.concatenate([truth.extra["visible"], fringe.extra["visible"]]) > 0) + 1).tolist()
    )
    assert numbers == shown
    x, y = np.round(truth.xy).astype(int).T
    alone = simulated.labels[y, x] == np.arange(1, len(truth) + 1)
    assert alone.mean() > 0.6  # a neighbour above may own the very centre
    assert (truth.diameter == simulated.diameter).all()
    assert (truth.pixel_size, truth.shape, truth.name) == (3.0, (256, 320), "simulated")


def test_what_the_border_cuts_is_told_so(complex_, conditions):
    crowded = changed(conditions, crowd={"coverage": 0.5, "overlap": 0.0}, ice={"thickness": 100.0})
    simulated = simulate_micrograph(complex_, crowded, seed=2)
    reach = simulated.diameter / 2 / 3.0
    to_border = np.minimum(simulated.truth.xy, np.array([319, 255]) - simulated.truth.xy).min(axis=1)
    assert not simulated.truth.extra["cut"][to_border > 1.2 * reach].any()
    assert simulated.truth.extra["cut"][to_border < 0.3 * reach].all()
    assert len(simulated.fringe) > 0
    outside = (simulated.fringe.xy < -0.5) | (simulated.fringe.xy > [319.5, 255.5])
    assert outside.any(axis=1).all()
    assert ((simulated.fringe.extra["visible"] > 0) & (simulated.fringe.extra["visible"] < 1)).all()


def test_labels_are_the_masks_of_the_projections_at_the_told_poses(complex_, conditions):
    simulated = simulate_micrograph(complex_, changed(conditions, crowd={"coverage": 0.05}), seed=5)
    whole = np.flatnonzero(~simulated.truth.extra["cut"])
    assert len(whole)
    view = projector(complex_, 3.0)
    for i in whole:
        euler = [simulated.truth.extra[f"rlnAngle{name}"][i] for name in ("Rot", "Tilt", "Psi")]
        x, y = simulated.truth.xy[i]
        shift = (x - round(x), y - round(y))
        mask = particle_mask(
            view.project(rotation_matrix(np.array(euler)), shift), simulated.diameter / 40 / 3.0
        )
        found = np.argwhere(mask) - view.grid.box // 2 + [round(y), round(x)]
        assert (simulated.labels[tuple(found.T)] == i + 1).mean() > 0.9


def test_the_depth_of_a_particle_is_its_defocus(simulated):
    extra = simulated.truth.extra
    np.testing.assert_allclose(extra["rlnDefocusU"], 20_000 + extra["depth"])
    np.testing.assert_allclose(extra["rlnDefocusV"], 20_000 + extra["depth"])
    assert np.abs(extra["depth"]).max() <= 150


def test_tilt_spreads_the_defocus_across_the_field(complex_, conditions):
    tilted = changed(conditions, ice={"tilt": 40.0, "tilt_axis": 0.0})
    truth = simulate_micrograph(complex_, tilted, seed=3).truth
    slope = np.polyfit(truth.xy[:, 1] * 3.0, truth.extra["depth"], 1)[0]
    assert slope == pytest.approx(np.tan(np.deg2rad(40)), rel=0.2)


def test_the_ice_is_never_thinner_than_the_particle(complex_, conditions):
    thin = changed(conditions, ice={"thickness": 20.0})
    made = simulate_micrograph(complex_, thin, seed=1).conditions.ice
    assert made.thickness == pytest.approx(complex_.diameter)


def test_an_empty_micrograph_has_empty_truth(complex_, conditions):
    simulated = simulate_micrograph(complex_, changed(conditions, crowd={"coverage": 0.0}), seed=1)
    assert len(simulated.truth) == len(simulated.fringe) == 0
    assert simulated.labels.max() == 0
    assert simulated.snr == 0
    assert simulated.snr_db == -np.inf


def test_a_particle_larger_than_the_field_is_refused(conditions):
    shell = procedural_structure("shell", 1)
    with pytest.raises(UsageError, match="choose a larger size or pixel size"):
        simulate_micrograph(shell, conditions.changed(size=(16, 16)), seed=1)


def test_the_signal_to_noise_ratio_is_pixers(rng):
    clean = rng.normal(0, 2, (200, 200)).astype(np.float32) + 7
    noisy = (clean + rng.normal(0, 4, clean.shape) + 100).astype(np.float32)
    assert signal_to_noise(noisy, clean) == pytest.approx((2 / 4) ** 2, rel=0.03)


def test_more_electrons_make_a_better_ratio(complex_, conditions):
    low, high = (
        simulate_micrograph(complex_, changed(conditions, exposure={"dose": dose}), seed=4)
        for dose in (5.0, 80.0)
    )
    assert high.snr > 3 * low.snr
    assert high.snr_db == pytest.approx(10 * np.log10(high.snr))


def test_defocus_moves_the_first_ring_of_the_spectrum(complex_, conditions):
    def first_minimum(defocus):
        lit = changed(
            conditions,
            size=(512, 512),
            optics={"defocus": defocus, "amplitude_contrast": 0.0, "cs_mm": 0.0, "bfactor": 0.0},
            crowd={"coverage": 0.5},
            exposure={"dose": 1000.0, "motion": 0.0},
            ice={"thickness": 200.0},
        )
        clean = simulate_micrograph(complex_, lit, seed=8).clean
        power = np.abs(np.fft.rfft2((clean - clean.mean()) * np.hanning(512)[:, None] * np.hanning(512))) ** 2
        k = np.hypot(np.fft.fftfreq(512, 3.0)[:, None], np.fft.rfftfreq(512, 3.0))
        profile = ndimage.mean(np.log(power), np.round(k * 512 * 3.0), np.arange(250))
        expected = 1 / np.sqrt(0.019687 * defocus) * 512 * 3.0
        near = np.arange(int(0.8 * expected), int(1.2 * expected))
        return near[np.argmin(profile[near])] / expected

    assert first_minimum(15_000.0) == pytest.approx(1, abs=0.04)
    assert first_minimum(30_000.0) == pytest.approx(1, abs=0.04)


def test_the_margin_brings_in_what_lies_outside(complex_, conditions):
    # Halves of a larger field look alike statistically at the border and in the middle.
    crowded = changed(conditions, size=(400, 400), crowd={"coverage": 0.4}, exposure={"dose": 500.0})
    clean = simulate_micrograph(complex_, crowded, seed=6).clean
    border = np.concatenate([clean[:20].ravel(), clean[-20:].ravel()])
    assert border.std() == pytest.approx(clean[100:300, 100:300].std(), rel=0.35)


def test_conditions_not_touched_stay_as_given(simulated, conditions):
    assert simulated.conditions == conditions
    assert simulated.conditions.crowd == Crowd(coverage=0.2)
    assert simulated.conditions.ice == Ice(thickness=300.0)


def test_a_map_makes_the_same_micrograph_as_its_atoms(complex_, conditions):
    mapped = Structure("map", potential_map(complex_.body, Grid(96, 2.0)))
    atoms, slices = (
        simulate_view(projector(structure, 3.0), conditions, rng=np.random.default_rng(7))
        for structure in (complex_, mapped)
    )
    # The map's size is measured from its voxels, so the placement is another; the contrast is not.
    assert slices.diameter == pytest.approx(atoms.diameter, rel=0.1)
    assert slices.clean.std() == pytest.approx(atoms.clean.std(), rel=0.25)
    assert simulate_micrograph(mapped, conditions, seed=1).truth.diameter[0] == pytest.approx(slices.diameter)


def test_a_blank_picture_of_nothing_has_no_signal():
    blank = np.full((8, 8), 3, np.float32)
    assert signal_to_noise(blank, blank) == 0
    assert signal_to_noise(blank + np.eye(8, dtype=np.float32), blank) == 0
