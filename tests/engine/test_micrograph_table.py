"""The table of a run's micrographs, and what the summary says of the run."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from cryoglean.corrections import Corrections, write_corrections
from cryoglean.engine import Run, RunFolder, pick, reselect
from cryoglean.engine.micrograph_table import STAR_LABELS, write_micrograph_table
from cryoglean.engine.plan import plan_jobs
from cryoglean.engine.records import read_record
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.summary import sum_up
from cryoglean.engine.work import Outcome
from cryoglean.io.formats.star import Block, read_star, write_star
from cryoglean.pickers.settings import PickConfig
from cryoglean.select.settings import SelectConfig
from tests.engine.session_files import ignore


@pytest.fixture
def optics(session: list[Path], tmp_path: Path) -> Path:
    """What CTF estimation found in all micrographs but the first."""
    later = session[1:]
    rows = {
        "rlnMicrographName": np.array([str(path) for path in later]),
        "rlnDefocusU": 10_000.0 + 1000 * np.arange(len(later)),
        "rlnDefocusV": 9000.0 + 1000 * np.arange(len(later)),
        "rlnCtfMaxResolution": np.full(len(later), 3.5),
    }
    write_star(tmp_path / "ctf.star", [Block("micrographs", rows)])
    return tmp_path / "ctf.star"


@pytest.fixture
def run(session: list[Path], out: RunFolder, known: PickConfig, optics: Path) -> RunFolder:
    """A run of which one failed, one was rejected, and one is missing."""
    session[2].write_bytes(b"")
    pick(Run(session, out, known, EngineConfig(workers=1), optics=[optics]), ignore)
    write_corrections(out.correction("mic0003"), Corrections(micrograph="mic0003", rejected=True))
    out.record("mic0004").unlink()
    reselect(out, SelectConfig())
    return out


def rows_of(run: RunFolder) -> dict[str, dict[str, str]]:
    with run.micrograph_table.open(encoding="utf-8", newline="") as file:
        return {row["micrograph"]: row for row in csv.DictReader(file)}


def test_each_micrograph_has_a_row_with_what_became_of_it(run: RunFolder, session: list[Path]) -> None:
    rows = rows_of(run)
    assert [row["path"] for row in rows.values()] == [str(path) for path in session]
    outcomes = [row["outcome"] for row in rows.values()]
    assert outcomes == ["picked", "picked", "failed", "rejected", "missing", "picked"]
    for name in ("mic0000", "mic0001", "mic0005"):
        record, row = read_record(run.record(name)), rows[name]
        score = record.candidates.score
        assert int(row["picks"]) == (score >= 0.5).sum()
        assert float(row["mean_score"]) == pytest.approx(score[score >= 0.5].mean(), abs=1e-4)
        assert int(row["candidates"]) == len(score)
        assert float(row["contaminated_share"]) == pytest.approx((score == 0).mean(), abs=1e-4)
        assert float(row["pixel_size"]) == 4.0
        assert float(row["seconds"]) == pytest.approx(record.seconds, abs=1e-3)
    assert rows["mic0003"]["picks"] == "0"


def test_what_is_not_known_is_left_open(run: RunFolder) -> None:
    rows = rows_of(run)
    assert (rows["mic0000"]["defocus"], rows["mic0001"]["defocus"]) == ("", "9500.0")
    assert rows["mic0001"]["ctf_resolution"] == "3.50"
    assert rows["mic0001"]["ctf_figure_of_merit"] == ""
    for name in ("mean_score", "contaminated_share", "pixel_size", "seconds"):
        assert rows["mic0004"][name] == ""
    assert (rows["mic0002"]["mean_score"], rows["mic0002"]["pixel_size"]) == ("", "")


def test_the_star_file_is_the_same_table_without_what_no_micrograph_has(run: RunFolder) -> None:
    rows = list(rows_of(run).values())
    (block,) = read_star(run.micrograph_star)
    assert block.name == "micrographs"
    assert set(block.columns) == set(STAR_LABELS.values()) - {"rlnCtfFigureOfMerit"}
    for name, label in STAR_LABELS.items():
        if name in ("path", "outcome"):
            assert block.text(label).tolist() == [row[name] for row in rows]
        elif label in block:
            expected = [float(row[name] or "nan") for row in rows]
            np.testing.assert_allclose(block.floats(label), expected, rtol=1e-6)


def test_names_of_every_kind_come_back(tmp_path: Path, session: list[Path], known: PickConfig) -> None:
    paths = []
    for name in ("with space", 'quote"d', "it's", "comma, semicolon;", "Ångström", "=1+1"):
        paths.append(session[0].with_name(f"{name}.mrc"))
        paths[-1].write_bytes(session[0].read_bytes())
    folder = RunFolder(tmp_path / "named")
    pick(Run(paths, folder, known, EngineConfig(workers=1)), ignore)
    assert [row["path"] for row in rows_of(folder).values()] == [str(path) for path in paths]
    (block,) = read_star(folder.micrograph_star)
    assert block.text("rlnMicrographName").tolist() == [str(path) for path in paths]


def test_the_summary_says_how_the_run_was_picked(run: RunFolder) -> None:
    summary = json.loads(run.summary.read_text())
    said = {name: summary[name] for name in ("method", "diameter", "contrast", "threshold", "pixel_size")}
    assert said == {
        "method": "unsupervised",
        "diameter": 96.0,
        "contrast": "dark",
        "threshold": 0.5,
        "pixel_size": 4.0,
    }
    scores = [read_record(run.record(f"mic000{k}")).candidates.score for k in (0, 1, 5)]
    share = (np.concatenate(scores) == 0).mean()
    assert summary["contaminated_share"] == pytest.approx(share, abs=1e-6)
    assert (summary["state"], summary["missing"]) == ("incomplete", 1)
    assert (summary["size_source"], summary["learning"]) == ("given", "not tried")
    assert 0.5 < summary["expected_precision"] <= 1.0
    assert 0.5 < summary["expected_recall"] <= 1.0


def test_the_share_on_contamination_is_one_of_the_candidates(out: RunFolder) -> None:
    jobs = plan_jobs([Path(f"mic{k}.mrc") for k in range(3)])
    outcomes = {
        "mic0": Outcome("mic0", Path("mic0.mrc"), candidates=400, contaminated=30),
        "mic1": Outcome("mic1", Path("mic1.mrc"), candidates=400),
        "mic2": Outcome("mic2", Path("mic2.mrc"), contaminated=0),
    }
    write_micrograph_table(out, jobs, outcomes=outcomes, ctf={})
    assert [row["contaminated_share"] for row in rows_of(out).values()] == ["0.0750", "", ""]
    assert sum_up([*outcomes.values()], missing=0).contaminated_share == 0.075


def test_candidates_are_told_from_contamination_only_where_they_can_be(run: RunFolder) -> None:
    from dataclasses import replace

    record = read_record(run.record("mic0000"))
    assert record.contaminated == (record.candidates.score == 0).sum()
    without = record.config.changed(contamination=False)
    assert replace(record, config=without).contaminated is None
    kinds = np.where(np.arange(len(record.candidates)) == 0, "side", "top")
    assert replace(record, candidates=replace(record.candidates, kind=kinds)).contaminated is None
    assert replace(record, candidates=None).contaminated is None
