"""From what a user names to the micrographs meant."""

import subprocess
import sys
import time

import pytest

from cryoglean.errors import UsageError
from cryoglean.io import expand_inputs
from cryoglean.io.formats.naming import natural_order


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of empty files, which is the current one: names are all that counts here."""
    names = ["m10.mrc", "m2.mrc", "m1.mrc.gz", "m3.tif", "m3.png", "notes.txt", ".hidden.mrc", "deep/m4.mrc"]
    for name in names:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def names_of(paths):
    return [path.name for path in paths]


def test_a_folder_gives_its_micrographs_in_natural_order_without_previews(folder):
    assert names_of(expand_inputs([folder])) == ["m1.mrc.gz", "m2.mrc", "m3.tif", "m10.mrc"]


def test_a_folder_of_folders_gives_theirs_but_not_our_own_results(tmp_path):
    for name in ("a/x.mrc", "b/c/y.mrc", ".trash/z.mrc", "run/picks/x.png", "run/picks.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert names_of(expand_inputs([tmp_path])) == ["x.mrc", "y.mrc"]


def test_globs_see_no_hidden_files_and_take_micrographs_only(folder):
    assert names_of(expand_inputs(["data/m*"])) == ["m1.mrc.gz", "m2.mrc", "m3.png", "m3.tif", "m10.mrc"]
    assert names_of(expand_inputs(["data/**/*.mrc"])) == ["m4.mrc", "m2.mrc", "m10.mrc"]
    assert names_of(expand_inputs([str(folder / "m[12].mrc*")])) == ["m1.mrc.gz", "m2.mrc"]


def test_repetitions_count_once_and_the_order_given_stays(folder):
    given = ["data/m10.mrc", "data/m2.mrc", folder / "m10.mrc", "./data/../data/m2.mrc", "data/*.mrc"]
    assert names_of(expand_inputs(given)) == ["m10.mrc", "m2.mrc"]


def test_a_single_name_need_not_be_a_list(folder):
    assert names_of(expand_inputs("data/m2.mrc")) == ["m2.mrc"]


def test_a_file_whose_name_looks_like_a_glob_is_a_file(folder):
    (folder / "m[1].mrc").touch()
    assert names_of(expand_inputs(["data/m[1].mrc"])) == ["m[1].mrc"]


def test_a_list_is_relative_to_where_its_files_are(folder, tmp_path):
    (folder / "names.txt").write_text("# chosen by hand\n\nm2.mrc\n  deep/m4.mrc \ndata/m10.mrc\nlost.mrc\n")
    found = expand_inputs(["@data/names.txt"])
    assert names_of(found) == ["m2.mrc", "m4.mrc", "m10.mrc", "lost.mrc"]
    assert [one.path.exists() for one in found] == [True, True, True, False]


def star_of(names, label="_rlnMicrographName"):
    return "\n".join(
        ["data_micrographs", "", "loop_", f"{label} #1", "_rlnOpticsGroup #2", *(f"{n} 1" for n in names), ""]
    )


def test_a_star_file_names_micrographs_relative_to_the_project(folder, tmp_path, monkeypatch):
    job = tmp_path / "MotionCorr" / "job002"
    job.mkdir(parents=True)
    (job / "corrected.star").write_text(star_of(["data/m2.mrc", "data/m10.mrc", "data/m2.mrc"]))
    assert names_of(expand_inputs(["MotionCorr/job002/corrected.star"])) == ["m2.mrc", "m10.mrc"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    found = expand_inputs([job / "corrected.star"])
    assert names_of(found) == ["m2.mrc", "m10.mrc"]
    assert all(one.path.exists() for one in found)
    assert [one.listed for one in found] == ["data/m2.mrc", "data/m10.mrc"]


def test_a_star_file_may_name_movies(folder):
    (folder / "movies.star").write_text(star_of(["m3.tif"], "_rlnMicrographMovieName"))
    assert names_of(expand_inputs([folder / "movies.star"])) == ["m3.tif"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no micrographs were named"),
        (["nowhere.mrc"], r"nowhere\.mrc: there is no such file or folder"),
        (["data/*.eer"], r"data/\*\.eer: matches no file"),
        (["data/*.txt"], "matches 1 files but no micrograph"),
        (["@nowhere.txt"], r"@nowhere\.txt: cannot read this list"),
        (["@data/m2.mrc"], "the list is empty"),
        (["@binary"], "a binary or damaged file"),
        (["empty"], "no micrographs in this folder; files ending in .mrc"),
        (["other.star"], "there is no column _rlnMicrographName"),
    ],
)
def test_what_cannot_be_found_is_named(folder, tmp_path, given, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff\x00\x99")
    (tmp_path / "other.star").write_text(star_of(["1"], "_rlnVoltage"))
    with pytest.raises(UsageError, match=message):
        expand_inputs(given)


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-of-this-name/x.mrc"])
def test_names_that_the_system_refuses_are_wrong_usage(name):
    with pytest.raises(UsageError, match="cannot be looked at"):
        expand_inputs([name])


def test_ten_thousand_names_are_no_burden(tmp_path, monkeypatch):
    names = [f"mic_{number}.mrc" for number in range(10_000)]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "all.txt").write_text("\n".join(names))
    (tmp_path / "all.star").write_text(star_of(names))
    monkeypatch.chdir(tmp_path)
    start = time.process_time()
    assert names_of(expand_inputs([".", "@all.txt", "all.star", "*.mrc", *names])) == names
    assert time.process_time() - start < 15


def test_numbers_in_names_are_compared_as_numbers():
    assert sorted(["a10", "a9", "a", "b1", "a9b"], key=natural_order) == ["a", "a9", "a9b", "a10", "b1"]


def test_real_folders(shared):
    assert len(expand_inputs([shared / "data" / "apoferritin"])) == 10
    assert names_of(expand_inputs([shared / "data" / "ribosome"])) == ["ribosome.mrc"]


def test_importing_the_room_loads_no_codecs_and_no_configuration():
    heavy = ("tifffile", "imagecodecs", "mrcfile", "cv2", "scipy", "pydantic")
    check = f"import sys, cryoglean.io; print([name for name in {heavy} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_loops_of_links_are_followed_once(tmp_path):
    deep = tmp_path / "session" / "grid1"
    deep.mkdir(parents=True)
    (deep / "a.mrc").touch()
    (deep / "b.mrc").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "c.mrc").touch()
    for number in range(12):
        # Twelve ways around in a circle would be 2⁴⁰ paths and more before the system stops.
        (tmp_path / "session" / f"loop{number}").symlink_to(tmp_path / "session")
    (tmp_path / "session" / "linked").symlink_to(elsewhere)
    for given in (tmp_path / "session", f"{tmp_path}/session/**/*.mrc", f"{tmp_path}/**/**/*.mrc"):
        found = expand_inputs([given])
        assert sorted(one.path.name for one in found) == ["a.mrc", "b.mrc", "c.mrc"]


def test_names_with_odd_line_ends_are_one_name_in_a_list(tmp_path):
    odd = "a\x85b\u2028c\x0bd.mrc"
    (tmp_path / odd).touch()
    (tmp_path / "list.txt").write_text(f"{odd}\n", encoding="utf-8", newline="")
    assert [one.path.name for one in expand_inputs([f"@{tmp_path / 'list.txt'}"])] == [odd]
