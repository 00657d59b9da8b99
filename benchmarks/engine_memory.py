"""Memory of a run over many micrographs: flat, and how high for the largest.

Picks one micrograph of 11520 × 8184 pixels with each method, in a process of its own, and prints the peaks.
Then picks many small ones with two workers and samples the memory of the whole run (what parent and workers
share with no other process) after each; prints the level early and late and the slope between, and draws the
curve. Run as

    python benchmarks/engine_memory.py --micrographs 2000 --figure docs/images/engine-memory.png
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import psutil
from numpy.typing import NDArray

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.work import Outcome
from cryoglean.io import write_mrc
from cryoglean.pickers.settings import PickConfig
from cryoglean.report.run_report import write_report

DIAMETER_PX = 100
LARGEST = (8184, 11520)
KNOWN = PickConfig(diameter=DIAMETER_PX, contrast="dark")
MIB = 2**20


def draw_discs(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise with dark discs on a tenth of it."""
    image = rng.standard_normal(shape, np.float32)
    half = DIAMETER_PX // 2
    y, x = np.mgrid[-half:half, -half:half]
    disc = np.float32(y**2 + x**2 < half**2)
    for _ in range(image.size // (10 * half**2 * 3)):
        row, column = (rng.integers(half, n - half) for n in shape)
        image[row - half : row + half, column - half : column + half] -= disc
    return image


def memory_of_all() -> float:
    """MiB that this process and all that it has started have for themselves."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(process.memory_full_info().uss for process in family) / MIB


def sampled(paths: list[Path], folder: Path) -> NDArray[np.float64]:
    """Memory after each micrograph, MiB."""
    levels: list[float] = []

    def report(event: object) -> None:
        if isinstance(event, Outcome):
            levels.append(memory_of_all())

    pick(Run(paths, RunFolder(folder), KNOWN, EngineConfig(workers=2)), report)
    return np.array(levels)


def print_peaks_of_largest(folder: Path) -> None:
    """Report the peak memory of picking the largest micrograph."""
    write_mrc(folder / "large.mrc", draw_discs(LARGEST, np.random.default_rng(0)), pixel_size=1.0)
    ny, nx = LARGEST
    for method, diameter in itertools.product(("unsupervised", "network"), (None, 100, 60)):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peak = pool.apply(_pick_alone, (folder, method, diameter))
        print(f"{nx} x {ny} pixels, {method}, particles of {diameter} pixels: {peak:.0f} MiB", flush=True)


def _pick_alone(folder: Path, method: str, diameter: float | None) -> float:
    """Peak memory of this process, MiB; what its parent took before does not count."""
    out = RunFolder(folder / f"{method}_{diameter}")
    pick(Run([folder / "large.mrc"], out, PickConfig(method=method, diameter=diameter)), lambda _: None)
    write_report(out)
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def plot(levels: NDArray[np.float64], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    axes.plot(levels, color="#3b528b", linewidth=0.8)
    axes.set(xlabel="micrographs picked", ylabel="memory, MiB", ylim=(0, 1.2 * levels.max()))
    axes.set_title("Memory of a run with two workers", loc="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--micrographs", type=int, default=2000)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, rng = Path(name), np.random.default_rng(0)
        print_peaks_of_largest(folder)
        for k in range(20):
            write_mrc(folder / f"{k}.mrc", draw_discs((options.side, options.side), rng), pixel_size=1.0)
        paths = [folder / "session" / f"{k:05d}.mrc" for k in range(options.micrographs)]
        (folder / "session").mkdir()
        for k, path in enumerate(paths):
            path.hardlink_to(folder / f"{k % 20}.mrc")
        levels = sampled(paths, folder / "run")
    early, late = np.median(levels[len(levels) // 10 :][:100]), np.median(levels[-100:])
    steady = np.arange(len(levels) // 10, len(levels))
    slope = np.polyfit(steady, levels[steady], 1)[0]
    print(f"{len(levels)} micrographs of {options.side}²: {early:.0f} MiB early, {late:.0f} MiB late")
    print(f"slope {1024 * slope:.1f} KiB per micrograph, peak {levels.max():.0f} MiB")
    if options.figure:
        plot(levels, options.figure)


if __name__ == "__main__":
    main()
