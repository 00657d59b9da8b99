"""The pixel size is known or it is not: who says it, who is believed, and what each label of RELION means."""

import re
from pathlib import Path

import numpy as np
import pytest

from cryoglean.errors import CoordinateError
from cryoglean.io import expand_inputs, read_header, read_micrograph, write_mrc
from cryoglean.io.formats import read_picks, write_picks
from cryoglean.io.headers import believed_pixel_size
from cryoglean.types import MicrographFile, Picks
from tests.engine.session_files import draw_micrograph


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(0).normal(0, 1, (64, 64)).astype(np.float32)
    return lambda pixel_size: write_mrc("a.mrc", image, pixel_size=pixel_size)


def believed(header, *, listed=None, movie=None, given=None):
    file = MicrographFile(Path("a.mrc"), pixel_size=listed, movie_pixel_size=movie)
    return believed_pixel_size(read_header(Path("a.mrc")), file, given=given)


@pytest.mark.parametrize(
    ("header", "listed", "movie", "given", "size", "remark"),
    [
        (1.5, None, None, None, 1.5, ""),
        (1.5, 2.0, None, None, 2.0, "the STAR file says 2 Å per pixel, but the header says 1.5 Å"),
        (1.5, 2.0, None, 3.0, 3.0, "you say 3 Å per pixel, but the STAR file says 2 Å"),
        (1.5, 1.51, None, None, 1.51, ""),
        (None, 2.0, None, None, 2.0, ""),
        (None, None, None, None, None, "lengths are in pixels, unless you give --angpix"),
        (1.0, None, None, None, None, "1 Å, which programs write when they know none"),
        (1.0, 1.0, None, None, 1.0, ""),
        # Of a movie that was binned by a whole number nothing is strange.
        (1.5, None, 0.75, None, 1.5, ""),
        (None, None, 0.75, None, 0.75, ""),
        (1.5, None, 0.9, None, 1.5, "the STAR file says of the movie 0.9 Å"),
        (1.5, 1.5, 0.75, None, 1.5, ""),
        (0.2, None, None, None, 0.2, "finer than usual; if that is nm, give --angpix 2"),
        (None, None, None, 0.11, 0.11, "if that is nm"),
        (40.0, None, None, None, 40.0, "coarser than usual"),
    ],
)
def test_the_user_counts_before_the_star_file_and_that_before_the_header(
    write, header, listed, movie, given, size, remark
):
    write(header)
    known = believed(header, listed=listed, movie=movie, given=given)
    assert known.angstrom == (None if size is None else pytest.approx(size))
    assert bool(known.remarks) == bool(remark)
    assert remark in " ".join(known.remarks)


def test_reading_goes_by_the_same_order_and_tells_what_contradicts(write):
    write(1.5)
    micrograph = read_micrograph(MicrographFile(Path("a.mrc"), pixel_size=2.0))
    assert (micrograph.pixel_size, micrograph.calibrated) == (2.0, True)
    assert "the STAR file says 2 Å" in micrograph.warnings[0]
    write(None)
    assert read_micrograph("a.mrc").known_pixel_size is None


def star(optics: str, micrographs: str) -> None:
    Path("m.star").write_text((f"data_optics\n\nloop_\n{optics}\n\n" if optics else "") + micrographs)


MICROGRAPHS = "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\na.mrc 1\nb.mrc 2\n"


@pytest.mark.parametrize(
    ("optics", "micrographs", "sizes"),
    [
        (
            "_rlnOpticsGroup\n_rlnMicrographPixelSize\n1 1.5\n2 2.5",
            MICROGRAPHS,
            [(1.5, None), (2.5, None)],
        ),
        (
            "_rlnOpticsGroup\n_rlnMicrographOriginalPixelSize\n_rlnMicrographPixelSize\n"
            "1 0.75 1.5\n2 0.5 1.0",
            MICROGRAPHS,
            [(1.5, 0.75), (1.0, 0.5)],
        ),
        (
            "_rlnOpticsGroup\n_rlnMicrographOriginalPixelSize\n1 0.75\n2 0.5",
            MICROGRAPHS,
            [(None, 0.75), (None, 0.5)],
        ),
        # That of particle images says nothing of micrographs.
        ("_rlnOpticsGroup\n_rlnImagePixelSize\n1 6\n2 6", MICROGRAPHS, [(None, None)] * 2),
        # One group counts for all rows.
        (
            "_rlnOpticsGroup\n_rlnMicrographPixelSize\n1 1.5",
            "data_micrographs\nloop_\n_rlnMicrographName\na.mrc\nb.mrc\n",
            [(1.5, None)] * 2,
        ),
        # Of several groups what is the same in all.
        (
            "_rlnOpticsGroup\n_rlnMicrographPixelSize\n_rlnVoltage\n1 1.5 300\n2 1.5 200",
            "data_micrographs\nloop_\n_rlnMicrographName\na.mrc\nb.mrc\n",
            [(1.5, None)] * 2,
        ),
        (
            "_rlnOpticsGroup\n_rlnMicrographPixelSize\n1 1.5\n2 1.6",
            "data_micrographs\nloop_\n_rlnMicrographName\na.mrc\nb.mrc\n",
            [(None, None)] * 2,
        ),
        (
            "",
            "data_\nloop_\n_rlnMicrographName\n_rlnPixelSize\na.mrc 1.2\nb.mrc 1.3\n",
            [(1.2, None), (1.3, None)],
        ),
        (
            "",
            "data_\nloop_\n_rlnMicrographName\n_rlnMagnification\n_rlnDetectorPixelSize\n"
            "a.mrc 50000 5\nb.mrc 25000 5\n",
            [(1.0, None), (2.0, None)],
        ),
        # Of particles that were cut out these are sizes of the images, which may have been made smaller.
        (
            "",
            "data_\nloop_\n_rlnMicrographName\n_rlnImageName\n_rlnMagnification\n_rlnDetectorPixelSize\n"
            "a.mrc 1@a.mrcs 10000 5\nb.mrc 1@b.mrcs 10000 5\n",
            [(None, None)] * 2,
        ),
        ("", "data_\nloop_\n_rlnMicrographName\na.mrc\nb.mrc\n", [(None, None)] * 2),
    ],
)
def test_each_label_of_a_star_file_means_what_relion_means(tmp_path, monkeypatch, optics, micrographs, sizes):
    monkeypatch.chdir(tmp_path)
    star(optics, micrographs)
    found = expand_inputs(["m.star"])
    assert [(one.pixel_size, one.movie_pixel_size) for one in found] == sizes


@pytest.mark.parametrize("value", ["0", "-1", "inf"])
def test_a_pixel_size_that_is_none_is_an_error(tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    star(f"_rlnOpticsGroup\n_rlnMicrographPixelSize\n1 {value}", MICROGRAPHS.replace("b.mrc 2", "b.mrc 1"))
    with pytest.raises(CoordinateError, match="pixel size of row 1 is"):
        expand_inputs(["m.star"])


@pytest.mark.parametrize(
    "dialect", ["relion-particles", "relion-3.0", "csv", "cryosparc", "topaz", "parquet"]
)
@pytest.mark.parametrize("size", [None, 1.0, 1.35])
def test_what_is_not_known_stays_unknown_and_one_is_a_size_like_others(tmp_path, dialect, size):
    picks = Picks(np.array([[1.0, 2.0]]), name="a", shape=(9, 9), pixel_size=size)
    (path,) = write_picks([picks], tmp_path / "out", format=dialect)
    (again,) = read_picks(path, format=dialect)
    if dialect in ("relion-particles", "relion-3.0", "cryosparc"):
        assert again.pixel_size == (None if size is None else pytest.approx(size))
    else:
        assert again.pixel_size is None
    if dialect == "relion-particles":
        assert ("_rlnMicrographPixelSize" in path.read_text()) == (size is not None)


def test_diameters_in_pixels_of_unknown_size_stay_in_pixels_until_these_are_known(tmp_path):
    picks = Picks(np.array([[1.0, 2.0]]), name="a", shape=(9, 9), diameter=30.0, in_pixels=True)
    for dialect in ("relion", "relion-particles", "csv", "cryosparc", "cryolo"):
        path, *_ = write_picks([picks], tmp_path / dialect, format=dialect)
        (again,) = read_picks(path, format=dialect)
        assert (again.pixel_size, again.diameter_px.tolist()) == (None, [30.0])
        assert np.isnan(again.diameter_angstrom).all()
        (known,) = read_picks(path, format=dialect, pixel_size=2.0)
        assert (known.diameter.tolist(), known.diameter_px.tolist()) == ([60.0], [30.0])


def test_diameters_in_angstrom_are_no_pixels_where_those_are_unknown(tmp_path):
    picks = Picks(np.array([[1.0, 2.0]]), name="a", diameter=30.0)
    (path,) = write_picks([picks], tmp_path / "a.csv")
    (again,) = read_picks(path)
    assert (again.diameter.tolist(), np.isnan(again.diameter_px).all()) == ([30.0], True)
    with pytest.raises(CoordinateError, match="give --box-size, or --angpix"):
        write_picks([again], tmp_path / "a.box")
    (known,) = read_picks(path, pixel_size=2.0)
    assert known.diameter_px.tolist() == [15.0]


def test_one_table_with_known_and_unknown_pixel_sizes_is_refused(tmp_path):
    from cryoglean.errors import UsageError

    picks = [
        Picks(np.array([[1.0, 2.0]]), name=name, pixel_size=size) for name, size in (("a", 1.5), ("b", None))
    ]
    with pytest.raises(UsageError, match="the pixel size of b is not known, that of others is"):
        write_picks(picks, tmp_path / "p.star", format="relion-particles")


OPTICS = "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnMicrographPixelSize\n{groups}\n"
ROWS = "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\n{rows}"
BELIEVED = "the STAR file says 2 Å per pixel, but another entry says 3 Å; the first is believed"


def listing(name, groups, rows):
    Path(name).write_text(OPTICS.format(groups=groups) + ROWS.format(rows=rows))
    return name


@pytest.mark.parametrize("files", ["one", "two", "agreeing"])
def test_entries_that_contradict_each_other_are_told(write, files):
    write(None)
    inputs = {
        "one": lambda: [listing("one.star", "1 2.0\n2 3.0\n", "a.mrc 1\na.mrc 2\n")],
        "two": lambda: [
            listing("one.star", "1 2.0\n", "a.mrc 1\n"),
            listing("two.star", "1 3.0\n", "a.mrc 1\n"),
        ],
        "agreeing": lambda: [listing("one.star", "1 2.0\n2 2.001\n", "a.mrc 1\na.mrc 1\na.mrc 2\n"), "a.mrc"],
    }[files]()
    (one,) = expand_inputs(inputs)
    assert one.pixel_size == 2.0
    assert read_micrograph(one).warnings == (() if files == "agreeing" else (BELIEVED,))


def star_of(size, name):
    write_picks(
        [Picks(np.array([[20.0, 30.0]]), diameter=40.0, name="a", path="a.mrc", pixel_size=size)],
        Path(name),
        format="relion-particles",
    )
    return name


def test_every_verb_tells_whose_word_on_pixels_is_not_believed(write, cryoglean):
    write(4.0)
    four, five = star_of(4.0, "four.star"), star_of(5.0, "five.star")
    mine, picks = "you say 5 Å per pixel, but", "four.star says 4 Å; the first is believed"
    told = {
        ("convert", four, "a.csv", "--angpix", 5): f"{mine} {picks}",
        ("evaluate", four, four, "--angpix", 5): f"{mine} {picks}",
        ("merge", four, four, "--out", "b.csv", "--angpix", 5): f"{mine} {picks}",
        (
            "merge",
            four,
            five,
            "--out",
            "b.csv",
        ): "four.star says 4 Å per pixel, but five.star says 5 Å; the first",
        (
            "evaluate",
            four,
            five,
        ): "the truth says 4 Å per pixel, but the picks say 5 Å; the first is believed",
        (
            "extract",
            five,
            "--micrographs",
            "a.mrc",
            "--out",
            "cut",
        ): "the file of the picks says 5 Å per pixel, but the header says 4 Å",
        (
            "extract",
            four,
            "--micrographs",
            "a.mrc",
            "--out",
            "cut",
            "--angpix",
            5,
        ): f"{mine} the file of the picks says 4 Å",
        ("convert", five, "c.csv", "--micrographs", "a.mrc"): "",
        ("evaluate", four, four): "",
        (
            "preprocess",
            "a.mrc",
            "--stages",
            "s",
            "--angpix",
            5,
            "--diameter",
            60,
            "--contrast",
            "dark",
        ): f"{mine} the header says 4 Å",
        ("doctor", "a.mrc", "--angpix", 5): f"{mine} the header says 4 Å",
    }
    for command, remark in told.items():
        done = cryoglean(*command)
        said = " ".join((done.out + done.err).split())
        assert remark in said, (command, said)
        assert remark or "believed" not in said, (command, said)


def test_doctor_gives_no_length_in_angstrom_where_nothing_tells_the_pixel_size(
    tmp_path, monkeypatch, cryoglean
):
    monkeypatch.chdir(tmp_path)
    image = draw_micrograph(np.random.default_rng(0), particles=12)
    for pixel_size, wanted in ((None, r"measure about \d+ px$"), (4.0, r"measure about \d+ Å \(\d+ px\)$")):
        write_mrc("a.mrc", image, pixel_size=pixel_size)
        assert re.search(wanted, cryoglean("doctor", "a.mrc").out, re.MULTILINE)
