"""Files that a list names are those of its own project, and never those of another."""

from pathlib import Path

import numpy as np
import pytest

from cryoglean.errors import CoordinateError, MicrographError, UsageError
from cryoglean.io import expand_inputs, read_micrograph
from cryoglean.io.formats import read_picks, write_picks
from cryoglean.types import Picks

STAR = "data_\nloop_\n_rlnMicrographName\nMotionCorr/m1.mrc\n"


@pytest.fixture
def projects(tmp_path):
    """Two projects with the same names in them."""
    for name in ("one", "two"):
        (tmp_path / name / "MotionCorr").mkdir(parents=True)
        (tmp_path / name / "MotionCorr" / "m1.mrc").write_text(name)
        (tmp_path / name / "Ctf").mkdir()
        (tmp_path / name / "Ctf" / "m.star").write_text(STAR)
    return tmp_path


def test_a_list_is_looked_up_in_its_own_project(projects, monkeypatch):
    monkeypatch.chdir(projects)
    (one,) = expand_inputs(["one/Ctf/m.star"])
    assert (one.path.read_text(), one.listed) == ("one", "MotionCorr/m1.mrc")
    monkeypatch.chdir(projects / "two")
    (one,) = expand_inputs(["Ctf/m.star"])
    assert one.path.read_text() == "two"


def test_a_name_that_two_projects_have_is_refused_with_both_files(projects, monkeypatch):
    monkeypatch.chdir(projects / "two")
    with pytest.raises(UsageError) as refused:
        expand_inputs(["../one/Ctf/m.star"])
    assert "MotionCorr/m1.mrc could be MotionCorr/m1.mrc or " in str(refused.value)
    assert str(projects / "one" / "MotionCorr" / "m1.mrc") in str(refused.value)
    (projects / "two" / "MotionCorr" / "m1.mrc").unlink()
    (one,) = expand_inputs(["../one/Ctf/m.star"])
    assert one.path.read_text() == "one"


def test_one_file_by_two_ways_is_no_doubt(projects, monkeypatch):
    (projects / "Ctf").symlink_to(projects / "one" / "Ctf")
    (projects / "MotionCorr").symlink_to(projects / "one" / "MotionCorr")
    monkeypatch.chdir(projects / "one")
    (one,) = expand_inputs([projects / "Ctf" / "m.star"])
    assert one.path.read_text() == "one"


def picks_at(x: float) -> list[Picks]:
    return [Picks(np.array([[x, 2.0]]), name="m1")]


def test_the_coordinate_files_of_a_list_are_those_beside_it(tmp_path, monkeypatch):
    for name, x in (("one", 1.0), ("two", 2.0)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        write_picks(picks_at(x), "run", format="relion")
    assert [one.xy[0, 0] for one in read_picks(tmp_path / "one" / "run")] == [1.0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two" / "run" / "m1_autopick.star").unlink()
    with pytest.raises(CoordinateError, match="not there"):
        read_picks(tmp_path / "two" / "run")


def test_coordinate_files_that_were_moved_with_their_list_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_picks(picks_at(3.0), "run", format="relion")
    Path("run").rename("elsewhere")
    assert [one.xy[0, 0] for one in read_picks("elsewhere")] == [3.0]
    monkeypatch.chdir("/")
    assert [one.xy[0, 0] for one in read_picks(tmp_path / "elsewhere")] == [3.0]


def test_a_link_that_leads_nowhere_is_an_input_that_fails_by_name(tmp_path):
    (tmp_path / "gone.mrc").symlink_to(tmp_path / "moved" / "away.mrc")
    (tmp_path / "there.mrc").write_text("x")
    assert [one.name for one in expand_inputs([tmp_path])] == ["gone.mrc", "there.mrc"]
    with pytest.raises(MicrographError, match=r"gone\.mrc: is a link to \S+away\.mrc, which is not there"):
        read_micrograph(tmp_path / "gone.mrc")
