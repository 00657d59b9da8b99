"""`cryoglean classes`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cryoglean.io import write_mrc
from tests.engine.session_files import draw_micrograph


@pytest.fixture
def run(tmp_path: Path, cryoglean: Callable) -> Path:
    data = tmp_path / "data"
    for seed in range(2):
        write_mrc(
            data / f"mic{seed}.mrc",
            draw_micrograph(np.random.default_rng(seed), particles=20),
            pixel_size=4.0,
        )
    options = ("--out", tmp_path / "run", "--diameter", 96, "--contrast", "dark", "--no-report", "--quiet")
    assert cryoglean("pick", data, *options).code == 0
    return tmp_path / "run"


def test_it_says_what_was_found_and_shows_it(run: Path, cryoglean: Callable) -> None:
    done = cryoglean("classes", run, "--classes", 2)
    assert done.code == 0
    assert "40 picks in " in done.err
    assert "100% particle" in done.err
    names = {path.name for path in (run / "classes").iterdir()}
    assert names == {"classes.mrcs", "classes.star", "particles.star", "classes.json", "classes.png"}
    assert "<h2>Class averages</h2>" in (run / "report.html").read_text(encoding="utf-8")


def test_quiet_says_nothing(run: Path, cryoglean: Callable) -> None:
    done = cryoglean("classes", run, "--quiet", "--no-report")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert not (run / "report.html").exists()


def test_a_part_of_the_picks_is_told(run: Path, cryoglean: Callable) -> None:
    assert "30 picks of 40 in" in cryoglean("classes", run, "--max-particles", 30, "--no-report").err


def test_a_micrograph_that_is_gone_is_told_and_the_others_are_sorted(run: Path, cryoglean: Callable) -> None:
    gone = run.parent / "data" / "mic0.mrc"
    gone.unlink()
    done = cryoglean("classes", run, "--no-report")
    assert done.code == 3
    assert f"error: {gone}" in done.err
    assert "20 picks of 40" in done.err


def test_without_picks_there_is_nothing_to_sort(run: Path, cryoglean: Callable) -> None:
    assert cryoglean("select", run, "--min-score", 1, "--quiet", "--no-report").code == 0
    done = cryoglean("classes", run)
    assert done.code == 1
    assert "has no picks" in done.err


@pytest.mark.parametrize(("option", "value"), [("--classes", 0), ("--max-particles", -3)])
def test_wrong_numbers_are_wrong_usage(tmp_path: Path, cryoglean: Callable, option: str, value: int) -> None:
    done = cryoglean("classes", tmp_path, option, value)
    assert done.code == 2
    assert option in done.err


def test_what_is_no_run_is_told(tmp_path: Path, cryoglean: Callable) -> None:
    done = cryoglean("classes", tmp_path)
    assert done.code == 1
    assert "cryoglean pick" in done.err


class TestAtTheEndOfPicking:
    """`cryoglean pick` sorts what it picked, where there is enough of it."""

    @pytest.fixture
    def known(self, tmp_path: Path) -> list[object]:
        for seed in range(3):
            image = draw_micrograph(np.random.default_rng(seed), particles=20)
            write_mrc(tmp_path / "data" / f"mic{seed}.mrc", image, pixel_size=4.0)
        return [tmp_path / "data", "--diameter", 96, "--contrast", "dark", "--no-learn", "--workers", 1]

    def test_classes_are_made_once_and_are_in_the_report(
        self, tmp_path: Path, cryoglean: Callable, known: list[object]
    ) -> None:
        done = cryoglean("pick", *known, "--out", tmp_path / "run")
        assert done.code == 0
        assert "class averages: 60 picks in" in done.err
        assert (tmp_path / "run/classes/classes.png").is_file()
        assert "<h2>Class averages</h2>" in (tmp_path / "run/report.html").read_text(encoding="utf-8")
        before = (tmp_path / "run/classes/classes.json").stat().st_mtime_ns
        again = cryoglean("pick", *known, "--out", tmp_path / "run", "--no-report")
        assert "class averages" not in again.err
        assert (tmp_path / "run/classes/classes.json").stat().st_mtime_ns == before

    @pytest.mark.parametrize("options", [("--no-classes",), ("--max-picks", 5)])
    def test_who_wants_none_or_has_few_picks_gets_none(
        self, tmp_path: Path, cryoglean: Callable, known: list[object], options: tuple[object, ...]
    ) -> None:
        if options[0] == "--max-picks":
            (tmp_path / "few.toml").write_text("max_picks = 5\n")
            options = ("--config", tmp_path / "few.toml")
        assert cryoglean("pick", *known, *options, "--out", tmp_path / "run", "--no-report").code == 0
        assert not (tmp_path / "run/classes").exists()
