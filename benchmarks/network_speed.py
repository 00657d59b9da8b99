"""Seconds and memory of the network picker, from file to STAR, on 4096 × 4096 micrographs.

    python benchmarks/network_speed.py [--diameters 100 150 200] [--size 4096] [--repeat 5]

A simulated micrograph is written once for every diameter; each repetition reads it, picks it and
writes a STAR file. Diameter and contrast are given, as a run knows them once it has looked at a few
micrographs. The first pick, which loads ONNX Runtime and the weights, is reported as start-up.
Of the others the fastest counts, since a shared machine only ever adds time.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from cryoglean.io import read_micrograph, write_mrc
from cryoglean.io.formats.relion import write_coordinates
from cryoglean.pickers.pixer.picker import NetworkPicker
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.select import select
from cryoglean.select.settings import SelectConfig
from cryoglean.types import ParticleSize


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--diameters", type=int, nargs="+", default=[100, 150, 200], help="pixels")
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--weights", default="general")
    options = parser.parse_args()
    cv2.setNumThreads(len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as folder:
        for diameter in options.diameters:
            path = Path(folder) / f"{diameter}.mrc"
            write_mrc(path, discs(options.size, diameter), pixel_size=1.0)
            size = ParticleSize(diameter, "dark")
            seconds, picks = time_picks(path, options.weights, size, repeat=options.repeat)
            print(
                f"{options.size}² at D = {diameter} px: {min(seconds[1:]):.2f} s a micrograph "
                f"(start-up {seconds[0] - min(seconds[1:]):.2f} s), {picks} picks"
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GiB on {cv2.getNumThreads()} cores")


def time_picks(path: Path, weights: str, size: ParticleSize, *, repeat: int) -> tuple[list[float], int]:
    """Seconds of each repetition, the first with start-up, and the number of picks."""
    seconds, count = [], 0
    for _ in range(repeat + 1):
        start = time.perf_counter()
        picker = NetworkPicker(NetworkConfig(weights=weights))
        picks = picker.find(read_micrograph(path), size)
        picks = select(picks, SelectConfig(min_score=picker.recommended_score))
        write_coordinates(picks, path.with_suffix(".star"))
        seconds.append(time.perf_counter() - start)
        count = len(picks)
    return seconds, count


def discs(size: int, diameter: int) -> np.ndarray:
    """Dark discs in noise: as many as lie in a well-filled micrograph."""
    rng = np.random.default_rng(diameter)
    image = rng.standard_normal((size, size), dtype=np.float32)
    step = int(1.6 * diameter)
    for y in range(step // 2, size, step):
        for x in range(step // 2, size, step):
            place = (rng.integers(-5, 6, 2) + np.array([x, y])).tolist()
            disc = np.zeros((diameter + 1, diameter + 1), np.float32)
            cv2.circle(disc, (diameter // 2, diameter // 2), diameter // 2, 0.4, cv2.FILLED)
            top, left = place[1] - diameter // 2, place[0] - diameter // 2
            part = image[max(top, 0) : top + diameter + 1, max(left, 0) : left + diameter + 1]
            part -= disc[: part.shape[0], : part.shape[1]]
    return image


if __name__ == "__main__":
    main()
