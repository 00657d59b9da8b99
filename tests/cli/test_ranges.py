"""An option takes one number or two."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cryoglean.cli.ranges import takes_range
from cryoglean.engine import RunFolder
from cryoglean.engine.results import read_config
from cryoglean.engine.size import kept_size
from cryoglean.io import write_mrc
from tests.conftest import Outcome
from tests.engine.session_files import draw_micrograph

Program = Callable[..., Outcome]


@pytest.fixture
def session(tmp_path: Path) -> list[Path]:
    """A micrograph of discs, 24 pixels or 96 Å across."""
    path = tmp_path / "data" / "mic.mrc"
    path.parent.mkdir()
    write_mrc(path, draw_micrograph(np.random.default_rng(1), particles=16), pixel_size=4.0)
    return [path]


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (("--diameter", "80", "120"), (80.0, 120.0)),
        (("--diameter=80", "120"), (80.0, 120.0)),
        (("--diameter", "96"), 96.0),
    ],
)
def test_a_diameter_or_the_smallest_and_the_largest(
    cryoglean: Program, session: list[Path], tmp_path: Path, said: tuple[str, ...], asked: object
) -> None:
    out = tmp_path / "run"
    ended = cryoglean("pick", session[0], *said, "--out", out, "--no-report", "--no-learn")
    assert ended.code == 0, ended.err
    assert kept_size(RunFolder(out).size).asked["diameter"] == asked
    assert 80 <= read_config(RunFolder(out).config).known_diameter <= 120


def test_a_number_that_is_a_file_is_an_input(
    cryoglean: Program, session: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (session[0].parent / "2024").mkdir()
    session[0].rename(session[0].parent / "2024" / "mic.mrc")
    monkeypatch.chdir(session[0].parent)
    ended = cryoglean("pick", "--diameter", "96", "2024", "--no-report", "--no-learn")
    assert ended.code == 0, ended.err
    assert kept_size(RunFolder(Path("cryoglean-run")).size).asked["diameter"] == 96.0


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (("120", "80"), "the smallest diameter comes first, then the largest"),
        (("-5", "80"), "greater than 0"),
        (("nan", "80"), "wanted a finite number"),
        (("wide",), "wanted a number or two, got 'wide'"),
        (("80 100 120",), "wanted a number or two, got '80 100 120'"),
    ],
)
def test_what_is_no_range_is_refused(
    cryoglean: Program, session: list[Path], said: tuple[str, ...], reason: str
) -> None:
    ended = cryoglean("pick", session[0], "--diameter", *said)
    assert ended.code == 2
    assert reason in ended.err


def test_a_pair_alone_is_no_range():
    assert takes_range(float | tuple[float, float] | None)
    assert not takes_range(tuple[int, int])
    assert not takes_range(tuple[int, int] | None)
    assert not takes_range(float | None)
