import json

import mrcfile
import numpy as np
import pytest

from cryoglean.io import read_micrograph
from cryoglean.io.formats import read_picks
from cryoglean.io.formats.star import find_block, read_star
from cryoglean.simulate import SeriesPlan, load_structure, simulate_micrograph, write_series
from cryoglean.simulate.projection import MapProjector, projector, rotation_matrix
from cryoglean.simulate.settings import ContaminantRanges, SimulationConfig

CONFIG = SimulationConfig(
    size=(192, 256),
    pixel_size=(3.0, 3.0),
    coverage=(0.2, 0.2),
    contaminants=ContaminantRanges.model_validate({"gold_beads": {"low": 3, "high": 3}}),
)


@pytest.fixture(scope="module")
def series(complex_, tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    write_series(folder, SeriesPlan(complex_, CONFIG, count=2, seed=9))
    return folder


@pytest.fixture(scope="module")
def second(complex_):
    return simulate_micrograph(complex_, CONFIG, seed=[9, 1], name="sim_0002")


def test_the_files_hold_what_python_gets(series, second):
    micrograph = read_micrograph(series / "micrographs" / "sim_0002.mrc")
    np.testing.assert_array_equal(micrograph.data, second.micrograph.data)
    assert micrograph.pixel_size == pytest.approx(3.0)
    np.testing.assert_array_equal(mrcfile.read(series / "clean" / "sim_0002.mrc"), second.clean)
    np.testing.assert_array_equal(mrcfile.read(series / "labels" / "sim_0002.mrc"), second.labels)
    gold = mrcfile.read(series / "contamination" / "sim_0002_gold.mrc")
    np.testing.assert_array_equal(gold > 0, second.contaminated("gold"))


def test_coordinates_are_exact_and_read_as_picks(series, second):
    (picks,) = read_picks(series / "coordinates" / "sim_0002.star")
    np.testing.assert_allclose(picks.xy, second.truth.xy, atol=1e-4)
    both = read_picks(series / "truth.csv")
    assert [p.name for p in both] == ["sim_0001", "sim_0002"]
    np.testing.assert_allclose(both[1].xy, second.truth.xy, atol=1e-4)
    assert {"visible", "cut", "depth", "contamination", "rlnAngleRot"} <= set(both[1].extra)


def test_conditions_are_told(series, second):
    told = json.loads((series / "conditions" / "sim_0002.json").read_text())
    assert told["seed"] == [9, 1]
    assert told["conditions"] == second.conditions.model_dump(mode="json")
    assert told["snr"] == pytest.approx(second.snr)
    assert told["snr_db"] == pytest.approx(second.snr_db)
    assert "gold" in told["contamination"]
    assert told["particles"] == len(second.truth)


def test_particles_have_the_poses_of_a_refinement(series, second):
    block = find_block(read_star(series / "particles.star"), "rlnCoordinateX", "rlnAngleRot")
    rows = block.text("rlnMicrographName") == "micrographs/sim_0002.mrc"
    assert rows.sum() == len(second.truth)
    whole = np.stack([block.floats("rlnCoordinateX"), block.floats("rlnCoordinateY")], axis=1)[rows]
    origin = np.stack([block.floats("rlnOriginXAngst"), block.floats("rlnOriginYAngst")], axis=1)[rows]
    assert (whole == np.round(whole)).all()
    np.testing.assert_allclose(whole - origin / 3.0, second.truth.xy, atol=1e-4)
    np.testing.assert_allclose(
        block.floats("rlnAngleTilt")[rows], second.truth.extra["rlnAngleTilt"], atol=1e-4
    )
    optics = find_block(read_star(series / "particles.star"), "rlnVoltage", "rlnSphericalAberration")
    assert second.conditions.optics.voltage_kv in optics.floats("rlnVoltage").tolist()


def test_the_reference_projects_as_the_structure_does(series, complex_):
    reference = load_structure(series / "reference.mrc")
    turn = rotation_matrix(np.array([40.0, 70.0, -20.0]))
    exact = projector(complex_, 3.0)
    again = MapProjector(reference.body, exact.grid).project(turn)
    assert np.corrcoef(again.ravel(), exact.project(turn).ravel())[0, 1] > 0.97


def test_micrographs_are_listed_with_their_optics(series, second):
    blocks = read_star(series / "micrographs.star")
    micrographs = find_block(blocks, "rlnMicrographName", "rlnDefocusU")
    assert micrographs.text("rlnMicrographName").tolist() == [f"micrographs/sim_000{i}.mrc" for i in (1, 2)]
    assert micrographs.floats("rlnDefocusU")[1] == pytest.approx(second.conditions.optics.defocus_u, rel=1e-6)
