"""How quickly the viewer's server answers: a large run, and large micrographs.

Writes the records of a session as a run would, with a few micrographs behind them, starts `cryoglean view` on
it as its users do, and times what its page asks. Run as

    python benchmarks/viewer_server.py --micrographs 10000
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from cryoglean.engine import RunFolder
from cryoglean.engine.register import enrol
from cryoglean.engine.results import write_config
from cryoglean.engine.session import conclude
from cryoglean.io import write_mrc
from engine_ledger import CONFIG, write_session

REAL = 8
SIDE = 4096


class Page:
    """Asks as the page does, and tells how long each answer took, by the clock and of the server's cores."""

    def __init__(self, address: str, server: psutil.Process) -> None:
        self._server = server
        base, token = address.split("/?token=")
        self._client = httpx.Client(
            base_url=base, headers={"authorization": f"Bearer {token}"}, timeout=300, trust_env=False
        )

    def ask(self, what: str, path: str, *, method: str = "GET", **more: Any) -> httpx.Response:
        """Ask; tell how long that took, if `what` says what it is."""
        start, used = time.perf_counter(), self.used
        answer = self._client.request(method, f"/api/{path}", **more)
        passed, used = time.perf_counter() - start, self.used - used
        answer.raise_for_status()
        if what:
            print(
                f"{what}: {1e3 * passed:.0f} ms ({1e3 * used:.0f} of a core), {len(answer.content):,} bytes"
            )
        return answer

    @property
    def used(self) -> float:
        """Seconds of a core that the server has taken so far."""
        times = self._server.cpu_times()
        return times.user + times.system

    @property
    def memory(self) -> float:
        """Memory that the server holds, MiB."""
        return self._server.memory_info().rss / 2**20


def write_run(folder: Path, number: int) -> RunFolder:
    data, run = folder / "data", RunFolder(folder / "run")
    data.mkdir()
    noise = np.random.default_rng(0).normal(10, 2, (SIDE, SIDE)).astype(np.float32)
    write_mrc(data / "mic000000.mrc", noise, pixel_size=1.0)
    for k in range(1, number):
        path = data / f"mic{k:06d}.mrc"
        if k < REAL:
            shutil.copyfile(data / "mic000000.mrc", path)
        else:
            path.touch()
    jobs = enrol(run, sorted(data.iterdir()))
    write_config(run.config, CONFIG)
    write_session(jobs, run)
    conclude(jobs, run, CONFIG)
    return run


def time_server(page: Page) -> None:
    page.ask("the list, before anything is read", "micrographs")
    start, used = time.perf_counter(), page.used
    while (info := page.ask("", "run").json())["loaded"] < info["micrographs"]:
        time.sleep(0.1)
    passed, used = time.perf_counter() - start, page.used - used
    print(f"all records read: {passed:.1f} s ({used:.1f} of a core), while it answered")
    for time_of in ("first", "second"):
        page.ask(f"the list, {time_of} time", "micrographs")
        page.ask(f"all histograms, {time_of} time", "histograms")
    page.ask("nothing has changed", f"changes?since={page.ask('', 'run').json()['revision']}")
    candidates = page.ask("candidates of a micrograph", "micrographs/0/picks").json()["candidates"]["id"]
    for number in range(3):
        page.ask(f"first picture of {SIDE}² pixels", f"micrographs/{number}/image?level=2")
        page.ask("  the same, asked for before", f"micrographs/{number}/image?level=2")
        page.ask("  at full size", f"micrographs/{number}/image?level=0")
    page.ask("thumbnail", f"micrographs/{REAL - 1}/thumbnail")
    page.ask("  kept", f"micrographs/{REAL - 1}/thumbnail")
    deletions = [{"op": "delete", "id": name} for name in candidates[:100]]
    for what, steps in (("one correction", deletions[:1]), ("a hundred corrections", deletions)):
        body = {"base_revision": 0, "operations": steps}
        page.ask(what, "micrographs/0/corrections", method="PUT", json=body)
    for time_of in ("first", "second"):
        page.ask(f"what to correct, {time_of} time", "proposals")
    page.ask("another threshold", "threshold", method="PUT", json={"value": 0.625})
    page.ask("all picks as RELION's files, zipped", "export", method="POST", json={"format": "relion"})
    print(f"memory: {page.memory:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--micrographs", type=int, default=10_000)
    number = parser.parse_args().micrographs
    with tempfile.TemporaryDirectory() as name:
        run = write_run(Path(name), number)
        print(f"{number} micrographs")
        program = [sys.executable, "-c", "from cryoglean.cli import main; main()", "view", str(run.root)]
        start = time.perf_counter()
        with subprocess.Popen(
            [*program, "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                page = Page(server.stdout.readline().strip(), psutil.Process(server.pid))
                page.ask("", "run")
                print(f"started: {time.perf_counter() - start:.1f} s")
                time_server(page)
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
