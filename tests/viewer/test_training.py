"""What the page proposes, and training from it."""

from pathlib import Path

import psutil
import pytest
from starlette.testclient import TestClient

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.settings import EngineConfig
from cryoglean.viewer.training import can_train
from tests.viewer.conftest import KNOWN, Pages
from tests.viewer.test_api import correct, loaded, until

needs_torch = pytest.mark.skipif(not can_train(), reason="training needs the extra 'train'")


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def ended(page: TestClient, seconds: float = 300.0) -> dict[str, object]:
    until(lambda: page.get("/api/training").json()["state"] != "running", seconds)
    return page.get("/api/training").json()


def test_micrographs_are_proposed_by_number(page: TestClient) -> None:
    found = loaded(page).get("/api/proposals").json()
    proposed = [one["index"] for one in found["for_training"]]
    assert 0 < len(proposed) <= 3
    assert all("expected" in one["reason"] for one in found["for_training"])
    assert sorted(one["index"] for one in found["for_threshold"]) == [0, 1, 2]
    assert all("as the defocus is not known" in one["reason"] for one in found["for_threshold"])
    correct(page, proposed[0], {"op": "looked_at", "value": True})
    correct(page, 2, {"op": "reject", "value": True})
    found = page.get("/api/proposals").json()
    assert not {proposed[0], 2} & {one["index"] for one in found["for_training"]}
    assert sorted(one["index"] for one in found["for_threshold"]) == [0, 1]


def test_a_subset_spans_the_defocus_where_it_is_known(page: TestClient, folder: RunFolder) -> None:
    folder.defocus.write_text("micrograph,defocus\nmic0,21000\nmic1,9000\nmic2,15000\n")
    found = loaded(page).get("/api/proposals").json()["for_threshold"]
    assert [(one["index"], one["reason"]) for one in found] == [
        (1, "defocus 0.90 µm"),
        (2, "defocus 1.50 µm"),
        (0, "defocus 2.10 µm"),
    ]


def test_before_training_there_is_none(page: TestClient) -> None:
    state = page.get("/api/training").json()
    assert (state["state"], state["before"], state["log_tail"]) == ("idle", None, [])
    assert page.delete("/api/training").json()["state"] == "idle"
    assert page.get("/api/run").json()["can_train"] is can_train()


@pytest.mark.parametrize("start", ["", "../general", "..", "/etc", "a b", "-x", "--out", "general;ls"])
def test_weights_are_named_and_not_sought_elsewhere(page: TestClient, start: str) -> None:
    assert page.post("/api/training", json={"start": start}).status_code == 422
    for minutes in (0, -1, 1e9, "long"):
        assert page.post("/api/training", json={"minutes": minutes}).status_code == 422
    assert page.get("/api/training").json()["state"] == "idle"


def test_why_it_fails_is_told(page: TestClient) -> None:
    # Nothing was corrected; where torch is missing, that is told.
    assert page.post("/api/training", json={"minutes": 0.1}).json()["state"] == "running"
    state = ended(page)
    assert state["state"] == "failed"
    wanted = "no corrections to learn from" if can_train() else "pip install"
    assert wanted in " ".join([state["message"], *state["log_tail"]])
    assert "Traceback" not in " ".join(state["log_tail"])
    # To stop what has ended changes nothing.
    assert page.delete("/api/training").json() == state


def test_it_goes_on_once_and_ends_when_it_shall(open_page: Pages) -> None:
    page = open_page()
    before = children()
    page.post("/api/training", json={"minutes": 1})
    (process,) = children() - before
    again = page.post("/api/training", json={"minutes": 1})
    assert again.status_code == 409
    assert "running already" in again.json()["detail"]
    assert page.delete("/api/training").json()["state"] == "stopped"
    assert not psutil.pid_exists(process)
    # It ends with the viewer too.
    page.post("/api/training", json={"minutes": 1})
    (process,) = children() - before
    open_page.end(page)
    assert not psutil.pid_exists(process)


@needs_torch
@pytest.mark.slow
def test_the_picker_learns_from_corrections(picked: Path, open_page: Pages, folder: RunFolder) -> None:
    page = loaded(open_page())
    for number in range(3):
        correct(page, number, {"op": "looked_at", "value": True}, {"op": "add", "id": "a", "x": 9, "y": 9})
    page.post("/api/training", json={"minutes": 0.1})
    seen: set[str] = set()

    def over() -> bool:
        state = page.get("/api/training").json()
        seen.add(state["message"])
        return state["state"] != "running"

    until(over, 600)
    state = page.get("/api/training").json()
    assert state["state"] == "done", state
    assert len(seen) > 3
    assert set(state["before"]) == set(state["after"]) >= {"f1", "precision", "recall"}
    weights = Path(state["weights"])
    assert weights == folder.root / "weights" / "fine-tuned-1"
    config = KNOWN.changed(method="network", weights=str(weights))
    out = RunFolder(folder.root.parent / "picked-again")
    summary = pick(Run([picked / "data" / "mic0.mrc"], out, config, EngineConfig(workers=1)), print).summary
    assert summary.picks > 0
