import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cryoglean.io import write_mrc
from cryoglean.io.formats import read_picks
from tests.conftest import Outcome
from tests.engine.session_files import draw_micrograph

Program = Callable[..., Outcome]
KNOWN = ("--diameter", 96, "--contrast", "dark", "--workers", 1)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A folder of three micrographs with 9, 10 and 11 particles."""
    for seed in range(3):
        image = draw_micrograph(np.random.default_rng(seed), particles=9 + seed)
        write_mrc(tmp_path / "data" / f"mic{seed}.mrc", image, pixel_size=4.0)
    return tmp_path / "data"


def test_the_shortest_command_picks(
    cryoglean: Program, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = cryoglean("pick", "data")
    assert outcome.code == 0
    assert "particles measure" in outcome.err
    assert "dark; from 3 micrographs" in outcome.err
    assert sorted(path.name for path in (tmp_path / "cryoglean-run" / "picks").iterdir()) == [
        f"mic{number}_autopick.star" for number in range(3)
    ]
    listed = (tmp_path / "cryoglean-run" / "autopick.star").read_text()
    assert "data/mic0.mrc cryoglean-run/picks/mic0_autopick.star" in listed


def test_a_bad_file_is_listed_and_the_exit_code_is_3(
    cryoglean: Program, session: Path, tmp_path: Path
) -> None:
    (session / "mic1.mrc").write_bytes(b"")
    outcome = cryoglean("pick", session, "--out", tmp_path / "run", *KNOWN)
    assert outcome.code == 3
    assert f"failed: {session / 'mic1.mrc'}: the file is empty" in outcome.err
    assert "2 micrographs (median 10), 1 failed" in outcome.err


def test_where_nothing_can_be_done_the_exit_code_is_1(
    cryoglean: Program, session: Path, tmp_path: Path
) -> None:
    (session / "mic1.mrc").write_bytes(b"")
    outcome = cryoglean("pick", session / "mic1.mrc", "--out", tmp_path / "run")
    assert outcome.code == 1
    assert "failed: " in outcome.err
    assert len(outcome.err.splitlines()) == 2  # How many there are to pick, and why it failed.


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--shard", "4/3"), "--shard: the part comes first"),
        (("--method", "paper", "--weights", "general"), "--weights: no such setting with --method paper"),
        (("--min-score", "high"), "--min-score"),
    ],
)
def test_wrong_usage_has_exit_code_2(
    cryoglean: Program, session: Path, tmp_path: Path, arguments: tuple, told: str
) -> None:
    outcome = cryoglean("pick", session, "--out", tmp_path / "run", *arguments)
    assert outcome.code == 2
    assert told in outcome.err


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ('method = "paper"\nrounds = 1', "rounds: no such setting with --method paper"),
        ("separation = -1", "separation: "),
        ('[running]\ndask = "local"\nslurm = 2', "running.slurm: choose one of dask and slurm"),
        ("running = 4", "running: wanted a table, got 4"),
    ],
)
def test_wrong_settings_in_the_file_have_exit_code_2(
    cryoglean: Program, session: Path, tmp_path: Path, settings: str, told: str
) -> None:
    (tmp_path / "mine.toml").write_text(settings)
    outcome = cryoglean("pick", session, "--out", tmp_path / "run", "--config", tmp_path / "mine.toml")
    assert outcome.code == 2
    assert f"mine.toml: {told}" in outcome.err


def test_json_lines_tell_all(cryoglean: Program, session: Path, tmp_path: Path) -> None:
    (session / "mic2.mrc").write_bytes(b"")
    outcome = cryoglean("pick", session, "--out", tmp_path / "run", "--json-lines", "--workers", 1)
    told = [json.loads(line) for line in outcome.out.splitlines()]
    assert [event["event"] for event in told] == [
        "measured",
        "learning",
        "started",
        *3 * ["outcome"],
        "ended",
    ]
    assert told[2]["jobs"] == 3
    assert told[5]["error"] == "the file is empty (copy or transfer the file again)"
    assert told[-1]["summary"]["done"] == 2


def test_quiet_tells_failures_only(cryoglean: Program, session: Path, tmp_path: Path) -> None:
    arguments = ("pick", session, "--out", tmp_path / "run", "--quiet", *KNOWN)
    assert cryoglean(*arguments)[1:] == ("", "")
    (session / "mic2.mrc").write_bytes(b"")
    assert len(cryoglean(*arguments).err.splitlines()) == 1


def test_select_changes_the_threshold(cryoglean: Program, session: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    cryoglean("pick", session, "--out", run, *KNOWN)
    before = sum(map(len, read_picks(run / "picks.csv")))
    outcome = cryoglean("select", run, "--min-score", 0, "--separation", 0)
    after = sum(map(len, read_picks(run / "picks.csv")))
    assert outcome.code == 0
    assert f"{after} picks in 3 micrographs" in outcome.err
    assert after > before


def test_select_tells_what_is_missing(cryoglean: Program, session: Path, tmp_path: Path) -> None:
    cryoglean("pick", session, "--out", tmp_path / "run", "--shard", "1/3", *KNOWN)
    outcome = cryoglean("select", tmp_path / "run")
    assert outcome.code == 3
    assert "in 1 micrograph, 2 not done yet" in outcome.err


def test_select_needs_a_run(cryoglean: Program, tmp_path: Path) -> None:
    outcome = cryoglean("select", tmp_path)
    assert outcome.code == 1
    assert "name the folder that `cryoglean pick --out` wrote" in outcome.err


def test_overlays(cryoglean: Program, session: Path, tmp_path: Path) -> None:
    assert cryoglean("pick", session, "--out", tmp_path / "run", "--overlays", *KNOWN).code == 0
    assert len(list((tmp_path / "run" / "overlays").glob("*.png"))) == 3


def test_watch_ends_when_nothing_comes(cryoglean: Program, session: Path, tmp_path: Path) -> None:
    (tmp_path / "quick.toml").write_text("[watching]\nsettle = 0\nevery = 0.05")
    quick = ("--config", tmp_path / "quick.toml", "--idle", 0.02)
    outcome = cryoglean("watch", session, "--out", tmp_path / "run", *KNOWN, *quick)
    assert outcome.code == 0
    assert "mic1: 10 picks, mean score" in outcome.err
    assert len(read_picks(tmp_path / "run" / "autopick.star")) == 3
