"""How learning is told."""

import json
from pathlib import Path

import pytest

from cryoglean.cli.training_progress import progress_reporter
from cryoglean.training.progress import FineTuningResult, Progress

GENERAL = {"simulated_average_precision": 0.71}
BEFORE = {"f1": 0.7, "precision": 0.9, "recall": 0.6, "average_precision": 0.75} | GENERAL
AFTER = {"f1": 0.8, "precision": 0.9, "recall": 0.72, "average_precision": 0.8} | GENERAL


def learnt(*, kept: bool = False, better: bool = True) -> FineTuningResult:
    after = AFTER if better else BEFORE
    return FineTuningResult(
        Path("mine"), BEFORE, after, 0.5, kept, better, 3.14, "cryoglean pick … --weights mine"
    )


def test_a_log_gets_a_line_where_a_stage_begins_and_not_for_every_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_reporter(json_lines=False) as report:
        for step in range(1, 51):
            report(Progress("reading micrographs", step, 50))
        report(Progress("measuring", 0, 1))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["reading micrographs: 1/50", "measuring: 0/1"]


def test_programs_get_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_reporter(json_lines=True) as report:
        report(Progress("measuring", 2, 3))
        report(learnt())
    first, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert {name: first[name] for name in ("event", "stage", "step", "steps")} == {
        "event": "progress",
        "stage": "measuring",
        "step": 2,
        "steps": 3,
    }
    assert last["event"] == "result"
    assert last["before"] == BEFORE
    assert last["weights"] == "mine"


def test_better_weights_come_with_figures_and_the_command_to_use_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_reporter(json_lines=False) as report:
        report(learnt())
    told = capsys.readouterr()
    assert "0.700" in told.out
    assert "0.800" in told.out
    assert "on simulated tiles 0.710 0.710" in " ".join(told.out.split())
    assert "cryoglean pick … --weights mine" in told.out
    assert "not better" not in told.err


def test_worse_weights_are_not_recommended(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_reporter(json_lines=False) as report:
        report(learnt(kept=True, better=False))
    told = capsys.readouterr()
    assert "pick with them" not in told.out
    assert "go on picking with the old ones" in told.err
    assert "only the calibration and the threshold are new" in told.err
