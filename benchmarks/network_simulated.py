"""What weights do on simulated tiles of families that they were not trained on: by mass, defocus and dose.

    python benchmarks/network_simulated.py SHARDS [--weights general] [--split test] [--index INDEX.tsv]

SHARDS is a folder that `cryoglean simulate --tiles` wrote. With an index of structures, which has columns id
and kDa_assembly, average precision is told by mass too. Matching is one to one within half a diameter.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cryoglean.config import Calibration
from cryoglean.evaluate import evaluate
from cryoglean.network import load_networks
from cryoglean.network.calibration import Measured, figures, measure_tiles
from cryoglean.network.tiles import LabelledTiles
from cryoglean.simulate.shards import find_shards, read_shard


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
    options = parser.parse_args()
    networks = load_networks(options.weights)
    card = networks.weights.card
    shards = [read_shard(path) for path in find_shards(options.shards, options.split)]
    scale = card.architecture.particle_px / options.shard_px
    measured = measure_tiles(
        networks, LabelledTiles.joined([LabelledTiles.of(s, scale=scale) for s in shards])
    )
    rows = np.concatenate([shard.tiles for shard in shards])
    common = {"measured": measured, "calibration": card.calibration}
    for name, value in figures(measured, card.calibration, card.threshold).items():
        print(f"{name.replace('_', ' '):40s} {value:.3f}")
    tell("defocus, Å", rows["defocus"], [0, 10_000, 20_000, 30_000, 50_000], **common)
    tell("dose, e/Å²", rows["dose"], [0, 30, 50, 100], **common)
    tell("signal to noise, dB", rows["snr_db"], [-60, -20, -15, -10, -5, 20], **common)
    if options.index:
        masses = read_masses(options.index)
        mass = np.array([masses.get(name, np.nan) for name in rows["structure"]])
        tell("mass, kDa", mass, [0, 200, 400, 1000, 50_000], **common)


def tell(
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


def read_masses(path: Path) -> dict[str, float]:
    """Mass in kDa of each structure of an index."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["id"]: float(row["kDa_assembly"]) for row in csv.DictReader(file, delimiter="\t")}


if __name__ == "__main__":
    main()
