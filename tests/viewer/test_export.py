"""Picks to take away."""

import io
import zipfile
from pathlib import Path

import pytest
from scipy.spatial import cKDTree
from starlette.testclient import TestClient

from cryoglean.engine import RunFolder, reselect
from cryoglean.io.formats import DIALECTS, read_picks
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Picks


@pytest.fixture
def wanted(page: TestClient, folder: RunFolder) -> dict[str, Picks]:
    """Correct the run, and return what counts then."""
    best = page.get("/api/micrographs/0/picks").json()["candidates"]["id"][0]
    for number, operations in enumerate(
        (
            [{"op": "delete", "id": best}, {"op": "add", "id": "a", "x": 3, "y": 4}],
            [{"op": "reject", "value": True}],
        )
    ):
        body = {"base_revision": 0, "operations": operations}
        assert page.put(f"/api/micrographs/{number}/corrections", json=body).status_code == 200
    reselect(folder, SelectConfig())
    return {picks.name: picks for picks in read_picks(folder.table)}


@pytest.mark.parametrize("format_", list(DIALECTS))
def test_every_format_holds_the_corrected_picks(
    page: TestClient, wanted: dict[str, Picks], tmp_path: Path, format_: str
) -> None:
    answer = page.post("/api/export", json={"format": format_})
    assert answer.status_code == 200, answer.text
    name = answer.headers["content-disposition"].split('"')[1]
    assert name.startswith(f"run-{format_}.")
    source = tmp_path / name
    source.write_bytes(answer.content)
    if name.endswith(".zip"):
        zipfile.ZipFile(source).extractall(tmp_path)
        source = tmp_path / f"run-{format_}"
    found = {picks.name: picks for picks in read_picks(source, format=format_)}
    assert set(found) == set(wanted) == {"mic0", "mic2"}
    for micrograph, picks in wanted.items():
        there = found[micrograph].xy
        assert len(there) == len(picks)
        # Boxes have whole pixels.
        assert cKDTree(there).query(picks.xy)[0].max() < 0.75


def test_the_list_in_a_zip_is_one_that_relion_finds_files_by(
    page: TestClient, wanted: dict[str, Picks], tmp_path: Path, picked: Path
) -> None:
    answer = page.post("/api/export", json={"format": "relion"})
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert sorted(archive.namelist()) == [
        "run-relion/autopick.star",
        "run-relion/mic0_autopick.star",
        "run-relion/mic2_autopick.star",
    ]
    listed = archive.read("run-relion/autopick.star").decode()
    assert "run-relion/mic0_autopick.star" in listed
    assert str(picked / "data" / "mic0.mrc") in listed
    assert "cryoglean-export" not in listed


def test_another_threshold_can_be_exported(page: TestClient, wanted: dict[str, Picks]) -> None:
    def rows(**more: float) -> int:
        answer = page.post("/api/export", json={"format": "csv", **more})
        assert answer.status_code == 200
        return len(answer.text.splitlines()) - 1

    assert rows(min_score=0.0) > rows() == sum(map(len, wanted.values())) > rows(min_score=1.0) >= 1


def test_what_cannot_be_exported_is_told(page: TestClient, folder: RunFolder) -> None:
    answer = page.post("/api/export", json={"format": "../../etc/passwd"})
    assert answer.status_code == 422
    assert "no format is called" in answer.json()["detail"]
    assert page.post("/api/export", json={"format": "csv", "min_score": 2}).status_code == 422
    folder.corrections.mkdir(exist_ok=True)
    folder.correction("mic0").write_text("{")
    answer = page.post("/api/export", json={"format": "csv"})
    assert answer.status_code == 409
    assert "mic0.json" in answer.json()["detail"]
