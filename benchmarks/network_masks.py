"""How well masks of particles of unseen families fit, by signal-to-noise ratio and by weights.

    python benchmarks/network_masks.py STRUCTURES [--weights general …] [--figure FILE.png]

STRUCTURES is a folder with an INDEX.tsv; only families on which no network was trained are used, those of
the splits 'test' and 'validation' (which serves to watch the training and to calibrate scores). As in the
PIXER paper, micrographs hold particles of 100 to 256 pixels, conditions are drawn at random, and the ratio
of signal to noise is measured: Σ clean² / Σ (noisy − clean)² of the micrograph as recorded; in decibels 10
log10. Overlap is that of each whole particle with what was found of it, common over joint area, at the
micrograph's own pixels. The error of a mean is that of drawing other structures, and micrographs with them.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cryoglean.dataset.shards import Split, split_of
from cryoglean.evaluate import particle_overlaps
from cryoglean.pickers.pixer.picker import NetworkPicker
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.simulate import Structure, find_structures, load_structure, simulate_micrograph
from cryoglean.simulate.micrograph import Simulated
from cryoglean.simulate.settings import SimulationConfig
from cryoglean.types import ParticleSize

HELD_OUT: tuple[Split, ...] = ("test", "validation")
"""Splits whose families no network learnt from."""
EDGES_DB = (-30, -25, -20, -15, -10, 0)
"""Between which ratios micrographs are gathered, dB."""
MIN_DB = -20.0
"""A ratio of 0.01, the lowest of the paper."""
REACH = 0.5
"""A falsely found pixel within so many diameters of a particle spoils that particle's mask."""


@dataclass(frozen=True, eq=False)
class Field:
    """One micrograph: its structure and its split, its signal-to-noise ratio, and the overlaps by weights."""

    structure: str
    split: Split
    snr_db: float
    overlaps: dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("structures", type=Path)
    parser.add_argument("--weights", nargs="+", default=["general"])
    parser.add_argument("--splits", nargs="+", default=HELD_OUT, choices=HELD_OUT)
    parser.add_argument("--count", type=int, default=644, help="micrographs, as many of each structure")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, help="box plots, PNG")
    options = parser.parse_args()
    held_out = [
        (file, split)
        for file in find_structures(options.structures)
        if (split := split_of(file.family)) in options.splits
    ]
    fields = []
    for number in range(options.count):
        file, split = held_out[number % len(held_out)]
        structure = load_structure(file)
        made = clean_field(structure, seed=options.seed + number)
        overlaps = {weights: overlap_of_whole(made, weights) for weights in options.weights}
        if made.snr > 0 and all(len(own) for own in overlaps.values()):
            fields.append(Field(structure.name, split, made.snr_db, overlaps))
    for weights in options.weights:
        report(weights, fields)
    if options.figure:
        draw_boxes(options.figure, fields)


def clean_field(structure: Structure, *, seed: int) -> Simulated:
    """Simulate a field of whole particles under conditions drawn at random."""
    size_px = float(np.random.default_rng([seed, 1]).uniform(100, 256))
    config = SimulationConfig(
        size=(1024, 1024),
        pixel_size=(structure.diameter / size_px,) * 2,
        coverage=(0.25, 0.25),
        contamination=0.0,
    )
    return simulate_micrograph(structure, config, seed=seed)


def overlap_of_whole(made: Simulated, weights: str) -> np.ndarray:
    """Overlaps of the particles that the border does not cut."""
    picker, size = NetworkPicker(NetworkConfig(weights=weights)), ParticleSize(made.diameter, "dark")
    reach_px = REACH * made.diameter / made.micrograph.pixel_size
    every = particle_overlaps(made.labels, picker.mask(made.micrograph, size), reach_px=reach_px)
    own = every[: len(made.truth)]
    return own[~made.truth.extra["cut"].astype(bool) & np.isfinite(own)]


def report(weights: str, fields: list[Field]) -> None:
    """Print the overlaps of one set of weights by ratio, by split, and by structure."""
    print(f"\n{Path(weights).name}")
    print("| dB | SNR | structures | micrographs | particles | mean IOU | its error | median | quartiles |")
    print("|---|---|---|---|---|---|---|---|---|")
    for low, high in itertools.pairwise(EDGES_DB):
        ratio = f"{low:g} to {high:g} | {10 ** (low / 10):.2g} to {10 ** (high / 10):.2g}"
        tell_row(ratio, weights, [field for field in fields if low <= field.snr_db < high])
    clear = [field for field in fields if field.snr_db >= MIN_DB]
    tell_row(f"all from {MIN_DB:g} | from {10 ** (MIN_DB / 10):g}", weights, clear)
    for split in HELD_OUT:
        tell_row(f"of these {split} | ", weights, [field for field in clear if field.split == split])
    print(f"mean IOU of each structure from {MIN_DB:g} dB on:", end="")
    for name, own in by_structure(clear, weights).items():
        print(f" {name} {own.mean():.2f}", end="")
    print()


def tell_row(title: str, weights: str, fields: list[Field]) -> None:
    """Print one row of the table, if there is anything to tell."""
    if not fields:
        return
    groups = by_structure(fields, weights)
    values = np.concatenate([*groups.values()])
    first, middle, third = np.percentile(values, [25, 50, 75])
    mean, error = mean_and_error([*groups.values()])
    numbers = f"{len(groups)} | {len(fields)} | {len(values)} | {mean:.3f} | {error:.3f} | {middle:.3f}"
    print(f"| {title} | {numbers} | {first:.3f}–{third:.3f} |")


def by_structure(fields: list[Field], weights: str) -> dict[str, np.ndarray]:
    """Overlaps of the particles of each structure, in all its micrographs."""
    groups: dict[str, list[np.ndarray]] = {}
    for field in fields:
        groups.setdefault(field.structure, []).append(field.overlaps[weights])
    return {name: np.concatenate(groups[name]) for name in sorted(groups)}


def mean_and_error(groups: list[np.ndarray]) -> tuple[float, float]:
    """Mean over all particles, and its standard error, as those of one structure are alike."""
    count, total = np.array([len(own) for own in groups]), np.array([own.sum() for own in groups])
    mean = total.sum() / count.sum()
    return float(mean), float(np.sqrt(np.sum((total - mean * count) ** 2)) / count.sum())


def draw_boxes(path: Path, fields: list[Field]) -> None:
    """Draw the spread of the overlaps: a group of boxes for each ratio, a box for each set of weights."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4.5), layout="constrained")
    names = list(fields[0].overlaps)
    width = 0.8 / len(names)
    ranges = list(itertools.pairwise(EDGES_DB))
    for k, name in enumerate(names):
        values = [
            np.concatenate([np.zeros(0), *(f.overlaps[name] for f in fields if low <= f.snr_db < high)])
            for low, high in ranges
        ]
        places = np.arange(len(values)) + (k - (len(names) - 1) / 2) * width
        drawn = axes.boxplot(
            values,
            positions=places,
            widths=0.85 * width,
            showfliers=False,
            showmeans=True,
            meanline=True,
            patch_artist=True,
        )
        for box in drawn["boxes"]:
            box.set_facecolor(f"C{k}")
        axes.plot([], [], "s", color=f"C{k}", label=Path(name).name.replace("-", " "))
    labels = [
        f"{low:g} to {high:g} dB\n{10 ** (low / 10):.1g} to {10 ** (high / 10):.1g}" for low, high in ranges
    ]
    axes.set_xticks(range(len(ranges)), labels)
    axes.set_xlabel("signal-to-noise ratio of the micrograph")
    axes.set_ylabel("overlap of a particle's mask (IOU)")
    axes.set_ylim(0, 1)
    figure.legend(ncols=len(names), loc="outside upper center", frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
