"""What the page asks, answered from a run."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from cryoglean.corrections import read_corrections
from cryoglean.engine import RunFolder, reselect
from cryoglean.engine.plan import Job
from cryoglean.engine.records import read_record
from cryoglean.engine.register import enrol, read_jobs
from cryoglean.errors import CoordinateError, UsageError
from cryoglean.io.formats import read_picks, write_picks
from cryoglean.select import select
from cryoglean.select.settings import SelectConfig
from cryoglean.types import MicrographFile, Picks
from cryoglean.viewer import index, results
from cryoglean.viewer.messages import SCORE_BINS
from cryoglean.viewer.reference import read_reference
from tests.viewer.conftest import Pages


def until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def loaded(page: TestClient) -> TestClient:
    until(lambda: page.get("/api/run").json()["loaded"] == page.get("/api/run").json()["micrographs"])
    return page


def histograms(page: TestClient) -> np.ndarray:
    return np.frombuffer(page.get("/api/histograms").content, "<u2").reshape(-1, SCORE_BINS)


def correct(
    page: TestClient, number: int, *operations: dict[str, object], base: int = 0
) -> dict[str, object]:
    body = {"base_revision": base, "operations": list(operations)}
    answer = page.put(f"/api/micrographs/{number}/corrections", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_run_is_described(page: TestClient, folder: RunFolder) -> None:
    info = loaded(page).get("/api/run").json()
    assert (info["name"], info["folder"], info["state"]) == ("run", str(folder.root), "complete")
    assert (info["micrographs"], info["method"], info["weights"]) == (4, "unsupervised", None)
    assert (info["diameter"], info["threshold"], info["recommended"]) == (96.0, 0.5, 0.5)
    assert {"relion", "csv", "cryosparc"} <= {one["name"] for one in info["formats"]}
    assert info["reference"] is None
    assert info["about"][0] == "particles measure 96 Å (24 pixels of 4 Å), as given; they are dark"
    assert (info["notices"], info["advice"]) == ([], [])


def test_what_concerns_the_run_and_what_to_try_is_told(page: TestClient, folder: RunFolder) -> None:
    stored = json.loads(folder.summary.read_text())
    folder.summary.write_text(
        json.dumps(stored | {"notices": ["Much was refused."], "advice": ["give `--diameter`"]})
    )
    info = page.get("/api/run").json()
    assert (info["notices"], info["advice"]) == (["Much was refused."], ["give `--diameter`"])
    folder.summary.write_text(json.dumps(stored | {"picks": "many"}))
    assert page.get("/api/run").json()["about"] == []


def test_the_list_says_what_the_ledger_knows(page: TestClient, folder: RunFolder) -> None:
    table = loaded(page).get("/api/micrographs").json()
    assert table["name"] == ["mic0", "mic1", "mic2", "mic3"]
    assert table["state"] == ["done", "done", "done", "failed"]
    assert table["error"][:3] == [None] * 3
    assert "cut off" in table["error"][3] or "damaged" in table["error"][3] or "no " in table["error"][3]
    assert table["width"] == [200, 200, 200, 0]
    assert table["pixel_size"] == [4.0, 4.0, 4.0, None]
    assert table["reference"] is None
    lengths = {len(column) for column in table.values() if isinstance(column, list)}
    assert lengths == {4}
    for name, mean in zip(table["name"][:3], table["mean_score"], strict=False):
        picks = read_picks(folder.star(name))[0]
        assert mean == pytest.approx(picks.score.mean(), abs=0.5 / SCORE_BINS)


def test_histograms_give_the_counts_of_every_threshold(page: TestClient, folder: RunFolder) -> None:
    bins = histograms(loaded(page))
    assert bins.shape == (4, SCORE_BINS)
    for number, name in enumerate(("mic0", "mic1", "mic2")):
        candidates = read_record(folder.record(name)).candidates
        for threshold in (0.0, 0.125, 0.5, 0.90625):
            kept = select(candidates, SelectConfig(min_score=threshold))
            assert bins[number, round(threshold * SCORE_BINS) :].sum() == len(kept)
    assert not bins[3].any()


def test_picks_are_all_candidates_that_can_be_picked(page: TestClient, folder: RunFolder) -> None:
    picks = page.get("/api/micrographs/1/picks").json()
    candidates = picks["candidates"]
    selectable = select(read_record(folder.record("mic1")).candidates, SelectConfig())
    np.testing.assert_array_equal(np.column_stack([candidates["x"], candidates["y"]]), selectable.xy)
    assert candidates["score"] == selectable.score.tolist()
    assert set(candidates["diameter"]) == {96.0}
    assert len(set(candidates["id"])) == len(selectable)
    assert picks["revision"] == 0
    assert page.get("/api/micrographs/3/picks").json()["candidates"]["id"] == []


def test_corrections_are_kept_and_told(page: TestClient, folder: RunFolder) -> None:
    before = histograms(loaded(page))[0]
    first, second, *_ = page.get("/api/micrographs/0/picks").json()["candidates"]["id"]
    said = correct(
        page,
        0,
        {"op": "delete", "id": first},
        {"op": "move", "id": second, "x": 100, "y": 101.5},
        {"op": "add", "id": "mine", "x": 3.25, "y": 4},
        {"op": "looked_at", "value": True},
    )
    state = said["corrections"]
    assert said["revision"] == 1
    assert state["deleted"] == [first]
    assert state["moved"] == [{"id": second, "x": 100.0, "y": 101.5}]
    assert state["added"] == [{"id": "mine", "x": 3.25, "y": 4.0}]
    assert page.get("/api/micrographs/0/picks").json()["corrections"] == state
    after = histograms(page)[0]
    replaced = len(state["replaced"])
    # Two candidates less, two picks by hand more, in the last bin.
    assert after.sum() == before.sum() - replaced
    table = page.get("/api/micrographs").json()
    assert [table[column][0] for column in ("added", "deleted", "moved", "looked_at")] == [1, 1, 1, True]
    assert table["corrections_revision"] == [1, 0, 0, 0]
    made = read_corrections(folder.correction("mic0"), "mic0")
    assert made.deleted[0].score == page.get("/api/micrographs/0/picks").json()["candidates"]["score"][0]


def test_two_windows_lose_nothing(open_page: Pages) -> None:
    # Two programs on one run, each with several windows, all with what they saw at first.
    pages = [open_page(), open_page()]

    def work(page: TestClient, name: str) -> None:
        for k in range(10):
            correct(page, 2, {"op": "add", "id": f"{name}-{k}", "x": 10 + k, "y": 20})

    threads = [
        threading.Thread(target=work, args=(page, f"{p}{t}")) for p, page in enumerate(pages) for t in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for page in pages:
        picks = page.get("/api/micrographs/2/picks").json()
        assert picks["revision"] == 40
        assert len(picks["corrections"]["added"]) == 40


def test_another_window_hears_what_has_changed(open_page: Pages) -> None:
    one, other = loaded(open_page()), loaded(open_page())
    since = other.get("/api/changes").json()["revision"]
    assert other.get(f"/api/changes?since={since}").json()["changed"] == []
    correct(one, 1, {"op": "reject", "value": True})
    until(lambda: other.get(f"/api/changes?since={since}").json()["changed"] == [1])
    assert other.get("/api/micrographs").json()["rejected"] == [False, True, False, False]


def test_what_is_picked_meanwhile_is_shown(page: TestClient, folder: RunFolder) -> None:
    loaded(page)
    since = page.get("/api/changes").json()["revision"]
    *_, later = enrol(folder, [*(job.micrograph for job in read_jobs(folder)), Path("later/mic9.mrc")])
    until(lambda: page.get("/api/run").json()["micrographs"] == 5)
    assert page.get("/api/micrographs").json()["state"][4] == "missing"
    about = {"micrograph": "mic9", "path": "later/mic9.mrc", "file": later.micrograph.location}
    record = json.loads(folder.record("mic0").read_text()) | about
    folder.record("mic9").write_text(json.dumps(record))
    until(lambda: page.get("/api/micrographs").json()["state"][4] == "done")
    assert 4 in page.get(f"/api/changes?since={since}").json()["changed"]
    assert histograms(page)[4].tolist() == histograms(page)[0].tolist()


def test_a_threshold_selects_the_run_anew(page: TestClient, folder: RunFolder) -> None:
    correct(loaded(page), 1, {"op": "reject", "value": True})
    correct(page, 0, {"op": "add", "id": "a", "x": 1, "y": 1})
    bins = histograms(page)
    answer = page.put("/api/threshold", json={"value": 0.125}).json()
    kept = bins[[0, 2], round(0.125 * SCORE_BINS) :].sum()
    assert (answer["threshold"], answer["picks"], answer["micrographs"]) == (0.125, kept, 2)
    assert sum(map(len, read_picks(folder.table))) == kept
    assert page.get("/api/run").json()["threshold"] == 0.125
    assert page.get("/api/changes").json()["threshold"] == 0.125
    for wrong in (-0.1, 1.1, "high", None):
        assert page.put("/api/threshold", json={"value": wrong}).status_code == 422


def test_a_threshold_waits_for_no_run_that_works_in_the_folder(page: TestClient, folder: RunFolder) -> None:
    from cryoglean.engine.lock import locked

    with locked(folder.lock):
        answer = page.put("/api/threshold", json={"value": 0.25})
        assert answer.status_code == 409
        assert "is working in this folder" in answer.json()["detail"]
        # Corrections are kept nevertheless.
        correct(page, 0, {"op": "add", "id": "a", "x": 1, "y": 1})


def test_results_follow_corrections_by_themselves(
    page: TestClient, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "QUIET", 0.1)
    correct(loaded(page), 0, {"op": "add", "id": "a", "x": 1.5, "y": 1})
    for path in (folder.star("mic0"), folder.table):
        until(lambda path=path: [1.5, 1.0] in places_in(path))


def places_in(path: Path) -> list[list[float]]:
    """Return the picks in a file; none in the moment when the old one is gone and the new one not there."""
    try:
        return read_picks(path)[0].xy.tolist()
    except CoordinateError:
        return []


def test_results_are_right_when_it_ends(open_page: Pages, folder: RunFolder) -> None:
    page = loaded(open_page())
    correct(page, 0, {"op": "reject", "value": True})
    open_page.end(page)
    assert "mic0" not in {picks.name for picks in read_picks(folder.star_list)}


def test_looking_changes_no_result(open_page: Pages, folder: RunFolder) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.root.rglob("*") if path.is_file()}
    page = loaded(open_page())
    page.get("/api/micrographs/0/picks")
    correct(page, 0, {"op": "looked_at", "value": True})
    open_page.end(page)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_threshold_of_another_program_is_followed(page: TestClient, folder: RunFolder) -> None:
    loaded(page)
    reselect(folder, SelectConfig(min_score=0.25, separation=2.0))
    until(lambda: page.get("/api/run").json()["threshold"] == 0.25)
    wanted = len(select(read_record(folder.record("mic0")).candidates, SelectConfig(separation=2.0)))
    until(lambda: page.get("/api/micrographs").json()["candidates"][0] == wanted)


def test_spoiled_corrections_are_told_and_never_replaced(page: TestClient, folder: RunFolder) -> None:
    folder.corrections.mkdir()
    folder.correction("mic0").write_text("{")
    body = {"base_revision": 0, "operations": [{"op": "reject", "value": True}]}
    answer = page.put("/api/micrographs/0/corrections", json=body)
    assert answer.status_code == 409
    assert "mic0.json" in answer.json()["detail"]
    assert folder.correction("mic0").read_text() == "{"
    until(lambda: page.get("/api/micrographs").json()["state"][0] == "failed")


def test_a_run_that_cannot_be_written_can_be_looked_at(page: TestClient, folder: RunFolder) -> None:
    # Files stand where folders would be made, which stops root too.
    (folder.root / ".view").touch()
    folder.corrections.touch()
    for _ in range(2):
        assert loaded(page).get("/api/micrographs/0/thumbnail").status_code == 200
    body = {"base_revision": 0, "operations": [{"op": "reject", "value": True}]}
    answer = page.put("/api/micrographs/0/corrections", json=body)
    assert answer.status_code == 409
    assert "cannot be written" in answer.json()["detail"]


def test_reference_picks_are_paired_by_name(open_page: Pages, tmp_path: Path, folder: RunFolder) -> None:
    there = Picks(np.array([[1.0, 2.0], [3.0, 4.0]]), name="mic1_autopick")
    write_picks([there, Picks(np.array([[9.0, 9.0]]), name="other")], tmp_path / "truth.csv")
    reference = read_reference(
        [tmp_path / "truth.csv"],
        [Job(name, MicrographFile(Path(f"data/{name}.mrc"))) for name in ("mic0", "mic1")],
    )
    page = loaded(open_page(reference))
    assert page.get("/api/run").json()["reference"] == {"name": "truth.csv", "micrographs": 1, "picks": 2}
    assert page.get("/api/micrographs").json()["reference"] == [None, 2, None, None]
    assert page.get("/api/micrographs/1/picks").json()["reference"] == {"x": [1.0, 3.0], "y": [2.0, 4.0]}
    assert page.get("/api/micrographs/0/picks").json()["reference"] is None
    with pytest.raises(UsageError, match="none of these picks"):
        read_reference([tmp_path / "truth.csv"], [Job("elsewhere", MicrographFile(Path("elsewhere.mrc")))])


def test_a_large_run_is_shown_while_it_is_read(open_page: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "BATCH", 1)
    gate = threading.Event()
    read = index.record_of
    monkeypatch.setattr(index, "record_of", lambda job, folder: gate.wait(20) and read(job, folder))
    page = open_page()
    assert page.get("/api/micrographs").json()["state"] == ["reading"] * 4
    assert not histograms(page).any()
    gate.set()
    assert loaded(page).get("/api/micrographs").json()["state"][0] == "done"


def test_a_defect_is_told_without_its_inside(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryoglean.viewer.viewed_run import ViewedRun

    monkeypatch.setattr(ViewedRun, "info", lambda _: 1 / 0)
    answer = page.get("/api/run")
    assert answer.status_code == 500
    assert answer.json()["detail"].startswith("a defect in cryoglean, please report it: ZeroDivisionError")
    assert "content-security-policy" in answer.headers
