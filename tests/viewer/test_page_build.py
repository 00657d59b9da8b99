"""The page in the package is the one whose sources are beside it; told without Node."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from cryoglean.viewer.api import STATIC

PAGE = Path(__file__).parents[2] / "page"
SOURCES = (
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
    "public",
    "src",
)
REMEDY = "run `npm ci && npm run build` in page/ and commit what it makes"


def digest(paths: list[Path], below: Path) -> str:
    """Compute what `page/vite.config.ts` writes into the manifest."""
    whole = hashlib.sha256()
    for name, path in sorted((path.relative_to(below).as_posix(), path) for path in paths):
        whole.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).hexdigest().encode())
    return whole.hexdigest()


def files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]


@pytest.fixture
def manifest() -> dict[str, str]:
    return json.loads((STATIC / "manifest.json").read_text())


def test_page_is_built_from_the_sources_beside_it(manifest: dict[str, str]) -> None:
    if not PAGE.is_dir():
        pytest.skip("the page's sources are not in this package")
    sources = [path for name in SOURCES for path in files(PAGE / name)]
    assert manifest["sources"] == digest(sources, PAGE), f"the page's sources were changed: {REMEDY}"


def test_built_files_are_as_they_were_built(manifest: dict[str, str]) -> None:
    built = [path for path in files(STATIC) if path.name != "manifest.json"]
    assert manifest["built"] == digest(built, STATIC), f"the built page was changed: {REMEDY}"


def test_page_loads_nothing_from_elsewhere_and_runs_nothing_inline() -> None:
    index = (STATIC / "index.html").read_text()
    assert "//" not in index.replace("<!--", "")
    assert "<script>" not in index
    assert "<style" not in index
    assert " style=" not in index
    for name in index.split('"'):
        if name.startswith("/assets/"):
            assert (STATIC / name.lstrip("/")).is_file()
    # Names of languages look like addresses, and are none.
    texts = [path.read_text() for path in files(STATIC)]
    addresses = {found for text in texts for found in re.findall(r"\w+://[^\"'`\s]*", text)}
    assert all(address.startswith("http://www.w3.org/") for address in addresses), addresses
