"""`cryoglean evaluate` as a user runs it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from cryoglean.io import write_mrc
from cryoglean.io.formats import write_picks
from cryoglean.types import Picks

Run = Callable[..., Any]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Write truth of three micrographs as tables; picks of two of them and of a stranger as STAR files."""
    rng = np.random.default_rng(4)
    grid = np.stack(np.meshgrid(np.arange(6), np.arange(5)), axis=-1).reshape(-1, 2) * 100.0 + 50
    (tmp_path / "truth").mkdir()
    for name in ("one", "two", "three"):
        with (tmp_path / "truth" / f"{name}.csv").open("w") as file:
            file.write("x,y,diameter_px,kind\n")
            file.writelines(f"{x},{y},60,{'edge' if x < 100 else 'ok'}\n" for x, y in grid)
    picks = [
        Picks(
            grid[:-3] + rng.normal(0, 3, (27, 2)), np.linspace(0.9, 0.3, 27), 120.0, name=name, pixel_size=2.0
        )
        for name in ("one", "two", "stranger")
    ]
    write_picks(picks, tmp_path / "picks", format="relion")
    return tmp_path


def test_writes_every_file_and_prints_what_counts(files: Path, cryoglean: Run) -> None:
    out = files / "scores"
    printed = cryoglean("evaluate", files / "truth", files / "picks", "--out", out)
    assert printed.code == 0
    assert "3 micrographs, 90 particles, 54 picks, D = 60 px" in printed.out
    assert "without picks of their own count as missed: 1 (three)" in printed.err
    assert "without truth do not count: 1 (stranger)" in printed.err
    figures = json.loads((out / "evaluation.json").read_text())
    quarter, half = figures["pooled"]
    assert half["hits"] == 54
    assert half["precision"] == 1
    assert half["recall"] == quarter["recall"] == pytest.approx(0.6)
    with (out / "micrographs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["micrograph"], row["hits"]) for row in rows if row["tolerance"] == "0.5"] == [
        ("one", "27"),
        ("three", "0"),
        ("two", "27"),
    ]
    with (out / "precision_recall.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert (float(last["recall"]), float(last["precision"])) == (half["recall"], half["precision"])
    picture = imagecodecs.png_decode((out / "precision_recall.png").read_bytes())
    assert picture.shape[0] > 600
    assert (picture[..., 3] == 255).all()


def test_json_is_the_same_as_the_file(files: Path, cryoglean: Run) -> None:
    arguments = [
        files / "truth",
        files / "picks",
        "--json",
        "--out",
        files / "scores",
        "--ignore-kind",
        "edge",
    ]
    printed = json.loads(cryoglean("evaluate", *arguments, "--tolerance", 0.3, "--min-score", 0.5).out)
    assert printed == json.loads((files / "scores" / "evaluation.json").read_text())
    (pooled,) = printed["pooled"]
    assert pooled["tolerance"] == 0.3
    assert pooled["particles"] == 75
    assert pooled["precision"] == 1
    assert pooled["picks"] < 54


@pytest.mark.parametrize("given", [["--diameter", 120, "--angpix", 2], ["--diameter-px", 60]])
def test_the_diameter_is_given_in_angstrom_or_pixels(
    files: Path, given: list[object], cryoglean: Run
) -> None:
    assert "D = 60 px" in cryoglean("evaluate", files / "truth", files / "picks", *given).out


@pytest.mark.parametrize(
    "case",
    [
        (["--diameter", 120], "give --angpix too"),
        (["--diameter", 120, "--diameter-px", 60], "not both"),
        (["--diameter-px", -3], "must be positive"),
        (["--tolerance", 0], "must be positive"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_message(
    files: Path, case: tuple[list[object], str], cryoglean: Run
) -> None:
    given, message = case
    ended = cryoglean("evaluate", files / "truth", files / "picks", *given)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert ended.out == ""


def test_picks_of_other_micrographs_are_wrong_usage(files: Path, cryoglean: Run) -> None:
    stranger = files / "picks" / "stranger_autopick.star"
    ended = cryoglean("evaluate", files / "truth", stranger)
    assert ended.code == 2
    assert "no micrograph has both truth and picks" in ended.err


def test_truth_without_diameters_asks_for_one(files: Path, cryoglean: Run) -> None:
    bare = files / "bare" / "one.csv"
    bare.parent.mkdir()
    bare.write_text("x,y\n50,50\n")
    ended = cryoglean("evaluate", bare, files / "picks")
    assert ended.code == 2
    assert "the truth holds no diameters" in ended.err


def test_a_run_knows_the_pixel_size_of_its_micrographs(tmp_path: Path, cryoglean: Run) -> None:
    image = np.random.default_rng(2).normal(size=(300, 300)).astype(np.float32)
    write_mrc(tmp_path / "mic.mrc", image, pixel_size=2.0)
    picked = cryoglean("pick", tmp_path / "mic.mrc", "--out", tmp_path / "run", "--diameter", 100, "--quiet")
    assert picked.code == 0, picked.err
    (tmp_path / "mic.csv").write_text("x,y\n150,150\n")
    ended = cryoglean("evaluate", tmp_path / "mic.csv", tmp_path / "run", "--diameter", 100, "--json")
    assert json.loads(ended.out)["diameter_px"] == 50
