"""What is proposed follows from the scores in a run's ledger, so ledgers with known scores are written."""

from pathlib import Path

import numpy as np
import pytest

from cryoglean.engine import RunFolder
from cryoglean.engine.ledger import Record, rounded
from cryoglean.engine.proposals import propose_for_threshold, propose_for_training
from cryoglean.engine.records import write_record
from cryoglean.engine.register import enrol
from cryoglean.errors import FileError
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Picks


def ledger(folder: Path, scores: dict[str, list[float]], *, min_score: float = 0.5) -> RunFolder:
    """Write the records of a run whose candidates have these scores."""
    run = RunFolder(folder)
    enrol(run, [Path(f"data/{name}.mrc") for name in scores])
    for name, score in scores.items():
        picks = Picks(np.arange(2.0 * len(score)).reshape(-1, 2), np.array(score), name=name, shape=(99, 99))
        config = PickConfig(min_score=min_score)
        write_record(run.record(name), Record(name, f"data/{name}.mrc", config, candidates=rounded(picks)))
    return run


def test_where_scores_are_sure_there_is_nothing_to_teach(tmp_path: Path) -> None:
    run = ledger(
        tmp_path, {"sure": [0.999] * 50 + [0.001] * 50, "doubtful": [0.55] * 10 + [0.45] * 10, "empty": []}
    )
    first, second = propose_for_training(run)
    assert (first.index, first.name) == (1, "doubtful")
    assert first.value == pytest.approx(20 * 0.45)
    assert "9 wrong or missing" in first.reason
    assert second.name == "sure"


def test_doubt_is_about_the_threshold_that_the_user_chose(tmp_path: Path) -> None:
    scores = {"low": [0.2] * 30, "middle": [0.5] * 30}
    assert propose_for_training(ledger(tmp_path / "a", scores), count=1)[0].name == "middle"
    assert propose_for_training(ledger(tmp_path / "b", scores, min_score=0.2), count=1)[0].name == "low"


def test_proposals_differ_from_one_another_and_from_what_was_seen(tmp_path: Path) -> None:
    twins = {f"twin{k}": [0.5] * (100 + k) for k in range(4)}
    other = {f"other{k}": [0.3] * (20 + k) for k in range(4)}
    run = ledger(tmp_path, twins | other)
    first, second = propose_for_training(run, count=2)
    assert {first.name[:4], second.name[:4]} == {"twin", "othe"}
    assert propose_for_training(run, count=1, seen=list(twins))[0].name.startswith("other")
    assert propose_for_training(run, count=1, seen=["other3"])[0].name.startswith("twin")
    assert propose_for_training(run, seen=list(twins | other)) == []


def test_a_tuning_subset_spans_the_defocus(tmp_path: Path) -> None:
    names = [f"m{k:02d}" for k in range(40)]
    run = ledger(tmp_path, {name: [0.8] for name in names})
    defocus = {name: 5000.0 + 1000 * ((7 * k) % 40) for k, name in enumerate(names)}
    chosen = propose_for_threshold(run, count=4, defocus=defocus)
    assert [round(one.value) for one in chosen] == [10_000, 20_000, 30_000, 40_000]
    assert chosen[0].reason == "defocus 1.00 µm"
    assert all(defocus[one.name] == one.value and names[one.index] == one.name for one in chosen)
    assert "m05" not in {
        one.name for one in propose_for_threshold(run, defocus=defocus, count=40, rejected=["m05"])
    }


def test_without_defocus_the_mean_score_stands_in_and_is_named(tmp_path: Path) -> None:
    run = ledger(tmp_path, {f"m{k}": [0.5 + 0.05 * k] for k in range(9)})
    chosen = propose_for_threshold(run, count=3, defocus={"m0": 10_000.0})
    assert [one.name for one in chosen] == ["m1", "m4", "m7"]
    assert "as the defocus is not known" in chosen[0].reason


def test_fewer_micrographs_than_asked_for_are_all_proposed(tmp_path: Path) -> None:
    run = ledger(tmp_path, {"b": [0.9], "a": [0.6]})
    assert [one.name for one in propose_for_threshold(run)] == ["a", "b"]
    assert propose_for_threshold(ledger(tmp_path / "none", {})) == []


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        propose_for_training(RunFolder(tmp_path))
