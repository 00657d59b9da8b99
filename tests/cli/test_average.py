"""`cryoglean average` as a user runs it."""

import csv

import mrcfile
import numpy as np
import pytest
from scipy import ndimage

from cryoglean.io import read_header, read_micrograph, write_mrc

PATH = np.array([[0, 0], [3, -2], [5, -3], [6, -3]])


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    return ndimage.gaussian_filter(rng.normal(size=(148, 168)), 1.5) * 20 + 50


@pytest.fixture
def movie(tmp_path, scene):
    """Four frames of a scene that moves by whole pixels."""
    rng = np.random.default_rng(1)
    frames = [scene[10 - y : 138 - y, 10 - x : 158 - x] + rng.normal(0, 1, (128, 148)) for x, y in PATH]
    write_mrc(tmp_path / "movies" / "drift.mrcs", np.array(frames), pixel_size=1.5)
    return tmp_path / "movies" / "drift.mrcs"


def test_frames_become_one_micrograph_and_a_table_of_shifts(movie, scene, tmp_path, cryoglean):
    out = tmp_path / "out"
    ended = cryoglean("average", movie, "--out", out, "--png")
    assert (ended.code, ended.err) == (0, "")
    micrograph = read_micrograph(out / "drift.mrc", strict=True)
    assert micrograph.pixel_size == pytest.approx(1.5)
    likeness = np.corrcoef(micrograph.data[10:-10, 10:-10].ravel(), scene[20:128, 20:148].ravel())[0, 1]
    assert likeness > 0.98
    assert read_header(out / "drift.png").dtype == "uint16"
    rows = list(csv.DictReader((out / "shifts.csv").open()))
    assert [(row["micrograph"], row["frame"]) for row in rows] == [("drift", str(n)) for n in (1, 2, 3, 4)]
    found = np.array([(float(row["x_px"]), float(row["y_px"])) for row in rows])
    np.testing.assert_allclose(found, PATH, atol=0.1)


def test_no_rounds_add_up_frames_as_they_are(movie, tmp_path, cryoglean):
    (tmp_path / "plain.toml").write_text("iterations = 0")
    ended = cryoglean("average", movie, "--out", tmp_path, "--config", tmp_path / "plain.toml")
    assert ended.code == 0
    import mrcfile

    plain = mrcfile.read(movie).mean(axis=0)
    np.testing.assert_allclose(read_micrograph(tmp_path / "drift.mrc").data, plain, rtol=1e-5)


def test_options_reach_the_frames(movie, tmp_path, cryoglean):
    gain = np.random.default_rng(2).uniform(0.5, 2, (148, 128)).astype(np.float32)
    write_mrc(tmp_path / "gain.mrc", gain, pixel_size=1.1)
    (tmp_path / "turned.toml").write_text('flip_y = "yes"\nangpix = 3.0')
    ended = cryoglean(
        "average", movie, "--out", tmp_path, "--gain", tmp_path / "gain.mrc", "--gain-rotation", 1,
        "--first-frame", 2, "--last-frame", 2, "--angpix", 0.75, "--float16",
        "--config", tmp_path / "turned.toml",
    )  # fmt: skip
    assert ended.code == 0
    import mrcfile

    expected = mrcfile.read(movie)[1][::-1] * np.rot90(gain, -1)
    micrograph = read_micrograph(tmp_path / "drift.mrc")
    np.testing.assert_allclose(micrograph.data, expected, rtol=1e-3)
    assert micrograph.pixel_size == pytest.approx(0.75)
    assert read_header(tmp_path / "drift.mrc").dtype == "float16"
    assert (tmp_path / "shifts.csv").read_text().splitlines()[1] == "drift,2,0.000,0.000"


def test_values_that_16_bits_cannot_hold_are_not_written(tmp_path, cryoglean):
    write_mrc(tmp_path / "bright.mrcs", np.random.default_rng(0).uniform(0, 1e6, (2, 64, 64)), pixel_size=1.5)
    ended = cryoglean("average", tmp_path / "bright.mrcs", "--out", tmp_path / "out", "--float16")
    assert ended.code == 1
    assert "do not fit into 16 bits (leave out --float16)" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_broken_movie_does_not_stop_the_others(movie, tmp_path, cryoglean):
    broken = movie.with_name("broken.mrc")
    broken.write_bytes(movie.read_bytes()[:50_000])
    ended = cryoglean("average", movie.parent, "--out", tmp_path / "out")
    assert ended.code == 3
    assert "broken.mrc: cut off" in ended.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["drift.mrc", "shifts.csv"]


def test_nothing_is_written_where_every_movie_is_broken(tmp_path, cryoglean):
    (tmp_path / "none.mrc").write_text("nothing")
    assert cryoglean("average", tmp_path / "none.mrc", "--out", tmp_path / "out").code == 1
    assert not (tmp_path / "out").exists()


def test_an_unknown_pixel_size_is_warned_of(tmp_path, cryoglean):
    frames = np.random.default_rng(0).normal(size=(2, 64, 64))
    write_mrc(tmp_path / "unknown.mrcs", frames, pixel_size=0)
    ended = cryoglean("average", tmp_path / "unknown.mrcs", "--out", tmp_path)
    assert ended.code == 0
    assert "unknown.mrcs: the header gives no pixel size" in ended.err
    assert not read_micrograph(tmp_path / "unknown.mrc").calibrated


def test_a_movie_is_never_overwritten(tmp_path, cryoglean):
    write_mrc(tmp_path / "same.mrc", np.random.default_rng(0).normal(size=(2, 64, 64)), pixel_size=1.5)
    before = (tmp_path / "same.mrc").read_bytes()
    ended = cryoglean("average", tmp_path / "same.mrc", "--out", tmp_path)
    assert ended.code == 2
    assert "name another folder" in ended.err
    assert (tmp_path / "same.mrc").read_bytes() == before


def test_movies_of_one_name_are_averaged_each_into_its_own_file(movie, tmp_path, cryoglean):
    other = tmp_path / "others" / "drift.mrcs"
    write_mrc(other, np.random.default_rng(1).normal(9, 1, (4, 48, 64)), pixel_size=1.5)
    assert cryoglean("average", movie, other, "--out", tmp_path / "out").code == 0
    assert read_micrograph(tmp_path / "out" / "others_drift.mrc").shape == (48, 64)
    assert read_micrograph(tmp_path / "out" / "drift.mrc").shape != (48, 64)
    shifts = (tmp_path / "out" / "shifts.csv").read_text()
    assert {line.split(",")[0] for line in shifts.split()[1:]} == {"drift", "others_drift"}


def test_an_unknown_pixel_size_is_not_written_as_one(tmp_path, cryoglean):
    write_mrc(tmp_path / "m.mrcs", np.random.default_rng(1).normal(9, 1, (2, 48, 64)), pixel_size=None)
    assert cryoglean("average", tmp_path / "m.mrcs", "--out", tmp_path / "out").code == 0
    with mrcfile.open(tmp_path / "out" / "m.mrc") as file:
        assert float(file.voxel_size.x) == 0


def test_the_pixel_size_of_a_movie_comes_from_the_star_file_that_lists_it(movie, tmp_path, cryoglean):
    (tmp_path / "movies.star").write_text(
        "data_optics\nloop_\n_rlnOpticsGroup\n_rlnMicrographOriginalPixelSize\n1 0.8\n\n"
        f"data_movies\nloop_\n_rlnMicrographMovieName\n_rlnOpticsGroup\n{movie} 1\n"
    )
    ended = cryoglean("average", tmp_path / "movies.star", "--out", tmp_path / "out")
    assert read_micrograph(tmp_path / "out" / "drift.mrc").pixel_size == pytest.approx(0.8)
    assert "the header says 1.5 Å" in ended.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gain-rotation", 5], "--gain-rotation"),
        (["--first-frame", 9], "4 frames, of which frames 9 to the last were wanted"),
        (["--gain", "nowhere.mrc"], "nowhere.mrc: there is no such file"),
    ],
)
def test_options_that_cannot_be_are_named(movie, tmp_path, cryoglean, options, message):
    ended = cryoglean("average", movie, "--out", tmp_path / "out", *options)
    assert ended.code in (1, 2)
    assert message in ended.err
