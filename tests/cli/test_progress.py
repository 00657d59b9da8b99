import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cryoglean.cli import progress as progress
from cryoglean.engine.events import Ended, Measured, Started, Waiting
from cryoglean.engine.outliers import Outlier
from cryoglean.engine.size import MeasuredSize
from cryoglean.engine.summary import Summary
from cryoglean.engine.work import Outcome

ASKED = {"method": "auto", "weights": "general", "diameter": None, "contrast": "auto", "angpix": None}
DONE = Outcome("mic1", Path("data/mic1.mrc"), picks=120, mean_score=0.91)
FAILED = Outcome("mic2", Path("data/mic2.mrc"), error="the file is empty")
SUMMARY = Summary(
    micrographs=1200,
    done=1198,
    failed=1,
    missing=1,
    picks=123_456,
    median_picks=103.0,
    seconds=900.0,
    failures=(FAILED,),
    warnings={"no pixel size; 1 Å is assumed": 1200, "odd header": 1},
    outliers=(Outlier("mic7", "0 picks; 103 is usual", 17.0),),
    candidates=200_000,
    pixel_size=1.5,
    contaminated_share=0.004,
    expected_precision=0.963,
    expected_recall=0.981,
    method="auto",
    diameter=112.6,
    contrast="dark",
    size_source="discs",
    threshold=0.21,
    learning="learned",
    learning_reason="1684 of 2303 candidates are expected to be particles",
)
ENDED = Ended(jobs=600, failed=1, seconds=300.0, stopped=False, summary=SUMMARY)


def test_what_is_measured_is_told_in_angstroms_and_pixels() -> None:
    found = MeasuredSize(ASKED, 114.2, "dark", 1.5, ("a.mrc",) * 8)
    assert progress.found(found) == ["particles measure 114 Å (76 px), dark; from 8 micrographs"]
    asked = MeasuredSize(ASKED | {"diameter": 120.0}, 114.2, "dark", 1.5, ("a.mrc",))
    assert progress.found(asked) == ["particles are dark; from 1 micrograph"]


def test_what_contradicts_the_user_is_told_and_what_he_said_is_not_repeated() -> None:
    said = ASKED | {"diameter": 11.4, "contrast": "dark"}
    found = MeasuredSize(said, 11.4, "dark", 1.5, ("a.mrc",), contradictions=("was it nm?",))
    assert progress.found(found) == ["warning: was it nm?"]
    assert progress.found(replace(found, contradictions=())) == []


def test_where_nothing_stands_out_the_remedy_is_told() -> None:
    (line,) = progress.found(MeasuredSize(ASKED, sources=("a.mrc",)))
    assert "Give --diameter" in line


def test_a_run_is_summed_up_with_counts_rate_warnings_and_outliers() -> None:
    assert progress.summed_up(ENDED) == [
        "600 micrographs done in 300.0 s, 7,200 per hour",
        "123,456 picks in 1,198 micrographs (median 103), 1 failed, 1 not done",
        "particles measure 113 Å (75 pixels of 1.5 Å), measured by discs that stand out; they are dark",
        "learned from the run, threshold 0.21: 1684 of 2303 candidates are expected to be particles",
        "expected: 96% of the picks are particles (precision 0.96), and 98% of the particles among the "
        "candidates are picked (recall 0.98)",
        "0.4% of the candidates were refused as contamination",
        "warning: no pixel size; 1 Å is assumed (1,200 micrographs)",
        "warning: odd header",
        "worth a look: mic7: 0 picks; 103 is usual",
    ]


def test_what_concerns_the_run_and_what_to_try_is_told() -> None:
    summary = replace(SUMMARY, notices=("6.2% were refused.",), picks=3, advice=("give `--diameter` in Å",))
    lines = progress.summed_up(replace(ENDED, summary=summary))
    assert "warning: 6.2% were refused." in lines
    assert lines[-2:] == ["next to nothing was picked; what to try:", "- give `--diameter` in Å"]


def test_a_method_whose_scores_are_no_probabilities_promises_nothing() -> None:
    paper = replace(
        SUMMARY, method="paper", learning="not tried", expected_precision=None, expected_recall=None
    )
    lines = progress.summed_up(replace(ENDED, summary=paper))
    assert "method paper, threshold 0.21" in lines
    assert not any("expected" in line for line in lines)


def test_a_part_of_a_run_says_how_to_join_it() -> None:
    part = Ended(jobs=1, failed=0, seconds=1.0, stopped=False, summary=None)
    assert progress.summed_up(part)[-1] == "join what is done with `cryoglean select`"


def test_a_log_gets_a_line_now_and_then_and_one_for_each_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    report = progress.Plain()
    report(Started(jobs=100, kept=20, executor="2 processes"))
    for _ in range(50):
        now[0] += 1.0
        report(DONE)
    report(FAILED)
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert lines[0] == "100 micrographs to pick, 20 done before; 2 processes"
    assert lines[1] == "10/100 micrographs, 3600 per hour, 00:01:30 left"
    assert lines[5:] == [
        "50/100 micrographs, 3600 per hour, 00:00:50 left",
        "failed: data/mic2.mrc: the file is empty",
    ]


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        "rich.console.Console", lambda **_: Console(file=screen, force_terminal=True, width=100)
    )
    with progress.Bar() as report:
        report(Measured(MeasuredSize(ASKED, 114.2, "dark", 1.5, ("a.mrc",))))
        report(Started(jobs=4, kept=0, executor="this process"))
        for _ in range(3):
            report(DONE)
        report(FAILED)
    shown = screen.getvalue()
    assert "particles measure 114 Å" in shown
    assert "4/4" in shown
    assert "failed: data/mic2.mrc: the file is empty" in shown


def test_json_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    report = progress.JsonLines()
    for event in (Measured(MeasuredSize(ASKED)), Started(2, 0, "this process"), DONE, FAILED, ENDED):
        report(event)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in told] == ["measured", "started", "outcome", "outcome", "ended"]
    assert (told[2]["path"], told[2]["picks"]) == ("data/mic1.mrc", 120)
    assert told[4]["summary"]["outliers"][0]["name"] == "mic7"


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    report = progress.Quiet()
    for event in (Started(2, 0, "this process"), DONE, ENDED):
        report(event)
    assert capsys.readouterr() == ("", "")


def test_a_watch_tells_for_what_it_waits(capsys: pytest.CaptureFixture[str]) -> None:
    report = progress.Each()
    report(Waiting(("live: there is no such file or folder",)))
    report(Ended(jobs=0, failed=0, seconds=9.0, stopped=False, summary=None))
    told = [line.split(" ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert told == ["waiting: live: there is no such file or folder", "no micrograph was picked"]


def test_a_watch_tells_every_micrograph(capsys: pytest.CaptureFixture[str]) -> None:
    report = progress.Each()
    report(DONE)
    report(ENDED)
    told = capsys.readouterr().err
    assert "mic1: 120 picks, mean score 0.91" in told
    assert "per hour" not in told
