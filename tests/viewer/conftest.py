"""A small run, and the viewer on it: in this process, and as its users start it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from starlette.testclient import TestClient

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.settings import EngineConfig
from cryoglean.io import write_mrc
from cryoglean.pickers.settings import PickConfig
from cryoglean.viewer.api import build_app
from cryoglean.viewer.guard import Keys
from cryoglean.viewer.reference import ReferencePicks
from cryoglean.viewer.viewed_run import ViewedRun
from tests.engine.session_files import draw_micrograph

MICROGRAPHS = 4
KNOWN = PickConfig(diameter=96.0, contrast="dark", min_score=0.5)


@pytest.fixture(scope="session")
def picked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with micrographs and a run, which no test changes; the last micrograph is damaged."""
    root = tmp_path_factory.mktemp("picked")
    paths = [root / "data" / f"mic{k}.mrc" for k in range(MICROGRAPHS)]
    for seed, path in enumerate(paths):
        write_mrc(path, draw_micrograph(np.random.default_rng(seed), particles=9 + seed), pixel_size=4.0)
    paths[-1].write_bytes(b"damaged")
    pick(Run(paths, RunFolder(root / "run"), KNOWN, EngineConfig(workers=1)), lambda _: None)
    return root


@pytest.fixture
def folder(picked: Path, tmp_path: Path) -> RunFolder:
    """The run, for a test that changes it."""
    shutil.copytree(picked / "run", tmp_path / "run")
    return RunFolder(tmp_path / "run")


class Pages:
    """Serves a run in this process, once or several times, each time to a page that has the token."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._open: list[TestClient] = []

    def __call__(self, reference: ReferencePicks | None = None) -> TestClient:
        """Start a server; return what its page asks with."""
        keys = Keys()
        page = TestClient(
            build_app(ViewedRun(self._folder, reference), keys),
            base_url="http://127.0.0.1:8000",
            headers={"authorization": f"Bearer {keys.token}"},
            raise_server_exceptions=False,
        )
        self._open.append(page)
        return page.__enter__()

    def end(self, page: TestClient) -> None:
        """End a server."""
        self._open.remove(page)
        page.__exit__(None, None, None)

    def end_all(self) -> None:
        """End those that still go on."""
        while self._open:
            self.end(self._open[-1])


@pytest.fixture
def open_page(folder: RunFolder) -> Iterator[Pages]:
    """Serve the run in this process."""
    pages = Pages(folder)
    yield pages
    pages.end_all()


@pytest.fixture
def page(open_page: Pages) -> TestClient:
    """What the page asks with."""
    return open_page()


@dataclass(frozen=True)
class Served:
    """The program, as it serves a run.

    Parameters
    ----------
    port : int
        Where it listens.
    token : str
        What opens it.
    process : int
        Its number.
    """

    port: int
    token: str
    process: int

    def ask(
        self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str | None
    ) -> HTTPResponse:
        """Send a request just as it is said here; a header that is None is left out."""
        wanted = {"host": f"127.0.0.1:{self.port}", "authorization": f"Bearer {self.token}"}
        wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in wanted.items():
            if value is not None:
                connection.putheader(name, value)
        if body is not None and "content-length" not in wanted and "transfer-encoding" not in wanted:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        return connection.getresponse()


@pytest.fixture(scope="session")
def served(picked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Start `cryoglean view` as a process of its own, on a run that tests do not change."""
    run = tmp_path_factory.mktemp("served") / "run"
    shutil.copytree(picked / "run", run)
    command = [
        sys.executable,
        "-c",
        "from cryoglean.cli import main; main()",
        "view",
        str(run),
        "--no-browser",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().strip())
        assert address.hostname == "127.0.0.1"
        assert address.port is not None
        served = Served(address.port, parse_qs(address.query)["token"][0], process.pid)
        yield served
        process.terminate()
        assert process.wait(60) in (0, -15, 143)
