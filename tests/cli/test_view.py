import importlib.util
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.settings import EngineConfig
from cryoglean.io import write_mrc
from cryoglean.pickers.settings import PickConfig
from cryoglean.viewer import serving
from cryoglean.viewer.guard import Keys
from tests.conftest import Outcome
from tests.engine.session_files import draw_micrograph

KEYS = Keys("the-token", "the-page", "the-once")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "mic.mrc"
    write_mrc(path, draw_micrograph(np.random.default_rng(0), particles=9), pixel_size=4.0)
    config = PickConfig(diameter=96.0, contrast="dark")
    pick(Run([path], RunFolder(tmp_path / "run"), config, EngineConfig(workers=1)), lambda _: None)
    return tmp_path / "run"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that the browser was asked to open, while nothing is served."""
    addresses: list[str] = []

    def serve(_: object, *, port: int, ready: Callable[[int, Keys], None]) -> None:
        ready(port or 4711, KEYS)

    monkeypatch.setattr(serving, "serve", serve)
    monkeypatch.setattr("webbrowser.open", addresses.append)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    return addresses


def test_the_address_is_printed_and_opened(
    cryoglean: Callable[..., Outcome], run: Path, opened: list[str]
) -> None:
    told = cryoglean("view", run)
    assert told.out == "http://127.0.0.1:4711/?token=the-token\n"
    assert opened == ["http://127.0.0.1:4711/?once=the-once"]
    assert "ssh" not in told.err


@pytest.mark.parametrize("by_ssh", [True, False])
def test_on_a_cluster_the_way_there_is_told(
    cryoglean: Callable[..., Outcome],
    run: Path,
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
    by_ssh: bool,
) -> None:
    options = [] if by_ssh else ["--no-browser"]
    if by_ssh:
        monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5000 10.0.0.2 22")
    told = cryoglean("view", run, "--port", 8765, *options)
    assert opened == []
    assert told.out == "http://127.0.0.1:8765/?token=the-token\n"
    assert "ssh -N -L 8765:127.0.0.1:8765 " in told.err
    assert socket.gethostname() in told.err


def test_a_folder_that_is_no_run_is_refused(cryoglean: Callable[..., Outcome], tmp_path: Path) -> None:
    told = cryoglean("view", tmp_path)
    assert told.code == 1
    assert "name the folder that `cryoglean pick --out` wrote" in told.err


def test_picks_to_compare_with_must_be_there(cryoglean: Callable[..., Outcome], run: Path) -> None:
    told = cryoglean("view", run, "--reference", run / "nothing.star")
    assert told.code == 1
    assert "nothing.star" in told.err


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_is_told(cryoglean: Callable[..., Outcome], run: Path, taken: int) -> None:
    told = cryoglean("view", run, "--no-browser", "--port", taken)
    assert told.code == 2
    assert f"--port {taken}" in told.err
    assert told.out == ""


def test_the_extra_is_named_where_it_is_missing(
    cryoglean: Callable[..., Outcome], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "fastapi" else find(name))
    told = cryoglean("view", run)
    assert told.code == 2
    assert "pip install 'cryoglean[view]'" in told.err
