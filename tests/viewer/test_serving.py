"""The program as its users start and end it."""

import json
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlsplit

import pytest

from cryoglean.engine import RunFolder
from cryoglean.io.formats import read_picks
from tests.viewer.conftest import Served


def test_small_answers_come_at_once(served: Served) -> None:
    # Nagle's algorithm would hold each back for 40 ms; the quickest of many tells, however busy the machine.
    connection = HTTPConnection("127.0.0.1", served.port, timeout=60)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        connection.request(
            "GET", "/api/changes?since=9999", headers={"authorization": f"Bearer {served.token}"}
        )
        assert connection.getresponse().read()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.035


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_all_written(folder: RunFolder, number: signal.Signals) -> None:
    program = [sys.executable, "-c", "from cryoglean.cli import main; main()"]
    command = [*program, "view", str(folder.root), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = urlsplit(process.stdout.readline().strip())
        served = Served(address.port or 0, parse_qs(address.query)["token"][0], process.pid)
        steps = [{"op": "add", "id": "a", "x": 7.5, "y": 8.25}]
        body = json.dumps({"base_revision": 0, "operations": steps}).encode()
        path = "/api/micrographs/0/corrections"
        assert served.ask(path, method="PUT", body=body, content_type="application/json").status == 200
        process.send_signal(number)
        assert process.wait(60) in (0, 128 + number, -number)
        assert "Traceback" not in process.stderr.read()
    assert [7.5, 8.25] in read_picks(folder.table)[0].xy.tolist()
