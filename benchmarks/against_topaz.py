"""Time the network picker and Topaz on the same micrograph in the same run, from file to coordinates.

    pip install topaz-em
    python benchmarks/against_topaz.py MICROGRAPH.mrc [--diameter 114] [--scale 4] [--threads 2] [--rounds 3]

Both run as their users run them, as programs. Topaz shrinks the micrograph (`topaz preprocess --scale`) and
picks with its pre-trained network on the CPU. What each takes for a corner of the micrograph, next to nothing
but starting, is measured as well and taken away. Other work on the machine spoils the times.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cryoglean.io import read_micrograph, write_mrc

CORNER_PX = 512
"""Side of the corner that tells what starting takes."""


class Cost(NamedTuple):
    """What a program took: seconds by the clock, and its largest memory in MiB."""

    seconds: float
    memory: float


def run(arguments: Sequence[str], threads: int) -> Cost:
    """Run a program to its end, silently."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": ""}
    start = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    child = os.posix_spawnp(arguments[0], list(arguments), environment, file_actions=quiet)
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(arguments)}")
    return Cost(time.perf_counter() - start, used.ru_maxrss / 1024)


def best(commands: Sequence[Sequence[str]], threads: int, rounds: int) -> Cost:
    """Smallest time of the commands one after the other, and the largest memory of any."""
    costs = [
        [run([part.replace("ROUND", str(k)) for part in command], threads) for command in commands]
        for k in range(rounds)
    ]
    return Cost(
        min(sum(cost.seconds for cost in one) for one in costs),
        max(cost.memory for one in costs for cost in one),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("micrograph", type=Path)
    parser.add_argument("--diameter", type=float, default=114.0, help="Å")
    parser.add_argument("--scale", type=int, default=4, help="Topaz's down-sampling")
    parser.add_argument("--radius", type=int, default=14, help="Topaz's radius, pixels after down-sampling")
    parser.add_argument("--model", default="resnet8_u64", help="Topaz's network")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    ours = shutil.which("cryoglean") or "cryoglean"
    topaz = [sys.executable, "-m", "topaz.main"]
    with tempfile.TemporaryDirectory() as folder:
        corner = Path(folder) / "corner.mrc"
        micrograph = read_micrograph(chosen.micrograph)
        write_mrc(corner, micrograph.data[:CORNER_PX, :CORNER_PX], pixel_size=micrograph.pixel_size)

        def pick(path: Path) -> list[list[str]]:
            given = ["--diameter", str(chosen.diameter), "--contrast", "dark"]
            given += ["--workers", str(chosen.threads), "--no-report"]
            # A second start in the same folder would find all done.
            return [
                [
                    ours,
                    "pick",
                    str(path),
                    "--method",
                    "network",
                    *given,
                    "--out",
                    f"{folder}/{path.stem}ROUND",
                ]
            ]

        def topaz_pick(path: Path) -> list[list[str]]:
            shrink = [*topaz, "preprocess", "-s", str(chosen.scale), "-o", f"{folder}/small", str(path)]
            extract = [*topaz, "extract", "-m", chosen.model, "-r", str(chosen.radius), "-d", "-1"]
            return [shrink, [*extract, "-o", f"{folder}/topaz.txt", f"{folder}/small/{path.name}"]]

        starts = {
            "cryoglean": best(pick(corner), chosen.threads, chosen.rounds),
            "Topaz": best(topaz_pick(corner), chosen.threads, chosen.rounds),
        }
        whole = {
            "cryoglean": best(pick(chosen.micrograph), chosen.threads, chosen.rounds),
            "Topaz": best(topaz_pick(chosen.micrograph), chosen.threads, chosen.rounds),
        }
    beyond = {name: whole[name].seconds - starts[name].seconds for name in whole}
    print("| program | whole, s | of that start, s | beyond, s | memory, MiB |\n|---|---|---|---|---|")
    for name, cost in whole.items():
        times = f"{cost.seconds:.2f} | {starts[name].seconds:.2f} | {beyond[name]:.2f}"
        print(f"| {name} | {times} | {cost.memory:.0f} |")
    print(f"\ncryoglean is {beyond['Topaz'] / beyond['cryoglean']:.0f} times as fast.")


if __name__ == "__main__":
    main()
