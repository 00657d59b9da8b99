"""`cryoglean convert` and `cryoglean merge` as a user runs them."""

from pathlib import Path

import numpy as np
import pytest

from cryoglean.io import write_mrc
from cryoglean.io.formats import read_picks, write_picks
from cryoglean.types import Picks


@pytest.fixture
def data(tmp_path, rng, monkeypatch) -> Path:
    """Three micrographs with dark particles, and picks of them named and turned as another program does."""
    monkeypatch.chdir(tmp_path)
    picks = []
    for name in ("mic_01", "mic_02", "mic_03"):
        image = rng.normal(100, 5, (300, 400)).astype(np.float32)
        grid = np.stack(np.meshgrid(np.arange(7), np.arange(4)), -1).reshape(-1, 2) * 50.0 + 30
        xy = np.concatenate([grid + rng.uniform(-8, 8, grid.shape), [[350.0, 250.0]]])
        rows, columns = np.indices(image.shape)
        for x, y in xy:
            image -= 12 * ((columns - x) ** 2 + (rows - y) ** 2 < 9**2)
        write_mrc(tmp_path / f"mics/{name}.mrc", image, pixel_size=1.5)
        picks.append(Picks(xy, score=rng.random(len(xy)), diameter=27.0, name=f"{name}_DW", pixel_size=1.5))
    write_picks(picks, tmp_path / "picks.csv")
    return tmp_path


def test_there_and_back_through_every_kind_of_format(data, cryoglean):
    original = read_picks("picks.csv")
    steps = [
        ("picks.csv", "run.cs"),
        ("run.cs", "boxes.parquet"),
        ("boxes.parquet", "AutoPick --to relion"),
        ("AutoPick", "particles.star --to relion-particles"),
        ("particles.star", "back.csv"),
    ]
    for source, out in steps:
        assert cryoglean("convert", source, *out.split(), "--micrographs", "mics").code == 0
    for one, other in zip(original, read_picks("back.csv"), strict=True):
        assert other.name == one.name.removesuffix("_DW")
        np.testing.assert_allclose(other.xy, one.xy, atol=1e-4)
        np.testing.assert_allclose(other.score, one.score, rtol=1e-6)
        np.testing.assert_allclose(other.diameter, 27, rtol=1e-6)


def test_picks_upside_down_are_found_and_turned(data, cryoglean):
    turned = cryoglean(
        "convert",
        "picks.csv",
        "down.star",
        "--to",
        "relion-particles",
        "--flip-y",
        "yes",
        "--micrographs",
        "mics",
    )
    assert turned.code == 0
    printed = cryoglean("convert", "down.star", "up.csv", "--flip-y", "auto", "--micrographs", "mics")
    assert "upside down: mirrored in y" in printed.out
    printed = cryoglean("convert", "picks.csv", "same.csv", "--flip-y", "auto", "--micrographs", "mics")
    assert "the right way up" in printed.out
    for up, same, one in zip(*map(read_picks, ("up.csv", "same.csv", "picks.csv")), strict=True):
        np.testing.assert_allclose(up.xy, one.xy, atol=1e-5)
        np.testing.assert_allclose(same.xy, one.xy, atol=1e-5)
    down = read_picks("down.star")[0]
    np.testing.assert_allclose(down.xy[:, 1], 299 - read_picks("picks.csv")[0].xy[:, 1], atol=1e-5)


def test_orientation_that_cannot_be_told_is_not_guessed(data, cryoglean, rng):
    write_picks([Picks(rng.uniform(20, 280, (9, 2)), name="mic_01")], "random.csv")
    printed = cryoglean("convert", "random.csv", "out.csv", "--flip-y", "auto", "--micrographs", "mics")
    assert (printed.code, Path("out.csv").exists()) == (2, False)
    assert "say yes or no" in printed.err
    assert (
        "give them with --micrographs" in cryoglean("convert", "random.csv", "o.csv", "--flip-y", "auto").err
    )
    assert (
        "give them with --micrographs" in cryoglean("convert", "random.csv", "o.csv", "--flip-y", "yes").err
    )


def test_boxes_of_binned_micrographs(data, cryoglean):
    assert (
        cryoglean("convert", "picks.csv", "boxes", "--to", "eman", "--box-size", 48, "--scale", 2).code == 0
    )
    box = read_picks("boxes/mic_02_DW.box")[0]
    np.testing.assert_allclose(box.xy, 2 * read_picks("picks.csv")[1].xy, atol=0.5)
    assert set(box.extra["box_width"]) == {48}
    assert cryoglean("convert", "picks.csv", "a.csv", "--scale", 4, "--binning", "average").code == 0
    np.testing.assert_allclose(read_picks("a.csv")[0].xy, 4 * read_picks("picks.csv")[0].xy + 1.5, atol=1e-4)


def test_diameters_in_pixels_become_angstrom_with_the_micrographs(data, cryoglean):
    Path("mic_01.cbox").write_text("100\t100\t30\t30\t0.5\t20\t24\n")
    assert cryoglean("convert", "mic_01.cbox", "out.csv", "--micrographs", "mics").code == 0
    assert read_picks("out.csv")[0].diameter[0] == pytest.approx(22 * 1.5)
    assert cryoglean("convert", "mic_01.cbox", "out.csv", "--angpix", 3).code == 0
    assert read_picks("out.csv")[0].diameter[0] == pytest.approx(22 * 3)
    assert cryoglean("convert", "mic_01.cbox", "out.csv", "--scale", 2, "--micrographs", "mics").code == 0
    assert read_picks("out.csv")[0].diameter[0] == pytest.approx(22 * 3)


def test_optics_groups_come_from_the_star_file_of_the_micrographs(data, cryoglean):
    Path("micrographs.star").write_text(
        "data_optics\nloop_\n_rlnOpticsGroup\n_rlnOpticsGroupName\n_rlnMicrographPixelSize\n_rlnVoltage\n"
        "1 left 1.5 300\n2 right 0.75 200\n\ndata_micrographs\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\n"
        "mics/mic_01.mrc 1\nmics/mic_02.mrc 2\nmics/mic_03.mrc 1\n"
    )
    arguments = ("convert", "picks.csv", "p.star", "--to", "relion-particles")
    assert "wants voltage" in cryoglean(*arguments, "--micrographs", "mics").err
    assert cryoglean(*arguments, "--micrographs", "micrographs.star").err == (
        "warning: the STAR file says 0.75 Å per pixel, but the header says 1.5 Å; the first is believed\n"
    )
    found = read_picks("p.star")
    assert [one.pixel_size for one in found] == [1.5, 0.75, 1.5]
    assert [one.extra["rlnVoltage"][0] for one in found] == [300, 200, 300]
    assert [one.path for one in found] == [f"mics/mic_0{i}.mrc" for i in (1, 2, 3)]
    cryoglean("convert", "picks.csv", "Pick", "--to", "relion", "--micrographs", "micrographs.star")
    assert "mics/mic_02.mrc Pick/mic_02_autopick.star\n" in Path("Pick/autopick.star").read_text()


def test_what_does_not_match_is_reported(data, cryoglean):
    printed = cryoglean("convert", "picks.csv", "out.csv", "--micrographs", "mics/mic_01.mrc")
    assert printed.code == 3
    assert "no micrograph was given for the picks of 2: mic_02_DW, mic_03_DW" in printed.err
    assert [one.name for one in read_picks("out.csv")] == ["mic_01", "mic_02_DW", "mic_03_DW"]
    write_picks([Picks(np.array([[1.0, 2.0]]), name="other")], "other.csv")
    printed = cryoglean("convert", "other.csv", "lost.csv", "--micrographs", "mics")
    assert printed.code == 1
    assert (
        "they are about other, the micrographs are mics/mic_01.mrc, mics/mic_02.mrc, mics/mic_03.mrc"
        in printed.err
    )
    assert not Path("lost.csv").exists()
    Path("mics/mic_04.mrc").write_bytes(b"no image")
    printed = cryoglean("convert", "picks.csv", "out.csv", "--micrographs", "mics")
    assert (printed.code, "mic_04.mrc" in printed.err) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.star", "out.csv"], 1, "missing.star: cannot be read"),
        (["picks.csv", "out.xyz"], 2, "does not tell the format"),
        (["picks.csv", "out.star", "--to", "imod"], 2, "no format is called 'imod'"),
        (["picks.csv", "out.cs"], 1, "--micrographs"),
        (["picks.csv", "out.box"], 2, "holds one micrograph"),
        (["picks.csv", "out.csv", "--scale", "0"], 2, "--scale: wanted a positive number"),
        (["picks.csv", "out.csv", "--flip-y", "maybe"], 2, "maybe"),
    ],
)
def test_errors_are_one_message_and_leave_nothing(data, cryoglean, *, arguments, code, message):
    printed = cryoglean("convert", *arguments)
    assert printed.code == code
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert not list(data.glob("out*"))


def test_formats_are_listed(cryoglean):
    printed = cryoglean("convert", "--formats")
    assert printed.code == 0
    assert "cryosparc" in printed.out


def test_merge_counts_votes(data, cryoglean):
    everything = read_picks("picks.csv")
    write_picks([one[::2] for one in everything], "half", format="relion")
    printed = cryoglean("merge", "picks.csv", "half", "--out", "all.csv", "--distance-px", 5)
    assert printed.code == 0
    total, agreed = (sum(map(len, picks)) for picks in (everything, [one[::2] for one in everything]))
    assert f"{total} particles of 3 micrographs" in printed.out
    assert f"found by 2 of 2: {agreed}" in printed.out
    joined = read_picks("all.csv")
    np.testing.assert_array_equal(joined[0].extra["votes"], 2 - np.arange(len(joined[0])) % 2)
    np.testing.assert_allclose(joined[0].extra["score_picks"], everything[0].score, rtol=1e-6)
    # Half a diameter is a distance in Å, which say nothing of pixels of unknown size.
    arguments = ("merge", "picks.csv", "half", "--out", "two.csv", "--min-votes", 2)
    refused = cryoglean(*arguments)
    assert (refused.code, "give --angpix" in refused.err) == (2, True)
    assert cryoglean(*arguments, "--angpix", 1.5).code == 0
    assert sum(map(len, read_picks("two.csv"))) == agreed


def test_merge_pairs_names_and_keeps_micrographs_of_one_program(data, cryoglean):
    picks = [Picks(one.xy, name=one.name.replace("_DW", "_SumCorr")) for one in read_picks("picks.csv")[1:]]
    write_picks(picks, "other.tsv")
    printed = cryoglean("merge", "picks.csv", "other.tsv", "--out", "all.csv", "--distance-px", 5)
    assert "of 3 micrographs" in printed.out
    assert [one.extra["votes"][0] for one in read_picks("all.csv")] == [1, 2, 2]
    assert [one.score[0] for one in read_picks("all.csv")] == [0.5, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["picks.csv"], 2, "two programs or more"),
        (["picks.csv", "plain.csv", "--distance", "5", "--distance-px", "5"], 2, "not both"),
        (["plain.csv", "plain.csv"], 2, "no diameters"),
        (["plain.csv", "plain.csv", "--distance", "5"], 2, "give --angpix"),
        (["plain.csv", "plain.csv", "--distance-px", "-5"], 2, "positive"),
        (["plain.csv", "plain.csv", "--min-votes", "3"], 2, "cannot give 3 votes"),
        (["plain.csv", "strange.csv", "--distance-px", "5"], 1, "no micrograph in common"),
    ],
)
def test_merge_says_what_is_missing(data, cryoglean, *, arguments, code, message):
    for name in ("plain", "strange"):
        write_picks([Picks(np.array([[1.0, 2.0]]), name=name)], f"{name}.csv")
    printed = cryoglean("merge", *arguments, "--out", "out.csv")
    assert printed.code == code
    assert message in printed.err
    assert not Path("out.csv").exists()
