"""`cryoglean preprocess` as a user runs it."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from cryoglean.io import read_micrograph, write_mrc

Run = Callable[..., Any]


@pytest.fixture
def micrograph(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Write a micrograph with four dark discs of 40 pixels."""
    y, x = np.mgrid[:200, :240]
    discs = np.hypot((y % 100) - 50, (x % 120) - 60) < 20
    path = tmp_path / "in" / "drawn.mrc"
    path.parent.mkdir()
    write_mrc(path, (rng.normal(0, 1, discs.shape) - discs).astype(np.float32), pixel_size=3.0)
    return path


def test_every_stage_and_its_quality_are_written(micrograph: Path, tmp_path: Path, cryoglean: Run) -> None:
    out = tmp_path / "stages"
    assert cryoglean("preprocess", micrograph, "--stages", out, "--diameter", 120, "--mrc").code == 0
    pictures = sorted((out / "drawn").glob("*.png"))
    assert pictures[0].name == "01_resampled.png"
    assert pictures[-1].name == "14_votes.png"
    assert len(pictures) == 14
    assert imagecodecs.imread(pictures[5]).shape == (190, 228)
    opened = read_micrograph(out / "drawn" / "11_morphology.mrc")
    assert opened.shape == (190, 228)
    assert opened.pixel_size == pytest.approx(3 * 240 / 228)
    rows = list(csv.DictReader((out / "quality.csv").open()))
    assert [row["step"] for row in rows][:3] == ["contrast_stretched", "equalised", "restored"]
    assert len(rows) == 9
    for row in rows:
        # PSNR is the mean squared error of a peak of 1, in decibel.
        assert float(row["psnr_db"]) == pytest.approx(-10 * np.log10(float(row["mse"])), abs=0.01)
        assert float(row["snr_db"]) < float(row["psnr_db"])


def test_the_stages_show_the_discs(micrograph: Path, tmp_path: Path, cryoglean: Run) -> None:
    cryoglean("preprocess", micrograph, "--stages", tmp_path / "out", "--diameter", 120)
    cleaned = imagecodecs.imread(tmp_path / "out/drawn/13_cleaned.png") > 0
    y, x = np.mgrid[:190, :228] / 0.95
    discs = np.hypot((y % 100) - 50, (x % 120) - 60) < 20
    assert cleaned[discs].mean() > 0.8
    assert cleaned[~discs].mean() < 0.3


def test_a_settings_file_reaches_every_step(micrograph: Path, tmp_path: Path, cryoglean: Run) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('diameter = 120\n[preprocess]\nclips = [0.02]\nrestoration = "fourier"\n')
    out = tmp_path / "stages"
    assert cryoglean("preprocess", micrograph, "--stages", out, "--config", settings).code == 0
    assert not list(out.glob("drawn/*adaptively_equalised_2*"))


def test_one_bad_file_does_not_stop_the_others(micrograph: Path, tmp_path: Path, cryoglean: Run) -> None:
    bad = micrograph.with_name("bad.mrc")
    bad.write_bytes(b"no micrograph")
    out = tmp_path / "stages"
    ended = cryoglean("preprocess", micrograph.parent, "--stages", out, "--diameter", 120)
    assert ended.code == 3
    assert "bad.mrc" in ended.err
    assert (out / "drawn" / "01_resampled.png").exists()


def test_what_cannot_be_used_is_said(tmp_path: Path, cryoglean: Run, rng: np.random.Generator) -> None:
    empty = tmp_path / "empty.mrc"
    write_mrc(empty, rng.normal(0, 1, (300, 300)).astype(np.float32), pixel_size=1.0)
    ended = cryoglean("preprocess", empty, "--stages", tmp_path / "out")
    assert ended.code == 1
    assert "no particles stand out" in ended.err
    assert "--diameter" in ended.err
    assert not (tmp_path / "out").exists()


def test_equal_names_get_folders_of_their_own(micrograph: Path, tmp_path: Path, cryoglean: Run) -> None:
    other = tmp_path / "other" / micrograph.name
    other.parent.mkdir()
    other.write_bytes(micrograph.read_bytes())
    ended = cryoglean("preprocess", micrograph, other, "--stages", tmp_path / "out", "--diameter", 60)
    assert ended.code == 0
    names = {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()}
    assert names == {"drawn", "other_drawn"}


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("[preprocess]\nclips = [1.5]", "preprocess.clips.0"),
        ("[hough]\nsmallest_radius = 2.0", "exceeds largest_radius"),
        ("[sides]\nopening = [0.2]", "no such setting"),
    ],
)
def test_settings_out_of_range_are_named(
    setting: str, reason: str, micrograph: Path, tmp_path: Path, cryoglean: Run
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f"diameter = 120\n{setting}\n")
    ended = cryoglean("preprocess", micrograph, "--stages", tmp_path / "out", "--config", settings)
    assert ended.code == 2
    assert reason in ended.err
