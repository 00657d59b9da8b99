"""The page's types follow from the server's description of itself, so that must be whole and up to date."""

import json
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cryoglean.viewer import openapi

COMMITTED = Path(__file__).parents[2] / "page" / "openapi.json"
REMEDY = "run `python -m cryoglean.viewer.openapi page/openapi.json`, and `npm run schema` in page/"


def test_the_committed_document_is_what_the_server_says_of_itself(page: TestClient) -> None:
    if not COMMITTED.parent.is_dir():
        pytest.skip("the page's sources are not in this package")
    committed = COMMITTED.read_text(encoding="utf-8")
    assert json.loads(committed) == page.get("/api/openapi.json").json(), REMEDY
    assert committed == openapi.document(), REMEDY


def test_the_document_is_written_to_the_file_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["openapi", str(tmp_path / "openapi.json")])
    openapi.main()
    assert (tmp_path / "openapi.json").read_text(encoding="utf-8") == openapi.document()


def test_every_answer_has_a_type() -> None:
    document = json.loads(openapi.document())
    operations = [
        (path, operation) for path, methods in document["paths"].items() for operation in methods.values()
    ]
    assert len(operations) >= 15
    for path, operation in operations:
        (media_type, content), *others = operation["responses"]["200"]["content"].items()
        assert not others, path
        if media_type == "application/json":
            assert content["schema"]["$ref"].startswith("#/components/schemas/"), path
        problem = operation["responses"]["default"]["content"]["application/json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/Problem"}, path
