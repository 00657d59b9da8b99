"""How much faster two workers are than one, and what Dask costs beside local processes.

Picks the same micrographs with one worker, two workers, and a Dask cluster of two local workers, in turns,
and prints the best rate of each and their ratios. Rates count from the first result to the last, so that they
are those of a long session. Other work on the machine spoils them. Run as

    python benchmarks/engine_workers.py MICROGRAPHS --copies 4
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.work import Outcome
from cryoglean.io import expand_inputs
from cryoglean.pickers.settings import PickConfig

WAYS = {
    "1 worker": EngineConfig(workers=1),
    "2 workers": EngineConfig(workers=2),
    "Dask, 2 workers": EngineConfig(workers=2, dask="local"),
}


def copies_of(paths: list[Path], number: int, folder: Path) -> list[Path]:
    """Give the same micrographs several times, as links under other names."""
    links = [folder / f"{k}_{path.name}" for k in range(number) for path in paths]
    for link, path in zip(links, paths * number, strict=True):
        link.symlink_to(path.absolute())
    return links


def rate(paths: list[Path], config: PickConfig, engine: EngineConfig) -> float:
    """Micrographs per second, from the first result to the last."""
    times: list[float] = []

    def report(event: object) -> None:
        if isinstance(event, Outcome):
            times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        pick(Run(paths, RunFolder(Path(folder)), config, engine), report)
    # The last results come one by one as workers run out of jobs; they would blur the rate.
    full = times[engine.workers or 1 : -(engine.workers or 1)]
    return (len(full) - 1) / (full[-1] - full[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--diameter", type=float, default=114.0, help="Å")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    config = PickConfig(diameter=options.diameter, contrast="dark")
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        paths = copies_of(expand_inputs([str(options.micrographs)]), options.copies, Path(folder))
        for _ in range(options.rounds):
            for way, engine in WAYS.items():
                rates[way].append(rate(paths, config, engine))
                print(f"{way}: {rates[way][-1]:.3f} micrographs per second", flush=True)
    best = {way: max(measured) for way, measured in rates.items()}
    print(f"{len(paths)} micrographs, best of {options.rounds}:")
    print(f"2 workers / 1 worker: {best['2 workers'] / best['1 worker']:.2f}")
    print(f"Dask / local processes: {best['Dask, 2 workers'] / best['2 workers']:.3f}")


if __name__ == "__main__":
    main()
