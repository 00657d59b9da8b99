"""What weights do on simulated tiles of families that they were not trained on: by mass, defocus and dose.

    python benchmarks/network_simulated.py SHARDS [--weights general] [--index INDEX.tsv] [--figure FILE.png]

SHARDS is a folder that `cryoglean simulate --tiles` wrote. With an index of structures, which has columns id
and kDa_assembly, average precision is told by mass too; with a figure, precision is drawn over recall with
and without the classification network. Matching is one to one within half a diameter.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cryoglean.dataset.shards import find_shards, read_shard
from cryoglean.dataset.tiles import LabelledTiles
from cryoglean.evaluate import evaluate
from cryoglean.evaluate.curves import Curve, precision_recall
from cryoglean.networks.runtime import load_networks
from cryoglean.networks.settings import Calibration
from cryoglean.training.calibration import Measured, figures, measure_tiles

CONTAMINATED = 0.01
"""A tile is contaminated where more than this part of it is no ice and no whole particle."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", type=Path)
    parser.add_argument("--weights", default="general")
    parser.add_argument("--split", choices=["train", "validation", "test"], default="test")
    parser.add_argument("--index", type=Path)
    parser.add_argument(
        "--shard-px", type=float, default=32.0, help="particle diameter in the shards, pixels"
    )
    parser.add_argument("--figure", type=Path, help="precision and recall, PNG")
    options = parser.parse_args()
    networks = load_networks(options.weights)
    card = networks.weights.card
    shards = [read_shard(path) for path in find_shards(options.shards, options.split)]
    scale = card.architecture.particle_px / options.shard_px
    measured = measure_tiles(
        networks, LabelledTiles.joined([LabelledTiles.of(s, scale=scale) for s in shards])
    )
    rows = np.concatenate([shard.tiles for shard in shards])
    foreign = np.concatenate([(shard.contamination > 0).mean(axis=(1, 2)) for shard in shards])
    common = {"measured": measured, "calibration": card.calibration}
    for name, value in figures(measured, card.calibration, card.threshold).items():
        print(f"{name.replace('_', ' '):40s} {value:.3f}")
    report("defocus, Å", rows["defocus"], [0, 10_000, 20_000, 30_000, 50_000], **common)
    report("dose, e/Å²", rows["dose"], [0, 30, 50, 100], **common)
    report("signal to noise, dB", rows["snr_db"], [-60, -20, -15, -10, -5, 20], **common)
    curves = compare_networks(measured, card.calibration, foreign)
    print("\naverage precision, and precision at a recall of 0.5 and 0.7")
    for title, curve in curves.items():
        at = [np.interp(recall, curve.recall, curve.precision) for recall in (0.5, 0.7)]
        print(f"  {title:45s} {curve.average_precision:.3f}  {at[0]:.3f}  {at[1]:.3f}")
    if options.figure:
        draw(options.figure, curves)
    if options.index:
        masses = read_masses(options.index)
        mass = np.array([masses.get(name, np.nan) for name in rows["structure"]])
        report("mass, kDa", mass, [0, 200, 400, 1000, 50_000], **common)


def report(
    title: str, values: np.ndarray, edges: Sequence[float], *, measured: Measured, calibration: Calibration
) -> None:
    """Print average precision within each range of a tile's property."""
    scored = measured.scored(calibration)
    print(f"\naverage precision by {title}")
    for low, high in itertools.pairwise(edges):
        chosen = [i for i in np.flatnonzero((values >= low) & (values < high)) if len(measured.truth[i])]
        if not chosen:
            continue
        own = [measured.truth[i] for i in chosen], [scored[i] for i in chosen]
        merit = evaluate(*own, diameter_px=measured.particle_px, tolerances=(0.5,)).pooled[0]
        print(f"  {low:>8g} to {high:<8g} {merit.average_precision:.3f}  ({merit.particles} particles)")


def compare_networks(measured: Measured, calibration: Calibration, foreign: np.ndarray) -> dict[str, Curve]:
    """Precision and recall with and without the classifier, given which part of each tile is contaminated."""
    scored = measured.scored(calibration)
    kinds = {"all tiles": foreign >= 0, "tiles with contamination": foreign > CONTAMINATED}
    curves = {}
    for title, chosen in kinds.items():
        for network, picks in (("with", scored), ("without", measured.candidates)):
            pairs = [(measured.truth[i], picks[i]) for i in np.flatnonzero(chosen)]
            curves[f"{title}, {network} classifier"] = precision_recall(pairs, 0.5 * measured.particle_px)
    return curves


def draw(path: Path, curves: dict[str, Curve]) -> None:
    """Draw precision over recall."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 5), layout="constrained")
    for number, (title, curve) in enumerate(curves.items()):
        style = "-" if number % 2 == 0 else "--"
        axes.plot(curve.recall, curve.precision, style, color=f"C{number // 2}", label=title)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    axes.legend(loc="lower left")
    figure.savefig(path, dpi=110)


def read_masses(path: Path) -> dict[str, float]:
    """Mass in kDa of each structure of an index."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["id"]: float(row["kDa_assembly"]) for row in csv.DictReader(file, delimiter="\t")}


if __name__ == "__main__":
    main()
