"""The 2D classes of a run on the page: what is shown of them, and rejecting one."""

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from cryoglean.corrections import read_corrections
from cryoglean.engine import RunFolder
from cryoglean.engine.classes import make_classes
from cryoglean.engine.register import read_jobs
from cryoglean.io.formats import read_picks
from tests.viewer.conftest import Pages
from tests.viewer.test_api import correct, loaded, until


@pytest.fixture
def classified(folder: RunFolder) -> RunFolder:
    """The run, with classes."""
    assert make_classes(folder) is not None
    return folder


@pytest.fixture
def page(open_page: Pages, classified: RunFolder) -> TestClient:
    """What the page of a run with classes asks with."""
    return loaded(open_page())


def members(page: TestClient, number: int) -> list[set[str]]:
    """Return the names of the candidates of a class, by micrograph."""
    every = [page.get(f"/api/micrographs/{k}/picks").json()["candidates"] for k in range(3)]
    return [
        {name for name, one in zip(found["id"], found["class_number"], strict=True) if one == number}
        for found in every
    ]


def deleted(folder: RunFolder) -> list[set[str]]:
    made = [read_corrections(folder.correction(job.key), job.name) for job in read_jobs(folder)[:3]]
    return [{f"{one.x:.3f},{one.y:.3f}" for one in each.deleted} for each in made]


def test_a_run_without_classes_says_so(open_page: Pages) -> None:
    page = loaded(open_page())
    assert page.get("/api/run").json()["classes_made"] is None
    assert page.get("/api/classes").json()["classes"] == []
    assert page.get("/api/classes/1/average").status_code == 404
    assert page.put("/api/classes/1", json={"rejected": True}).status_code == 404
    assert set(page.get("/api/micrographs/0/picks").json()["candidates"]["class_number"]) == {0}


def test_classes_are_those_that_the_run_keeps(page: TestClient, classified: RunFolder) -> None:
    table = page.get("/api/classes").json()
    kept = np.concatenate([picks.extra["rlnClassNumber"] for picks in read_picks(classified.class_particles)])
    counts = np.bincount(kept.astype(int))[1:]
    assert len(counts) > 1
    assert [one["number"] for one in table["classes"]] == list(range(1, len(counts) + 1))
    assert [one["picks"] for one in table["classes"]] == counts.tolist()
    assert (table["sorted"], table["picks"], table["current"]) == (len(kept), len(kept), True)
    for number, count in enumerate(counts, 1):
        assert sum(map(len, members(page, number))) == count


def test_averages_are_pictures_of_particles_in_the_middle(page: TestClient) -> None:
    encoded = page.get("/api/classes/1/average")
    assert encoded.headers["content-type"] == "image/png"
    average = cv2.imdecode(np.frombuffer(encoded.content, np.uint8), cv2.IMREAD_UNCHANGED).astype(float)
    side = average.shape[0]
    middle = average[side // 3 : -(side // 3), side // 3 : -(side // 3)]
    assert middle.mean() > average[:4].mean() + 20
    assert page.get("/api/classes/99/average").status_code == 404


def test_rejecting_a_class_deletes_its_picks_and_accepting_it_restores_just_those(
    page: TestClient, classified: RunFolder
) -> None:
    wanted = members(page, 1)
    mine = sorted(wanted[0])[0]
    correct(page, 0, {"op": "delete", "id": mine})
    reply = page.put("/api/classes/1", json={"rejected": True}).json()
    assert reply["picks"] == sum(map(len, wanted)) - 1
    assert deleted(classified) == wanted
    first = page.get("/api/classes").json()["classes"][0]
    assert first["deleted"] == first["picks"]
    # Nobody has looked at the micrographs by that.
    assert page.get("/api/micrographs").json()["looked_at"] == [False] * 4
    # Once is enough.
    assert page.put("/api/classes/1", json={"rejected": True}).json()["picks"] == 0

    assert page.put("/api/classes/1", json={"rejected": False}).json()["picks"] == reply["picks"]
    assert deleted(classified) == [{mine}, set(), set()]


def test_a_class_is_accepted_again_after_the_viewer_was_closed(
    page: TestClient, open_page: Pages, classified: RunFolder
) -> None:
    count = page.put("/api/classes/1", json={"rejected": True}).json()["picks"]
    open_page.end(page)
    again = loaded(open_page())
    # The results have followed, so the classes are of picks as they were.
    assert not again.get("/api/classes").json()["current"]
    assert again.put("/api/classes/1", json={"rejected": False}).json()["picks"] == count
    assert deleted(classified) == [set(), set(), set()]


def test_classes_that_are_made_while_the_page_is_open_are_shown(open_page: Pages, folder: RunFolder) -> None:
    page = loaded(open_page())
    before = page.get("/api/run").json()
    assert before["classes_made"] is None
    made = make_classes(folder)
    assert made is not None
    # The page asks what has changed, and then for all of it.
    asked = f"/api/changes?since={before['revision']}"
    until(lambda: page.get(asked).json()["changed"] == [0, 1, 2, 3])
    time = page.get(asked).json()["classes_made"]
    assert time == page.get("/api/run").json()["classes_made"] == page.get("/api/classes").json()["made"]
    assert time == pytest.approx(folder.class_table.stat().st_mtime)
    assert len(page.get("/api/classes").json()["classes"]) == len(made.classes.images)
    folder.class_table.write_text("spoiled")
    assert page.get("/api/run").json()["classes_made"] is None
