"""`cryoglean info` as a user runs it."""

import json

import numpy as np
import pytest

from cryoglean.io import write_mrc, write_png


@pytest.fixture
def folder(tmp_path):
    """Two micrographs, a movie, and a file that is none."""
    noise = np.random.default_rng(0).normal(size=(40, 50))
    write_mrc(tmp_path / "m1.mrc", noise, pixel_size=1.25)
    write_png(tmp_path / "m2.png", noise, bits=8)
    write_mrc(tmp_path / "movie.mrcs", np.stack([noise] * 3).astype(np.float16), pixel_size=0.5)
    (tmp_path / "broken.mrc").write_bytes(b"no image")
    return tmp_path


def test_plain_lines_where_nobody_watches(folder, cryoglean):
    ended = cryoglean("info", folder / "m1.mrc", folder / "m2.png", folder / "movie.mrcs")
    rows = [line.split("\t") for line in ended.out.splitlines()]
    assert ended.code == 0
    assert rows[0] == [str(folder / "m1.mrc"), "MRC", "50×40", "1", "float32 (mode 2)", "1.25 Å"]
    assert rows[1][1:] == ["PNG", "50×40", "1", "uint8", "unknown", "PNG files hold no pixel size"]
    assert rows[2][1:] == ["MRC", "50×40", "3", "float16 (mode 12)", "0.5 Å"]


def test_a_broken_file_does_not_stop_the_others(folder, cryoglean):
    ended = cryoglean("info", folder)
    assert ended.code == 3
    assert len(ended.out.splitlines()) == 3
    assert f"error: {folder / 'broken.mrc'}: no image" in ended.err
    assert "Traceback" not in ended.err


def test_nothing_but_broken_files(folder, cryoglean):
    ended = cryoglean("info", folder / "broken.mrc")
    assert (ended.code, ended.out) == (1, "")


def test_a_name_that_is_not_there_is_wrong_usage(folder, cryoglean):
    ended = cryoglean("info", folder / "nowhere.mrc")
    assert ended.code == 2
    assert "nowhere.mrc: there is no such file or folder" in ended.err


def test_json_holds_everything_and_the_errors_too(folder, cryoglean):
    ended = cryoglean("info", folder / "m1.mrc", folder / "broken.mrc", "--json")
    found, broken = json.loads(ended.out)
    assert ended.code == 3
    assert (found["format"], found["shape"], found["frames"], found["mode"]) == ("MRC", [40, 50], 1, 2)
    assert found["pixel_size"] == pytest.approx(1.25)
    assert broken["path"] == str(folder / "broken.mrc")
    assert broken["error"].startswith("no image")


def test_a_table_on_a_terminal(folder, cryoglean, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    ended = cryoglean("info", folder / "m1.mrc", folder / "m2.png")
    assert "┃" in ended.out
    assert "m1.mrc" in ended.out
    assert "PNG files hold no pixel size" in ended.out
