"""What a run costs beside picking: files, bytes and time of the ledger, of going on, of selecting anew.

Writes the records of a session as a run would, then times what happens at a second start, when the results of
the whole run are written, when another threshold is tried, and when the report is. Then local processes and
Dask do jobs that are nothing but a record of failure, which is the rate that spreading alone allows. Run as

    python benchmarks/engine_ledger.py --micrographs 10000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cryoglean.engine import Run, RunFolder, pick, reselect
from cryoglean.engine.ledger import Record, identify, rounded
from cryoglean.engine.plan import Job
from cryoglean.engine.register import enrol
from cryoglean.engine.results import collect, write_config
from cryoglean.engine.session import missing_jobs
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.work import Task, file_results
from cryoglean.pickers.settings import PickConfig
from cryoglean.report.run_report import write_report
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Picks

CANDIDATES, PICKS = 1500, 300
EMPTY = 3000
WAYS = {
    "2 local processes": EngineConfig(workers=2),
    "Dask, 2 local workers": EngineConfig(workers=2, dask="local"),
}
CONFIG = PickConfig(diameter=120.0, contrast="dark", min_score=0.5, method="unsupervised")


def candidates(name: str, rng: np.random.Generator) -> Picks:
    """Candidates on a jittered grid, a fifth of which are picks."""
    row, column = np.divmod(np.arange(CANDIDATES), 39)
    xy = np.column_stack([column, row]) * 105.0 + rng.uniform(0, 40, (CANDIDATES, 2))
    score = rng.uniform(0, 0.5, CANDIDATES)
    score[:PICKS] += 0.5
    return rounded(Picks(xy, score, 120.0, name=name, shape=(4096, 4096), pixel_size=1.0))


def write_session(jobs: list[Job], folder: RunFolder) -> None:
    rng = np.random.default_rng(0)
    for job in jobs:
        record = Record(
            job.name,
            job.micrograph.listed,
            CONFIG,
            identify(job.path),
            candidates(job.name, rng),
            file=job.micrograph.location,
            key=job.key,
        )
        file_results(record, folder)


def timed(what: str, number: int, action: Callable[[], object]) -> None:
    start, wall = time.process_time(), time.perf_counter()
    action()
    used, passed = time.process_time() - start, time.perf_counter() - wall
    print(f"{what}: {1e3 * used / number:.3f} ms each ({used:.1f} s of a core, {passed:.1f} s by the clock)")


def rate_of_empty_jobs(paths: list[Path], folder: RunFolder, engine: EngineConfig) -> float:
    """Jobs per second where each finds an empty file and says so."""
    return len(paths) / pick(Run(paths, folder, CONFIG, engine), lambda _: None).seconds


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--micrographs", type=int, default=10_000)
    number = parser.parse_args().micrographs
    with tempfile.TemporaryDirectory() as name:
        data, folder = Path(name) / "data", RunFolder(Path(name) / "run")
        data.mkdir()
        for k in range(number):
            (data / f"mic{k:06d}.mrc").touch()
        jobs = enrol(folder, sorted(data.iterdir()))
        write_config(folder.config, CONFIG)
        print(f"{number} micrographs, {CANDIDATES} candidates and {PICKS} picks each")
        timed("records and coordinate files written", number, lambda: write_session(jobs, folder))
        record, star = (size_of(part) / number for part in (folder.jobs, folder.stars))
        print(f"bytes each: record {record:.0f}, coordinates {star:.0f}")
        task = Task(folder, CONFIG)
        timed("found to be done at a second start", number, lambda: missing_jobs(jobs, task))
        timed("results of the whole run written", number, lambda: collect(jobs, folder, CONFIG))
        timed("another threshold", number, lambda: reselect(folder, SelectConfig(min_score=0.7)))
        timed("the report", number, lambda: write_report(folder))
        size = folder.report.stat().st_size / 1e6
        print(f"size of the report, but for nine pictures of micrographs: {size:.2f} MB")
        paths = [job.path for job in jobs[:EMPTY]]
        for way, engine in WAYS.items():
            rate = rate_of_empty_jobs(paths, RunFolder(Path(name) / way), engine)
            print(f"{way}: {rate:.0f} empty jobs per second, its start included")


if __name__ == "__main__":
    main()
