"""Fixtures that every test may use."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import settings

from cryoglean.cli import main

# A deadline for each example would test how busy the machine is, and examples that differ from run to run
# would lay a rare failure at the door of whoever comes by; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real micrographs, files of other programs and tools, which stands beside the project."""
    folder = Path(__file__).parents[1] / ".." / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the folder of real data is not beside the project")
    return folder.resolve()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium: the distribution's own, or that of `playwright install chromium`."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with playwright.sync_playwright() as started:
        try:
            opened = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(20190620)


class Outcome(NamedTuple):
    """What the program leaves: exit code, and what it printed to stdout and stderr."""

    code: int
    out: str
    err: str


@pytest.fixture
def cryoglean(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the program as its users do, without starting another process."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["cryoglean", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), printed.out, printed.err)

    return run
