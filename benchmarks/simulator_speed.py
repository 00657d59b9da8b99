"""How fast the simulator is: micrographs of 4096 by 4096 pixels, and training tiles, on all processor cores.

Run: python benchmarks/simulator_speed.py [FOLDER_OF_STRUCTURES]
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from cryoglean.simulate import (
    ShardPlan,
    Structure,
    apoferritin_like,
    find_structures,
    load_structure,
    simulate_micrograph,
    write_shards,
)
from cryoglean.simulate.settings import SimulationConfig

TILES = 1024


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    files = tuple(find_structures(folder)) if folder else ()
    subjects = [apoferritin_like(), *(load_structure(f) for f in files if f.path.stem in ("7k00", "5wk1"))]
    for structure in subjects:
        time_micrograph(structure)
    time_tiles(files)


def time_micrograph(structure: Structure) -> None:
    config = SimulationConfig(pixel_size=(1.0, 1.0), coverage=(0.3, 0.3))
    start, used = time.perf_counter(), time.process_time()
    made = simulate_micrograph(structure, config, seed=1)
    print(
        f"4096 x 4096, {len(made.truth)} of {structure.name}: {time.perf_counter() - start:.1f} s, "
        f"{time.process_time() - used:.1f} s of processor"
    )


def time_tiles(files: tuple) -> None:
    workers = len(os.sched_getaffinity(0))
    plan = ShardPlan(SimulationConfig(), files, tiles=TILES, seed=1)
    started: dict[str, float] = {"structures": time.perf_counter()}

    def report(what: str, done: int, total: int) -> None:
        now = time.perf_counter()
        if what == "structures" and done == total:
            started["shards"] = now
            print(f"{total} structures projected in {now - started[what]:.0f} s")
        if what == "shards" and done == total:
            print(f"{TILES} tiles by {workers} processes: {TILES / (now - started[what]):.0f} a second")

    with tempfile.TemporaryDirectory() as folder:
        write_shards(Path(folder), plan, workers=workers, report=report)


if __name__ == "__main__":
    main()
