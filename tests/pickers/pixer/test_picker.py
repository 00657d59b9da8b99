import csv

import cv2
import numpy as np
import pytest
from scipy.spatial import cKDTree

from cryoglean.evaluate import evaluate, particle_overlaps
from cryoglean.io import read_micrograph
from cryoglean.networks.maps import margin_px
from cryoglean.networks.runtime import load_networks
from cryoglean.pickers import find_alone
from cryoglean.pickers.pixer.picker import NetworkPicker
from cryoglean.pickers.pixer.working import working_image
from cryoglean.select import select
from cryoglean.select.settings import SelectConfig
from cryoglean.simulate import apoferritin_like, procedural_structure, simulate_micrograph
from cryoglean.simulate.micrograph import Simulated
from cryoglean.simulate.settings import Conditions, Crowd, Exposure, Optics
from cryoglean.types import FloatImage, Mask, Micrograph, ParticleSize, Picks


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
    return NetworkPicker()


def merit(truth, picks, diameter_px):
    return evaluate([truth], [picks], diameter_px=diameter_px, tolerances=(0.5,)).pooled[0]


def kept(picks, picker):
    return select(picks, SelectConfig(min_score=picker.recommended_score))


def test_finds_simulated_particles_and_little_else(simulated, picker):
    truth = simulated.truth
    everyone = np.concatenate([truth.xy, simulated.fringe.xy])
    alone = cKDTree(everyone).query(truth.xy, k=2)[0][:, 1] > 60
    clear = Picks(truth.xy[alone & (truth.extra["visible"] > 0.9)], name=truth.name)
    found = kept(find_alone(picker, simulated.micrograph, diameter=120), picker)
    assert merit(truth, found, 60).precision > 0.95
    assert len(clear) > 20
    assert merit(clear, found, 60).recall > 0.95


def test_contrast_is_found_and_makes_no_difference(simulated, picker):
    inverted = simulated.micrograph.with_data(-simulated.micrograph.data)
    plain, other = (
        find_alone(picker, simulated.micrograph, diameter=120),
        find_alone(picker, inverted, diameter=120),
    )
    np.testing.assert_allclose(other.xy, plain.xy, atol=1e-3)
    np.testing.assert_allclose(other.score, plain.score, atol=1e-3)


def test_the_diameter_is_found(simulated):
    found = find_alone(NetworkPicker(), simulated.micrograph)
    assert found.diameter[0] == pytest.approx(120, rel=0.15)
    assert merit(simulated.truth, kept(found, NetworkPicker()), 60).f1 > 0.9


def test_noise_alone_holds_no_particle(picker):
    noise = Micrograph(
        np.random.default_rng(3).normal(100, 10, (900, 1100)).astype(np.float32), pixel_size=2.0
    )
    assert len(kept(find_alone(picker, noise, diameter=120), picker)) == 0
    assert len(find_alone(NetworkPicker(), noise)) == 0


def test_gain_and_offset_make_no_difference(simulated, picker):
    other = simulated.micrograph.with_data(simulated.micrograph.data * 3 + 50)
    scores = [
        found.score[found.score > 0.2]
        for found in (
            find_alone(picker, other, diameter=120),
            find_alone(picker, simulated.micrograph, diameter=120),
        )
    ]
    assert len(scores[0]) > 50
    np.testing.assert_allclose(*scores, atol=5e-3)


def test_candidates_lie_inside_and_scores_are_probabilities(simulated, picker):
    found = find_alone(picker, simulated.micrograph, diameter=120)
    assert (found.xy > -0.5).all()
    assert (found.xy < 1023.5).all()
    assert (found.score >= 0).all()
    assert (found.score <= 1).all()
    assert (np.diff(found.score) <= 0).all()


def test_stages_cover_the_micrograph(simulated, picker):
    stages = picker.stages(simulated.micrograph, ParticleSize(120))
    assert list(stages) == ["normalised", "particle", "centre", "contamination"]
    size = round(1024 * 32 / 60)
    assert stages["normalised"].shape == stages["particle"].shape == (size, size)
    assert abs(stages["centre"].shape[0] - size / 2) <= 1


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
    picker, size = NetworkPicker(), ParticleSize(structure.diameter, "dark")
    outlined = picker.stages(made.micrograph, size)["particle"]
    working = working_image(made.micrograph, size, 32)
    margin = margin_px(32)
    once = load_networks("general").segment(working.data).particle[margin:-margin, margin:-margin]
    assert outlined.shape == once.shape
    assert 0 < outlined.min() < outlined.max() < 1
    overlaps = [
        mean_overlap(made, found)
        for found in (likely(made, once), likely(made, outlined), picker.mask(made.micrograph, size))
    ]
    assert np.all(np.diff(overlaps) > 0.01)


def test_nothing_is_outlined_where_nothing_is():
    blank = Micrograph(np.zeros((100, 120), np.float32))
    mask = NetworkPicker().mask(blank, ParticleSize(40))
    assert mask.shape == (100, 120)
    assert not mask.any()


def likely(made: Simulated, probability: FloatImage) -> Mask:
    ny, nx = made.labels.shape
    return np.asarray(cv2.resize(probability, (nx, ny), interpolation=cv2.INTER_LINEAR) > 0.5)


def mean_overlap(made: Simulated, found: Mask) -> float:
    every = particle_overlaps(made.labels, found, reach_px=50)[: len(made.truth)]
    return float(np.nanmean(every[~made.truth.extra["cut"].astype(bool)]))


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
        found.append(kept(find_alone(picker, micrograph), picker))
    assert evaluate(truth, found, diameter_px=65, tolerances=(0.5,)).pooled[0].f1 > 0.93


@pytest.mark.slow
def test_finds_nothing_in_a_real_empty_micrograph(shared):
    picker = NetworkPicker()
    empty = read_micrograph(shared / "data" / "screening" / "empty_avg.jpg")
    assert len(kept(find_alone(picker, empty), picker)) == 0
