"""RELION's External job: the whole contract, and RELION's own programs on both ends of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoglean.handover import relion as handover
from cryoglean.io.formats import read_picks
from cryoglean.io.formats.star import read_star
from tests.handover.conftest import write_micrograph

JOB = "External/job002"
ARGUMENTS = ("relion", "--o", f"{JOB}/", "--in_mics", "Import/job001/micrographs.star")
ENDS = {handover.SUCCESS, handover.FAILURE, handover.ABORTED}


def ends(folder: str = JOB) -> set[str]:
    return ENDS & {path.name for path in Path(folder).iterdir()}


def test_a_job_of_relion_4_and_5(project, cryoglean):
    code, out, _ = cryoglean(
        *ARGUMENTS, "--j", 1, "--min_score", 0.2, "--foo", "bar", "--pipeline_control", JOB
    )
    assert code == 0
    assert ends() == {handover.SUCCESS}
    assert "ignored: --foo --pipeline_control" in out
    (nodes,) = read_star(f"{JOB}/{handover.OUTPUT_NODES}")
    assert nodes.name == "output_nodes"
    assert nodes.text("rlnPipeLineNodeName").tolist() == [f"{JOB}/autopick.star"]
    assert nodes.text("rlnPipeLineNodeTypeLabel").tolist() == ["MicrographCoordsGroup.star.relion.autopick"]
    (listing,) = read_star(f"{JOB}/autopick.star")
    assert listing.text("rlnMicrographName").tolist() == [f"Movies/mic_0{i}.mrc" for i in (1, 2, 3)]
    picks = read_picks(f"{JOB}/autopick.star")
    assert [18 <= len(one) <= 24 for one in picks] == [True] * 3
    assert "min_score = 0.2" in Path(JOB, "config.toml").read_text()


def test_the_pixel_size_is_that_of_the_optics_group(project, cryoglean):
    # What is drawn here are discs, which are no particles to the networks.
    assert cryoglean(*ARGUMENTS, "--method", "unsupervised")[0] == 0
    diameters = [one.diameter[0] for one in read_picks(f"{JOB}/autopick.star")]
    assert all(45 < diameter < 75 for diameter in diameters)


def test_settings_may_come_with_hyphens_and_from_a_file(project, cryoglean):
    Path("mine.toml").write_text("diameter = 64.0\nmin_score = 0.1\n")
    assert cryoglean(*ARGUMENTS, "--config", "mine.toml", "--min-score=0.3")[0] == 0
    written = Path(JOB, "config.toml").read_text()
    assert "diameter = 64.0" in written
    assert "min_score = 0.3" in written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("relion", "--o", JOB), "there is no --in_mics"),
        (("relion", "--o", JOB, "--in_mics", "nothing.star"), "nothing.star"),
        ((*ARGUMENTS, "--diameter", "large"), "--diameter"),
        ((*ARGUMENTS, "--config", "nothing.toml"), "nothing.toml"),
        (("relion", "--o", JOB, "--in_mics", "bad.star"), "no micrograph could be picked"),
    ],
)
def test_failures_leave_the_file_of_failure(project, cryoglean, arguments, message):
    Path("bad.mrc").write_bytes(b"no image")
    Path("bad.star").write_text("data_\nloop_\n_rlnMicrographName\nbad.mrc\n")
    code, _, err = cryoglean(*arguments)
    assert code != 0
    assert message in err
    assert "Traceback" not in err
    assert ends() == {handover.FAILURE}
    assert not Path(JOB, handover.OUTPUT_NODES).exists()


def test_one_bad_micrograph_does_not_fail_the_job(project, cryoglean):
    Path("Movies/mic_02.mrc").write_bytes(b"no image")
    code, out, _ = cryoglean(*ARGUMENTS)
    assert (code, ends()) == (0, {handover.SUCCESS})
    assert "failed: Movies/mic_02.mrc" in out
    assert len(read_picks(f"{JOB}/autopick.star")) == 2


def test_abort_and_continue(project, cryoglean, monkeypatch):
    monkeypatch.setattr(handover, "_SECONDS_BETWEEN_LOOKS", 0.001)
    Path(JOB).mkdir(parents=True)
    Path(JOB, handover.ABORT_NOW).touch()
    code, _, err = cryoglean(*ARGUMENTS)
    assert code == 1
    assert "Continue resumes it" in err
    assert ends() == {handover.ABORTED}
    assert not Path(JOB, handover.ABORT_NOW).exists()
    code, _, _ = cryoglean(*ARGUMENTS)
    assert (code, ends()) == (0, {handover.SUCCESS})
    assert len(read_picks(f"{JOB}/autopick.star")) == 3


def test_projects_of_relion_3_are_known_by_their_pipeline(shared, tmp_path):
    assert not handover.is_relion_3(tmp_path)
    shutil.copy(shared / "formats/starfile/default_pipeline.star", tmp_path)
    assert handover.is_relion_3(tmp_path)
    text = (tmp_path / "default_pipeline.star").read_text()
    (tmp_path / "default_pipeline.star").write_text(
        text.replace("_rlnPipeLineNodeType ", "_rlnPipeLineNodeTypeLabel ")
    )
    assert not handover.is_relion_3(tmp_path)


@pytest.mark.parametrize(
    "others", [("MotionCorr/job002/Movies/m.mrc", "MotionCorr/job003/Movies/m.mrc"), ("a/m.mrc", "a/m.tif")]
)
def test_relion_3_is_given_no_picks_that_it_takes_for_those_of_another_micrograph(project, cryoglean, others):
    for other in others:
        Path(other).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("Movies/mic_01.mrc", other)
    listed = Path("Import/job001/micrographs.star")
    listed.write_text(listed.read_text() + "".join(f"{other} 1\n" for other in others))
    Path("default_pipeline.star").write_text(PIPELINE + NODES_OF_RELION_3)
    code, _, err = cryoglean(*ARGUMENTS)
    assert code == 1
    assert f"RELION 3 does not tell the picks of {others[0]} from those of {others[1]}" in err
    assert ends() == {handover.FAILURE}
    assert not Path(JOB, "picks").exists()
    Path("default_pipeline.star").unlink()  # RELION 4 and 5 go by the list.
    assert cryoglean(*ARGUMENTS)[0] == 0
    assert [one.path for one in read_picks(f"{JOB}/autopick.star")][3:] == list(others)


def test_micrographs_in_a_folder_called_picks_keep_their_coordinates_in_relion_3(project, cryoglean):
    Path("Movies").rename("picks")
    listed = Path("Import/job001/micrographs.star")
    listed.write_text(listed.read_text().replace("Movies/", "picks/"))
    Path("default_pipeline.star").write_text(PIPELINE + NODES_OF_RELION_3)
    assert cryoglean(*ARGUMENTS)[0] == 0
    for name in ("mic_01", "mic_02", "mic_03"):
        assert not Path(JOB, f"picks/{name}_autopick.star").is_symlink()
    assert [18 <= len(one) <= 24 for one in read_picks(f"{JOB}/autopick.star")] == [True] * 3


def test_nothing_is_laid_out_for_relion_3_through_a_link(project, cryoglean):
    outside = Path("precious")
    outside.mkdir()
    (outside / "mic_01_autopick.star").write_text("precious")
    Path(JOB).mkdir(parents=True)
    Path(JOB, "Movies").symlink_to(outside.absolute())
    Path("default_pipeline.star").write_text(PIPELINE + NODES_OF_RELION_3)
    code, _, err = cryoglean(*ARGUMENTS)
    assert code == 1
    assert f"{JOB}/Movies: leads out of the folder of the job" in err
    assert ends() == {handover.FAILURE}
    assert [path.read_text() for path in outside.iterdir()] == ["precious"]


def test_a_name_that_leads_out_of_the_job_is_refused_for_relion_3(project, cryoglean):
    shutil.copy("Movies/mic_01.mrc", "Movies/other.mrc")
    listed = Path("Import/job001/micrographs.star")
    listed.write_text(f"{listed.read_text()}../{project.name}/Movies/other.mrc 1\n")
    Path("default_pipeline.star").write_text(PIPELINE + NODES_OF_RELION_3)
    code, _, err = cryoglean(*ARGUMENTS)
    assert code == 1
    assert "leads out of the folder of the job" in err
    assert [path.name for path in Path("External").iterdir()] == ["job002"]


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("MotionCorr/job002/Movies/a.mrc", "Movies/a.mrc"),
        ("External/job1234/a.mrc", "a.mrc"),
        ("Movies/a.mrc", "Movies/a.mrc"),
        ("Movies/jobs/a.mrc", "Movies/jobs/a.mrc"),
        ("/data/a.mrc", "data/a.mrc"),
        ("a.mrc", "a.mrc"),
    ],
)
def test_paths_below_a_job(path, below):
    assert handover.below_job(Path(path)) == Path(below)


PIPELINE = "data_pipeline_general\n\n_rlnPipeLineJobCounter 1\n"
NODES_OF_RELION_3 = (
    "\ndata_pipeline_nodes\n\nloop_\n_rlnPipeLineNodeName\n_rlnPipeLineNodeType\n"
    "Import/job001/micrographs.star 1\n"
)
JOB_STAR = """
data_job

_rlnJobType {type}
_rlnJobIsContinue 0

data_joboptions_values

loop_
_rlnJobOptionVariable #1
_rlnJobOptionValue #2
do_queue No
{options}
"""
IMPORT = """do_raw Yes
fn_in_raw Movies/*.mrc
is_multiframe No
optics_group_name all
angpix 2.0
kV 300
Cs 2.7
Q0 0.1
do_other No"""
EXTERNAL = """fn_exe "{program} relion"
in_mic Import/job001/micrographs.star
param1_label min_score
param1_value 0.2
nr_threads 1"""


def call(*command: str) -> str:
    """Run a program of RELION's, in one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def schedule(number: int, name: str, type_: int, options: str) -> None:
    """Add a job to RELION's pipeline, and let RELION run it."""
    Path("job.star").write_text(JOB_STAR.format(type=type_, options=options))
    call("relion_pipeliner", "--addJobFromStar", "job.star")
    call(
        "relion_pipeliner",
        "--RunJobs",
        f"{name}/job{number:03}/",
        "--schedule",
        f"s{number}",
        "--sec_wait_after",
        "0",
    )


@pytest.mark.external
@pytest.mark.skipif(shutil.which("relion_pipeliner") is None, reason="RELION is not installed")
def test_relion_runs_the_job_and_extracts_its_picks(project):
    shutil.rmtree("Import")
    Path("default_pipeline.star").write_text(PIPELINE)
    schedule(1, "Import", 0, IMPORT)
    schedule(2, "External", 99, EXTERNAL.format(program=Path(sys.executable).with_name("cryoglean")))
    assert ends() == {handover.SUCCESS}, Path(JOB, "run.err").read_text()
    blocks = {block.name: block for block in read_star("default_pipeline.star")}
    nodes = blocks["pipeline_nodes"]
    assert f"{JOB}/coords_suffix_autopick.star" in nodes.text("rlnPipeLineNodeName")
    assert nodes.text("rlnPipeLineNodeType")[-1] == "2"

    Path("Extract/job003").mkdir(parents=True)
    call(
        *("relion_preprocess", "--i", "Import/job001/micrographs.star", "--extract", "--extract_size", "48"),
        *("--coord_dir", f"{JOB}/", "--coord_suffix", "_autopick.star"),
        *("--part_star", "Extract/job003/particles.star", "--part_dir", "Extract/job003/"),
    )
    picked = {one.name: one for one in read_picks(f"{JOB}/coords_suffix_autopick.star")}
    assert len(read_picks(f"{JOB}/coords_suffix_autopick.star")) == 3
    extracted = read_picks("Extract/job003/particles.star")
    assert sum(map(len, extracted)) == sum(map(len, picked.values())) > 50
    for one in extracted:
        assert one.xy == pytest.approx(picked[one.name].xy, abs=1e-5)
        assert one.pixel_size == 2


@pytest.mark.external
@pytest.mark.skipif(shutil.which("relion_pipeliner") is None, reason="RELION is not installed")
def test_micrographs_of_one_name_in_two_optics_groups_go_through_relion(project, cryoglean, rng):
    shutil.rmtree("Import")
    sizes = {"grid1": 2.0, "grid2": 2.5}
    for folder in sizes:
        for name in ("mic_01", "mic_02"):
            write_micrograph(Path(folder, f"{name}.mrc"), rng)
    Path("default_pipeline.star").write_text(PIPELINE)
    for number, (folder, size) in enumerate(sizes.items(), 1):
        options = IMPORT.replace("Movies/", f"{folder}/").replace("name all", f"name {folder}")
        schedule(number, "Import", 0, options.replace("angpix 2.0", f"angpix {size}"))
    imported = " ".join(f"Import/job00{number}/micrographs.star" for number in (1, 2))
    call("relion_star_handler", "--combine", "--i", imported, "--o", "both.star")
    external = EXTERNAL.format(program=Path(sys.executable).with_name("cryoglean"))
    schedule(3, "External", 99, external.replace("Import/job001/micrographs.star", "both.star"))
    job = "External/job003"
    assert ends(job) == {handover.SUCCESS}, Path(job, "run.err").read_text()

    Path("Extract/job004").mkdir(parents=True)
    call(
        *("relion_preprocess", "--i", "both.star", "--extract", "--extract_size", "48"),
        *("--coord_dir", f"{job}/", "--coord_suffix", "_autopick.star"),
        *("--part_star", "Extract/job004/particles.star", "--part_dir", "Extract/job004/"),
    )
    assert cryoglean("extract", job, "--micrographs", "both.star", "--out", "ours", "--box", 48)[0] == 0
    paths = [f"{folder}/{name}.mrc" for folder in sizes for name in ("mic_01", "mic_02")]
    picked = {one.path: one for one in read_picks(f"{job}/autopick.star")}
    assert sorted(picked) == paths
    for particles in ("Extract/job004/particles.star", "ours/particles.star"):
        extracted = {one.path: one for one in read_picks(particles)}
        assert sorted(extracted) == paths
        for path, one in extracted.items():
            assert one.xy == pytest.approx(picked[path].xy, abs=1e-5)
            assert one.pixel_size == pytest.approx(sizes[path.partition("/")[0]])
            middle = np.argmin(np.linalg.norm(one.xy - [200, 160], axis=1))
            number, _, stack = one.extra["rlnImageName"][middle].partition("@")
            image = mrcfile.read(stack)[int(number) - 1]
            column, row = np.floor(one.xy[middle]).astype(int) - 24
            micrograph = mrcfile.read(path)
            # The fraction of a pixel goes either way, and ours are bright.
            cuts = [micrograph[row + y :, column + x :][:48, :48] for y in (0, 1) for x in (0, 1)]
            likeness = [abs(np.corrcoef(image.ravel(), cut.ravel())[0, 1]) for cut in cuts]
            assert max(likeness) > 0.99
