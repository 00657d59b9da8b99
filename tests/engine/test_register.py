"""Micrographs are known by their paths: what is kept of one never becomes that of another of its name."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cryoglean.corrections import Corrections
from cryoglean.corrections.files import write_corrections
from cryoglean.engine import Run, RunFolder, pick, reselect
from cryoglean.engine.records import read_record
from cryoglean.engine.register import enrol, read_jobs
from cryoglean.engine.settings import EngineConfig
from cryoglean.errors import FileError, NewerError
from cryoglean.io import write_mrc
from cryoglean.io.formats import read_picks
from cryoglean.pickers.settings import PickConfig
from cryoglean.select.settings import SelectConfig
from cryoglean.types import MicrographFile
from tests.engine.session_files import draw_micrograph

ONE = EngineConfig(workers=1)
DATE = (1_700_000_000, 1_700_000_000)


def ignore(event: object) -> None:
    pass


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with two micrographs of one name, size and date."""
    monkeypatch.chdir(tmp_path)
    for seed, folder in enumerate("ab"):
        write_mrc(
            f"{folder}/mic1.mrc",
            draw_micrograph(np.random.default_rng(seed), particles=8 + 3 * seed),
            pixel_size=4.0,
        )
        os.utime(f"{folder}/mic1.mrc", DATE)
    return tmp_path


@pytest.fixture
def run_of(known: PickConfig) -> Callable[..., RunFolder]:
    """Pick micrographs, named by paths, in a folder."""

    def run(folder: str, *paths: str) -> RunFolder:
        pick(Run([Path(path) for path in paths], RunFolder(Path(folder)), known, ONE), ignore)
        return RunFolder(Path(folder))

    return run


def picks_by_path(folder: RunFolder) -> dict[str, list[list[float]]]:
    return {one.path: one.xy.tolist() for one in read_picks(folder.star_list)}


def results(folder: RunFolder) -> dict[str, bytes]:
    """All that is made for others to read."""
    paths = [folder.table, folder.star_list, *sorted(folder.stars.iterdir())]
    return {path.name: path.read_bytes().replace(str(folder.root).encode(), b"RUN") for path in paths}


def test_a_second_run_with_more_inputs_is_as_if_all_had_been_given_at_once(place, run_of):
    run_of("run", "b/mic1.mrc")
    assert results(run_of("run", "a/mic1.mrc", "b/mic1.mrc")) == results(
        run_of("fresh", "a/mic1.mrc", "b/mic1.mrc")
    )
    assert [len(xy) for xy in picks_by_path(RunFolder(Path("run"))).values()] == [8, 11]


def test_the_order_of_inputs_changes_no_name_and_no_pick(place, run_of):
    forth, back = run_of("forth", "a/mic1.mrc", "b/mic1.mrc"), run_of("back", "b/mic1.mrc", "a/mic1.mrc")
    assert picks_by_path(forth) == picks_by_path(back)
    assert {p.name: p.read_bytes() for p in forth.stars.iterdir()} == {
        p.name: p.read_bytes() for p in back.stars.iterdir()
    }
    assert {job.micrograph.listed: job.name for job in read_jobs(back)} == {
        "a/mic1.mrc": "mic1",
        "b/mic1.mrc": "b_mic1",
    }


def test_corrections_stay_with_their_micrograph_when_others_come_and_go(place, run_of):
    folder = run_of("run", "b/mic1.mrc")
    (job,) = read_jobs(folder)
    write_corrections(
        folder.correction(job.key),
        Corrections(micrograph=job.name, rejected=True, file=job.micrograph.location),
    )
    for inputs in (
        ["a/mic1.mrc", "b/mic1.mrc"],
        ["a/mic1.mrc"],
        ["b/mic1.mrc", "a/mic1.mrc"],
        ["b/mic1.mrc"],
    ):
        run_of("run", *inputs)
        # A rejected micrograph is not listed.
        assert set(picks_by_path(folder)) == set(inputs) - {"b/mic1.mrc"}


def test_several_suffixes_of_one_name_are_several_micrographs(place, run_of):
    shutil.copy("b/mic1.mrc", "a/mic1.map")
    folder = run_of("run", "a/mic1.map", "a/mic1.mrc")
    assert {path: len(xy) for path, xy in picks_by_path(folder).items()} == {
        "a/mic1.map": 11,
        "a/mic1.mrc": 8,
    }
    assert sorted(path.name for path in folder.stars.iterdir()) == [
        "mic1_autopick.star",
        "mic1_mrc_autopick.star",
    ]


def work_of(folder: RunFolder) -> dict[str, tuple[str, float]]:
    """What took time: another search has another start."""
    records = {path.name: read_record(path) for path in folder.jobs.iterdir()}
    return {name: (record.started, record.seconds) for name, record in records.items()}


def test_other_ways_to_the_same_file_find_its_record(place, run_of):
    def work(folder: RunFolder) -> dict[str, float]:
        return {path.name: read_record(path).seconds for path in folder.jobs.iterdir()}

    folder = run_of("run", "a/mic1.mrc", "b/mic1.mrc")
    done = work(folder)
    Path("links").mkdir()
    Path("links/mic1.mrc").symlink_to(place / "a" / "mic1.mrc")
    Path("there").symlink_to(place / "b")
    for ways in ([str(place / "a" / "mic1.mrc"), "there/mic1.mrc"], ["a/../links/mic1.mrc", "b/mic1.mrc"]):
        assert work(run_of("run", *ways)) == done
        assert {path: len(xy) for path, xy in picks_by_path(folder).items()} == dict(
            zip(ways, (8, 11), strict=True)
        )


def test_a_project_that_was_moved_goes_on_where_it_was(place, run_of, monkeypatch, cryoglean):
    for name in ("a", "b"):
        shutil.move(name, place / "project" / name) if (place / "project").exists() else (
            (place / "project").mkdir(),
            shutil.move(name, place / "project" / name),
        )
    monkeypatch.chdir(place / "project")
    before = work_of(run_of("run", "a/mic1.mrc", "b/mic1.mrc"))
    monkeypatch.chdir(place)
    shutil.move("project", "archive")
    folder = RunFolder(place / "archive" / "run")
    assert [job.path for job in read_jobs(folder)] == [place / "archive" / name / "mic1.mrc" for name in "ab"]
    monkeypatch.chdir(place / "archive")
    assert work_of(run_of("run", "a/mic1.mrc", "b/mic1.mrc")) == before


def test_a_project_that_was_moved_and_then_its_run_alone_lose_nothing(place, run_of, monkeypatch, cryoglean):
    Path("project").mkdir()
    for name in "ab":
        shutil.move(name, place / "project" / name)
    monkeypatch.chdir(place / "project")
    before = work_of(run_of("run", "a/mic1.mrc", "b/mic1.mrc"))
    shutil.move(place / "project", place / "moved")
    monkeypatch.chdir(place / "moved")
    folder = run_of("run", "a/mic1.mrc", "b/mic1.mrc")
    assert work_of(folder) == before
    rows = folder.table.read_bytes()
    shutil.move("run", place / "alone")
    assert cryoglean("select", place / "alone", "--no-report").code == 0
    assert RunFolder(place / "alone").table.read_bytes() == rows
    assert work_of(RunFolder(place / "alone")) == before


def test_a_run_finds_micrographs_again_through_the_link_left_where_they_were(place, run_of, cryoglean):
    folder = run_of("run", "a/mic1.mrc", "b/mic1.mrc")
    for name in "ab":
        shutil.move(name, f"archive_{name}")
        Path(name).symlink_to(place / f"archive_{name}")
    # Nothing of these is written by the register, which would enter the new places.
    assert cryoglean("convert", folder.root, "picks.star", "--to", "relion-particles").code == 0
    assert [(one.path, one.pixel_size) for one in read_picks("picks.star")] == [
        ("a/mic1.mrc", 4.0),
        ("b/mic1.mrc", 4.0),
    ]
    rows = folder.table.read_bytes()
    assert cryoglean("select", folder.root, "--no-report").code == 0
    assert folder.table.read_bytes() == rows


def test_micrographs_that_were_moved_alone_are_known_by_their_content(place, run_of):
    folder = run_of("run", "a/mic1.mrc")
    (job,) = read_jobs(folder)
    write_corrections(folder.correction(job.key), Corrections(micrograph=job.name, rejected=True))
    seconds = read_record(folder.record(job.key)).seconds
    Path("archive").mkdir()
    shutil.move("a/mic1.mrc", "archive/mic1.mrc")
    run_of("run", "archive/mic1.mrc")
    (moved,) = read_jobs(folder)
    assert (moved.key, read_record(folder.record(moved.key)).seconds) == (job.key, seconds)
    assert picks_by_path(folder) == {}
    # One of the same name, size and date that holds something else is another.
    Path("archive/mic1.mrc").unlink()
    run_of("run", "b/mic1.mrc")
    assert {path: len(xy) for path, xy in picks_by_path(folder).items()} == {"b/mic1.mrc": 11}


def test_files_of_another_project_under_the_same_relative_paths_are_others(place, run_of, monkeypatch):
    for project, source in (("one", "a"), ("two", "b")):
        (place / project / "mics").mkdir(parents=True)
        shutil.copy2(place / source / "mic1.mrc", place / project / "mics" / "mic1.mrc")
    for project, count in (("one", 8), ("two", 11), ("one", 8)):
        monkeypatch.chdir(place / project)
        folder = run_of(str(place / "run"), "mics/mic1.mrc")
        assert [len(xy) for xy in picks_by_path(folder).values()] == [count]


def test_a_record_of_another_file_is_none(place, run_of):
    folder, other = run_of("run", "a/mic1.mrc"), run_of("other", "b/mic1.mrc")
    shutil.copy(other.record("mic1"), folder.record("mic1"))
    assert reselect(folder, SelectConfig()).missing == 1
    assert [len(xy) for xy in picks_by_path(run_of("run", "a/mic1.mrc")).values()] == [8]


def as_before_there_was_a_register(folder: RunFolder) -> None:
    """Make of a run what the first version 0.1.0 left."""
    folder.register.unlink()
    for path in folder.jobs.iterdir():
        record = json.loads(path.read_text())
        del record["file"], record["beside"], record["input"]["sample"]
        path.write_text(json.dumps(record))


def test_a_run_without_a_register_opens_and_goes_on(place, run_of):
    folder = run_of("run", "b/mic1.mrc", "a/mic1.mrc")
    # There the first input had the short name.
    swap = {"mic1": "a_mic1", "b_mic1": "mic1"}
    for parent, ending in ((folder.jobs, ".json"), (folder.stars, "_autopick.star")):
        files = {old: (parent / f"{old}{ending}").read_text() for old in swap}
        for old in swap:
            (parent / f"{old}{ending}").unlink()
        for old, new in swap.items():
            (parent / f"{new}{ending}").write_text(
                files[old].replace(f'"micrograph":"{old}"', f'"micrograph":"{new}"')
            )
    as_before_there_was_a_register(folder)
    write_corrections(folder.correction("a_mic1"), Corrections(micrograph="a_mic1", rejected=True))
    summary = reselect(folder, SelectConfig())
    assert (summary.missing, summary.rejected) == (0, 1)
    assert {path: len(xy) for path, xy in picks_by_path(folder).items()} == {"b/mic1.mrc": 11}
    dates = work_of(folder)
    assert picks_by_path(run_of("run", "a/mic1.mrc", "b/mic1.mrc")).keys() == {"b/mic1.mrc"}
    assert len(work_of(folder)) == len(dates) == 2


@pytest.mark.parametrize("spoiled", ["", "{", "[]", '{"version": "x"}', '{"micrographs": [{"key": "../x"}]}'])
def test_a_damaged_register_is_made_again_and_nothing_is_mixed_up(place, run_of, spoiled):
    folder = run_of("run", "b/mic1.mrc")
    run_of("run", "a/mic1.mrc", "b/mic1.mrc")
    before = picks_by_path(folder)
    folder.register.write_text(spoiled)
    reselect(folder, SelectConfig())
    run_of("run", "a/mic1.mrc", "b/mic1.mrc")
    assert picks_by_path(folder) == before


def test_the_register_of_a_newer_version_is_left_alone(place, run_of):
    folder = run_of("run", "a/mic1.mrc")
    newer = '{"version": 2, "micrographs": "in another form"}'
    folder.register.write_text(newer)
    before = folder.table.read_bytes()
    for change in (lambda: reselect(folder, SelectConfig()), lambda: run_of("run", "a/mic1.mrc")):
        with pytest.raises(NewerError, match="version 2 of its format, which is newer"):
            change()
    assert (folder.register.read_text(), folder.table.read_bytes()) == (newer, before)


def test_a_key_or_a_name_that_is_a_path_is_not_believed(place, run_of):
    folder = run_of("run", "a/mic1.mrc")
    stored = json.loads(folder.register.read_text())
    stored["micrographs"][0] |= {"key": "../../victim", "name": "../../victim"}
    folder.register.write_text(json.dumps(stored))
    assert [(job.name, job.key) for job in read_jobs(folder)] == [("mic1", "mic1")]


def test_two_projects_that_call_two_files_alike_are_listed_by_whole_paths(place):
    files = [MicrographFile(place / name / "mic1.mrc", listed="MotionCorr/mic1.mrc") for name in "ab"]
    jobs = enrol(RunFolder(place / "run"), files)
    assert [job.micrograph.listed for job in jobs] == [str(place / name / "mic1.mrc") for name in "ab"]


def test_what_a_star_file_says_of_the_pixels_is_kept_with_the_run(place):
    one = MicrographFile(Path("a/mic1.mrc"), listed="Movies/mic1.mrc", pixel_size=1.5, movie_pixel_size=0.75)
    enrol(RunFolder(place / "run"), [one])
    (job,) = read_jobs(RunFolder(place / "run"))
    assert job.micrograph == replace(one, path=place / "a" / "mic1.mrc")


def test_names_of_any_kind_are_kept(tmp_path):
    folder = RunFolder(tmp_path / "run")
    paths = [Path("with space/ä.mrc"), Path("/abs/x.mrc"), Path("odd\x0bname\u2028.mrc")]
    enrol(folder, paths)
    assert [job.micrograph.listed for job in read_jobs(folder)] == list(map(str, paths))


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(FileError, match="name the folder that `cryoglean pick --out` wrote"):
        read_jobs(RunFolder(tmp_path))
