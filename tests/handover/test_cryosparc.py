"""cryoSPARC: data sets against its own package, and the calls of an External job against its signatures."""

import threading
from dataclasses import replace
from pathlib import Path
from unittest.mock import create_autospec

import numpy as np
import pytest

from cryoglean.engine.settings import EngineConfig
from cryoglean.errors import CoordinateError, UsageError
from cryoglean.handover.cryosparc import (
    Exposure,
    Source,
    connect,
    exposures_of,
    particle_fields,
    pick_for_cryosparc,
)
from cryoglean.io.formats import read_picks, write_picks
from cryoglean.io.formats.cryosparc import read_fields
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Picks

EXPOSURES = {
    "uid": np.array([2**63 + 5, 7], np.uint64),
    "micrograph_blob/path": np.array(["J3/motioncorrected/000000000000000000001_a.mrc", ">J3/b.mrc"]),
    "micrograph_blob/shape": np.array([[3710, 3838], [3710, 3838]], np.uint32),
    "micrograph_blob/psize_A": np.array([0.75, 0.75], np.float32),
}


def test_picks_become_locations_on_their_exposures():
    first, second = exposures_of(EXPOSURES)
    assert first == Exposure(2**63 + 5, "J3/motioncorrected/000000000000000000001_a.mrc", (3710, 3838), 0.75)
    picks = Picks(np.array([[1919.0, 927.5]]), np.array([0.25]), diameter=100.0, name="b")
    picks = replace(picks, path="/proj/J3/b.mrc")
    fields = particle_fields([picks, Picks(np.empty((0, 2)))], {"/proj/J3/b.mrc": second})
    assert {name.split("/")[0] for name in fields} == {"uid", "location", "pick_stats"}
    assert fields["location/micrograph_uid"].tolist() == [7]
    assert fields["location/micrograph_path"].tolist() == ["J3/b.mrc"]
    assert fields["location/center_x_frac"][0] == 0.5
    assert fields["location/center_y_frac"][0] == 0.25
    assert fields["pick_stats/ncc_score"][0] == 0.25


def test_particles_are_no_exposures(shared):
    fields = read_fields(shared / "formats/cryodrgn/cryosparc_J2_particles_exported.cs")
    with pytest.raises(UsageError, match="micrograph_blob/path"):
        exposures_of(fields)


def test_connecting_without_the_package_or_a_server_says_so(monkeypatch):
    for name in ("CRYOSPARC_BASE_URL", "CRYOSPARC_MASTER_HOSTNAME", "CRYOSPARC_BASE_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match=r"cryosparc-tools|project P3"):
        connect("P3")


@pytest.mark.external
class TestWithItsOwnPackage:
    @pytest.fixture(autouse=True)
    def tools(self):
        pytest.importorskip("cryosparc.dataset", reason="cryosparc-tools is not installed")

    def test_it_reads_what_we_write(self, tmp_path):
        from cryosparc.dataset import Dataset

        picks = [Picks(np.array([[10.0, 20.0], [30.0, 40.0]]), name=name, shape=(100, 200)) for name in "ab"]
        write_picks(picks, tmp_path / "picks.cs")
        data = Dataset.load(tmp_path / "picks.cs")
        assert len(data) == 4
        np.testing.assert_allclose(data["location/center_y_frac"], [0.2, 0.4, 0.2, 0.4])
        assert data["location/micrograph_path"].tolist() == ["a.mrc", "a.mrc", "b.mrc", "b.mrc"]

    def test_we_read_what_it_writes(self, shared, tmp_path):
        from cryosparc.dataset import Dataset

        real = Dataset.load(shared / "formats/cryodrgn/cryosparc_P12_J24_001_particles.cs")
        located = Dataset({"uid": real["uid"]}).add_fields(
            [
                ("location/micrograph_path", "O"),
                ("location/micrograph_shape", "<u4", (2,)),
                ("location/center_x_frac", "<f4"),
                ("location/center_y_frac", "<f4"),
            ]
        )
        located["location/micrograph_path"] = "J1/imported/000000000000000000009_m.mrc"
        located["location/micrograph_shape"] = (3000, 4000)
        located["location/center_x_frac"] = np.linspace(0, 1, len(real), dtype=np.float32)
        real.save(tmp_path / "J24_particles.cs")
        located.save(tmp_path / "J24_passthrough_particles.cs")
        (picks,) = read_picks(tmp_path / "J24_particles.cs")
        assert (picks.name, len(picks)) == ("m", len(real))
        np.testing.assert_allclose(picks.xy[:, 0], np.linspace(0, 4000, len(real)), atol=1e-3)
        real.save(tmp_path / "new.cs", format=2)
        with pytest.raises(CoordinateError, match="compressed stream"):
            read_picks(tmp_path / "new.cs")

    def test_an_external_job_gets_its_particles(self, project):
        from cryosparc.controllers.job import ExternalJobController
        from cryosparc.controllers.project import ProjectController
        from cryosparc.dataset import Dataset

        server = create_autospec(ProjectController, instance=True)
        server.dir = project
        job = server.create_external_job.return_value = create_autospec(ExternalJobController, instance=True)
        job.uid = "J9"
        job.load_input.return_value = Dataset(
            {
                "uid": [11, 12, 13],
                "micrograph_blob/path": [f"Movies/mic_0{i}.mrc" for i in (1, 2, 3)],
                "micrograph_blob/shape": np.array([[320, 400]] * 3, np.uint32),
                "micrograph_blob/psize_A": np.full(3, 2, np.float32),
            }
        )
        empty = {
            "location/micrograph_uid": "<u8",
            "location/micrograph_path": "O",
            "location/center_x_frac": "<f4",
            "location/center_y_frac": "<f4",
            "pick_stats/ncc_score": "<f4",
        }
        job.alloc_output.side_effect = lambda name, uids: Dataset({"uid": uids}).add_fields(
            list(empty.items())
        )
        made = pick_for_cryosparc(
            server,
            Source("W1", "J3", "exposures"),
            config=PickConfig(),
            engine=EngineConfig(workers=1),
            report=lambda event: None,
            stop=threading.Event(),
        )
        assert made == "J9"
        assert job.connect.call_args.args == ("micrographs", "J3", "exposures")
        (name, particles), _ = job.save_output.call_args
        assert name == "picked_particles"
        picks = {one.name: one for one in read_picks(Path("J9/cryoglean/autopick.star"))}
        for number, uid in enumerate((11, 12, 13), 1):
            mine = particles.query({"location/micrograph_uid": uid})
            expected = picks[f"mic_0{number}"].xy
            assert len(mine) == len(expected) > 15
            np.testing.assert_allclose(mine["location/center_x_frac"] * 400, expected[:, 0], atol=1e-3)
            np.testing.assert_allclose(mine["location/center_y_frac"] * 320, expected[:, 1], atol=1e-3)
