"""How long coordinate files of 500,000 picks take to write and to read, in every format, in time of one core.

Run: python benchmarks/coordinate_files.py
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cryoglean.io.formats import DIALECTS, read_picks, write_picks
from cryoglean.types import Picks

MICROGRAPHS, PICKS = 1000, 500


def best_of(runs: int, action: Callable[[], Any]) -> float:
    times = []
    for _ in range(runs):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    rng = np.random.default_rng(0)
    run = [
        Picks(
            rng.uniform(0, 4000, (PICKS, 2)),
            score=rng.random(PICKS),
            diameter=120.0,
            name=f"mic_{i:04d}",
            shape=(4096, 4096),
            pixel_size=1.1,
        )
        for i in range(MICROGRAPHS)
    ]
    one = [
        Picks(
            np.concatenate([picks.xy for picks in run]),
            score=np.concatenate([picks.score for picks in run]),
            name="all",
        )
    ]
    print(f"{MICROGRAPHS * PICKS} picks of {MICROGRAPHS} micrographs, processor seconds (best of 3)")
    print(f"{'format':<28}{'files':>6}{'write':>8}{'read':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name in DIALECTS:
            report(name, run, Path(folder) / name)
        report("relion", one, Path(folder) / "all_autopick.star", label="relion, one micrograph")


def report(name: str, run: list[Picks], path: Path, *, label: str = "") -> None:
    files = write_picks(run, path, format=name)
    wrote = best_of(3, lambda: write_picks(run, path, format=name))
    source = path if path.is_file() or len(files) > 1 else files[0]
    read = best_of(3, lambda: read_picks(source, format=name))
    print(f"{label or name:<28}{len(files):>6}{wrote:>8.2f}{read:>8.2f}")


if __name__ == "__main__":
    main()
