"""Ctrl-C and SIGTERM end the program within seconds at any moment, and leave nothing half written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from cryoglean.io import write_mrc

SECONDS = 3.0
START = "import sys; from cryoglean.cli import main; sys.argv[0] = 'cryoglean'; main()"
GUARDED = """
from cryoglean.cli.stopping import *
ready = lambda: print('ready', flush=True)
with ending_promptly():
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Micrographs in which it takes long to measure particles."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(0)
    for number in range(4):
        write_mrc(folder / f"{number}.mrc", rng.normal(size=(3000, 3000)).astype(np.float32), pixel_size=1.5)
    return folder


def ended(process: subprocess.Popen[str], number: signal.Signals, *, group: bool = False) -> str:
    """Send a signal, make sure that it ends in time and as it should, and return what it said."""
    family = [process, *psutil.Process(process.pid).children(recursive=True)]
    sent = time.monotonic()
    if group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, said = process.communicate(timeout=60)
    took = time.monotonic() - sent
    assert process.returncode == 128 + number, said
    assert took < SECONDS
    assert "Traceback" not in said
    assert "stopped" in said
    _, alive = psutil.wait_procs([one for one in family if isinstance(one, psutil.Process)], timeout=SECONDS)
    assert alive == []
    return said


def started(*arguments: object, cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0.4, 0.8, 1.5, 3.0, 5.0])
def test_while_a_run_starts_and_measures_its_particles(
    large: Path, tmp_path: Path, *, number: signal.Signals, seconds: float
) -> None:
    command = ("pick", large, "--out", tmp_path / "run", "--workers", 1, "--no-report")
    process = started("-c", START, *command)
    time.sleep(seconds)
    ended(process, number, group=True)


@pytest.mark.parametrize("verb", ["doctor", "preprocess", "simulate", "info", "extract"])
def test_every_verb(large: Path, tmp_path: Path, verb: str) -> None:
    more = {
        "doctor": [large],
        "preprocess": [large, "--stages", "pre"],
        "simulate": ["--out", "made", "--count", 8, "--workers", 2, "--size", 4096, 4096],
        "info": [*[large] * 200],
        "extract": ["none.star", "--micrographs", *[large], "--out", "cut"],
    }[verb]
    process = started("-c", START, verb, *more, cwd=tmp_path)
    time.sleep(0.9)
    if process.poll() is None:
        ended(process, signal.SIGINT, group=True)
    else:
        _, said = process.communicate()
        assert verb in ("info", "extract"), said
        assert "Usage:" not in said
    assert list(tmp_path.rglob(".*partial*")) == []


def test_a_verb_whose_worker_processes_are_at_work(tmp_path: Path) -> None:
    process = started(
        *("-c", START, "simulate", "--out", "made", "--count", 50, "--workers", 2),
        *("--size", 2048, 2048),
        cwd=tmp_path,
    )
    while not list(tmp_path.rglob("*.mrc")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    ended(process, signal.SIGINT, group=True)


def test_one_long_call_of_a_library() -> None:
    process = started("-c", GUARDED + "    ready(); import numpy as np; np.linalg.svd(np.eye(6000) + 1)")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.5)
    ended(process, signal.SIGTERM)


def test_who_looks_at_the_event_ends_by_himself() -> None:
    waits = "ready(); stop.event.wait(30); print('done', file=sys.stderr)"
    process = started("-c", f"{GUARDED}    with gently('it goes on') as stop: {waits}\n")
    assert process.stdout is not None
    process.stdout.readline()
    assert ended_with(process) == "done\nit goes on\n"


def ended_with(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    return said


def test_who_does_not_look_at_the_event_is_interrupted_and_tidies_up() -> None:
    deaf = (
        "    with gently('it goes on'):\n"
        "        ready()\n"
        "        try:\n"
        "            while True: time.sleep(0.01)\n"
        "        finally: print('tidied up', file=sys.stderr)\n"
    )
    process = started("-c", GUARDED + deaf)
    assert process.stdout is not None
    process.stdout.readline()
    started_at = time.monotonic()
    assert ended_with(process) == "tidied up\nit goes on\n"
    assert time.monotonic() - started_at < SECONDS


def test_a_second_signal_ends_it_at_once() -> None:
    process = started("-c", f"{GUARDED}    with gently('it goes on'): ready(); time.sleep(30)\n")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert time.monotonic() - sent < 0.6


def test_signals_are_as_before_where_nothing_was_stopped() -> None:
    from cryoglean.cli.stopping import ending_promptly, gently

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with ending_promptly() as outer, gently("it goes on") as inner:
        assert inner is outer
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == -1
