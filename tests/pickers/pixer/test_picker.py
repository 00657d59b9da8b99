import csv

import cv2
import numpy as np
import pytest
from scipy.spatial import cKDTree

from cryoglean.errors import UsageError
from cryoglean.evaluate import evaluate, particle_overlaps
from cryoglean.io import read_micrograph
from cryoglean.networks.maps import margin_px
from cryoglean.networks.runtime import load_networks
from cryoglean.pickers import Picker
from cryoglean.pickers.factory import build_picker
from cryoglean.pickers.pixer.picker import NetworkPicker, working_image
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.settings import PickConfig
from cryoglean.pickers.size.by_discs import Scale
from cryoglean.select import select
from cryoglean.select.settings import SelectConfig
from cryoglean.simulate import apoferritin_like, procedural_structure, simulate_micrograph
from cryoglean.simulate.micrograph import Simulated
from cryoglean.simulate.settings import Conditions, Crowd, Exposure, Optics
from cryoglean.types import FloatImage, Mask, Micrograph, Picks


@pytest.fixture(scope="module")
def simulated():
    conditions = Conditions(
        size=(1024, 1024),
        pixel_size=2.0,
        optics=Optics(defocus=20_000),
        exposure=Exposure(dose=40),
        crowd=Crowd(coverage=0.2),
    )
    return simulate_micrograph(apoferritin_like(), conditions, seed=11)


@pytest.fixture(scope="module")
def picker():
    return NetworkPicker(NetworkConfig(diameter=120))


def merit(truth, picks, diameter_px):
    return evaluate([truth], [picks], diameter_px=diameter_px, tolerances=(0.5,)).pooled[0]


def kept(picks, picker):
    return select(picks, SelectConfig(min_score=picker.recommended_score))


def test_finds_simulated_particles_and_little_else(simulated, picker):
    truth = simulated.truth
    everyone = np.concatenate([truth.xy, simulated.fringe.xy])
    alone = cKDTree(everyone).query(truth.xy, k=2)[0][:, 1] > 60
    clear = Picks(truth.xy[alone & (truth.extra["visible"] > 0.9)], name=truth.name)
    found = kept(picker.find(simulated.micrograph), picker)
    assert merit(truth, found, 60).precision > 0.95
    assert len(clear) > 20
    assert merit(clear, found, 60).recall > 0.95


def test_contrast_is_found_and_makes_no_difference(simulated, picker):
    inverted = simulated.micrograph.with_data(-simulated.micrograph.data)
    plain, other = picker.find(simulated.micrograph), picker.find(inverted)
    np.testing.assert_allclose(other.xy, plain.xy, atol=1e-3)
    np.testing.assert_allclose(other.score, plain.score, atol=1e-3)


def test_the_diameter_is_found(simulated):
    found = NetworkPicker().find(simulated.micrograph)
    assert found.diameter[0] == pytest.approx(120, rel=0.15)
    assert merit(simulated.truth, kept(found, NetworkPicker()), 60).f1 > 0.9


def test_noise_alone_holds_no_particle(picker):
    noise = Micrograph(
        np.random.default_rng(3).normal(100, 10, (900, 1100)).astype(np.float32), pixel_size=2.0
    )
    assert len(kept(picker.find(noise), picker)) == 0
    assert len(NetworkPicker().find(noise)) == 0


def test_gain_and_offset_make_no_difference(simulated, picker):
    other = simulated.micrograph.with_data(simulated.micrograph.data * 3 + 50)
    scores = [
        found.score[found.score > 0.2] for found in (picker.find(other), picker.find(simulated.micrograph))
    ]
    assert len(scores[0]) > 50
    np.testing.assert_allclose(*scores, atol=5e-3)


def test_candidates_lie_inside_and_scores_are_probabilities(simulated, picker):
    found = picker.find(simulated.micrograph)
    assert (found.xy > -0.5).all()
    assert (found.xy < 1023.5).all()
    assert (found.score >= 0).all()
    assert (found.score <= 1).all()
    assert (np.diff(found.score) <= 0).all()


def test_stages_cover_the_micrograph(simulated, picker):
    stages = picker.stages(simulated.micrograph)
    assert list(stages) == ["normalised", "particle", "centre", "contamination"]
    size = round(1024 * 32 / 60)
    assert stages["normalised"].shape == stages["particle"].shape == (size, size)
    assert abs(stages["centre"].shape[0] - size / 2) <= 1
    assert NetworkPicker().stages(Micrograph(np.zeros((100, 100), np.float32))) == {}


def test_outlines_are_more_exact_than_those_of_one_look():
    structure = procedural_structure("membrane", 2)
    conditions = Conditions(
        size=(768, 768),
        pixel_size=structure.diameter / 100,
        optics=Optics(defocus=15_000),
        exposure=Exposure(dose=10),
        crowd=Crowd(coverage=0.25),
    )
    made = simulate_micrograph(structure, conditions, seed=11)
    picker = NetworkPicker(NetworkConfig(diameter=structure.diameter, contrast="dark"))
    outlined = picker.stages(made.micrograph)["particle"]
    working = working_image(made.micrograph, Scale(structure.diameter, -1.0, 1.0), 32)
    margin = margin_px(32)
    once = load_networks("general").segment(working.data).particle[margin:-margin, margin:-margin]
    assert outlined.shape == once.shape
    assert 0 < outlined.min() < outlined.max() < 1
    overlaps = [
        mean_overlap(made, found)
        for found in (likely(made, once), likely(made, outlined), picker.mask(made.micrograph))
    ]
    assert np.all(np.diff(overlaps) > 0.01)


def test_nothing_is_outlined_where_nothing_stands_out():
    blank = Micrograph(np.zeros((100, 120), np.float32))
    assert NetworkPicker().mask(blank).shape == (100, 120)
    assert not NetworkPicker().mask(blank).any()


def likely(made: Simulated, probability: FloatImage) -> Mask:
    ny, nx = made.labels.shape
    return np.asarray(cv2.resize(probability, (nx, ny), interpolation=cv2.INTER_LINEAR) > 0.5)


def mean_overlap(made: Simulated, found: Mask) -> float:
    every = particle_overlaps(made.labels, found, reach_px=50)[: len(made.truth)]
    return float(np.nanmean(every[~made.truth.extra["cut"].astype(bool)]))


def test_the_factory_makes_it():
    config = PickConfig(method="network", diameter=120)
    picker = build_picker(config)
    assert isinstance(picker, Picker)
    assert isinstance(picker, NetworkPicker)
    assert picker.config == NetworkConfig(diameter=120)


@pytest.mark.parametrize(
    ("setting", "option"), [({"rounds": 3}, "--rounds"), ({"working_px": 30}, "--working-px")]
)
def test_settings_of_other_methods_are_refused(setting, option):
    with pytest.raises(UsageError, match=option):
        build_picker(PickConfig(method="network", **setting))


def test_weights_are_refused_by_other_methods():
    with pytest.raises(UsageError, match="--weights"):
        build_picker(PickConfig(method="unsupervised", weights="other"))


@pytest.mark.slow
def test_finds_real_apoferritin_that_it_was_never_shown(shared):
    folder = shared / "data" / "apoferritin"
    picker = NetworkPicker()
    truth, found = [], []
    for path in sorted((folder / "truth").glob("*.csv"))[:3]:
        with path.open() as file:
            xy = np.array([[float(row["x"]), float(row["y"])] for row in csv.DictReader(file)])
        micrograph = read_micrograph(folder / "micrographs" / f"{path.stem}.mrc")
        truth.append(Picks(xy, name=micrograph.name))
        found.append(kept(picker.find(micrograph), picker))
    assert evaluate(truth, found, diameter_px=65, tolerances=(0.5,)).pooled[0].f1 > 0.93


@pytest.mark.slow
def test_finds_nothing_in_a_real_empty_micrograph(shared):
    picker = NetworkPicker()
    empty = read_micrograph(shared / "data" / "screening" / "empty_avg.jpg")
    assert len(kept(picker.find(empty), picker)) == 0
