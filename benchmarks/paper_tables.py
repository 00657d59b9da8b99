"""Reproduce the shape of Tables 1 and 2 of the AutoCryoPicker paper: three clusterings side by side.

    python benchmarks/paper_tables.py [DATA]

DATA holds the folders `apoferritin` and `klh` (default: ../shared/data beside the project). Each clustering
runs in the `paper` profile, everything else equal. Printed for each: the picks counted one-to-one within
half a diameter and as the paper's programs count; the cleaned masks against the labels drawn as discs; and
the times, of which the first compares with the paper's. Threshold and constants are the profile's own, the
same in every row.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from scipy.cluster.vq import kmeans2

from cryoglean.evaluate import (
    MaskMerit,
    Merit,
    PaperCounts,
    compare_masks,
    evaluate,
    paint_discs,
    paper_counting,
)
from cryoglean.io import read_micrograph
from cryoglean.io.formats import read_picks
from cryoglean.pickers.autocryopicker.clustering import darkest_pixels
from cryoglean.pickers.autocryopicker.picker import AutoCryoPicker
from cryoglean.pickers.autocryopicker.settings import ClusterConfig, PaperConfig
from cryoglean.types import Mask, Micrograph, ParticleSize, Picks

CLUSTERINGS = {
    "intensity-based, 4": ClusterConfig(method="intensity", classes=4),
    "k-means, 4": ClusterConfig(method="k-means", classes=4),
    "k-means, 3": ClusterConfig(method="k-means", classes=3),
    "fuzzy c-means, 4": ClusterConfig(method="fuzzy", classes=4),
    "fuzzy c-means, 3": ClusterConfig(method="fuzzy", classes=3),
}


@dataclass(frozen=True)
class DataSet:
    """Micrographs with labels, their particle, and what the paper reports on them (F1 in %, seconds)."""

    title: str
    pairs: list[tuple[Micrograph, Picks]]
    diameter: float
    label_px: float
    reported: dict[str, tuple[float, float]]


class Row(NamedTuple):
    """One clustering on one data set."""

    merit: Merit
    counts: PaperCounts
    mask: MaskMerit
    clustering_ms: float
    whole_ms: float


def load(data: Path) -> list[DataSet]:
    apoferritin = sorted((data / "apoferritin/micrographs").glob("*.mrc"))
    klh = sorted((data / "klh").glob("*.mrc"))
    if not (apoferritin and klh):
        raise SystemExit(
            f"{data}: holds no apoferritin/micrographs/*.mrc or no klh/*.mrc; name the right folder"
        )
    return [
        DataSet(
            "Table 1: apoferritin (EMPIAR-10146)",
            [
                (read_micrograph(p), read_picks(data / f"apoferritin/truth/{p.stem}.csv")[0])
                for p in apoferritin
            ],
            diameter=114,
            label_px=65,
            reported={"intensity": (97.61, 1.71), "k-means": (84.59, 10.29), "fuzzy": (83.10, 30.98)},
        ),
        DataSet(
            "Table 2: keyhole limpet hemocyanin, top and side views",
            [(read_micrograph(p), read_picks(p.with_suffix(".csv"))[0]) for p in klh],
            diameter=330,
            label_px=150,
            reported={"intensity": (95.60, 4.7), "k-means": (92.83, 23.8), "fuzzy": (88.61, 105.7)},
        ),
    ]


def measure(data: DataSet, clustering: ClusterConfig) -> Row:
    picker, size = AutoCryoPicker(PaperConfig(cluster=clustering)), ParticleSize(data.diameter, "dark")
    found, counts, masks, clustering_ms, whole_ms = [], [], [], [], []
    for micrograph, truth in data.pairs:
        picks = picker.find(micrograph, size)
        picks = picks[picks.score >= picker.recommended_score]
        countable = truth[truth.kind != "side_overlapping"]
        found.append(picks)
        counts.append(paper_counting(countable, picks, diameter_px=data.label_px))
        stages = picker.stages(micrograph, size)
        labels = paint_discs(countable, micrograph.shape, diameter_px=data.label_px)
        masks.append(mask_merit(stages["cleaned"] > 0, labels))
        final = stages["morphology"]
        clustering_ms.append(best_time(lambda image=final: darkest_pixels(image, clustering)))
        whole_ms.append(best_time(lambda image=micrograph: picker.find(image, size)))
    merit = evaluate(
        [truth for _, truth in data.pairs],
        found,
        diameter_px=data.label_px,
        tolerances=(0.5,),
        ignored_kinds=("side_overlapping",),
    ).pooled[0]
    pooled = MaskMerit(
        **{cell: sum(getattr(mask, cell) for mask in masks) for cell in ("tp", "fp", "tn", "fn")}
    )
    return Row(merit, PaperCounts.pooled(counts), pooled, np.mean(clustering_ms), np.mean(whole_ms))


def mask_merit(mask: Mask, labels: Mask) -> MaskMerit:
    """Compare a mask of the working scale with labels of the micrograph's."""
    full = cv2.resize(mask.astype(np.uint8), labels.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return compare_masks(labels, full > 0)


def best_time(call: Callable[[], object]) -> float:
    """Return the shortest of three runs, milliseconds; whatever else the machine does only adds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


def print_table(data: DataSet) -> None:
    rows = {name: measure(data, config) for name, config in CLUSTERINGS.items()}
    particles = rows["intensity-based, 4"].merit.particles
    print(f"\n## {data.title}: {len(data.pairs)} micrographs, {particles} labelled particles\n")
    print(
        "| clustering, classes | picks P | R | F1 | accuracy | F1 by the paper's counting | F1 in the paper |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        merit, reported = row.merit, data.reported[CLUSTERINGS[name].method][0]
        figures = [merit.precision, merit.recall, merit.f1, merit.accuracy, row.counts.f1]
        print(f"| {name} | " + " | ".join(f"{100 * f:.1f}" for f in figures) + f" | {reported:.1f} |")
    print("\n| masks, % | sensitivity | specificity | precision | misclassified | accuracy | F1 = Dice |")
    print("|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        mask = row.mask
        figures = [
            mask.sensitivity,
            mask.specificity,
            mask.precision,
            mask.misclassification,
            mask.accuracy,
            mask.f1,
        ]
        print(f"| {name} | " + " | ".join(f"{100 * f:.1f}" for f in figures) + " |")
    print("\n| time a micrograph | clustering, ms | pixels to picks, ms | clustering in the paper, ms |")
    print("|---|---|---|---|")
    for name, row in rows.items():
        reported = 1000 * data.reported[CLUSTERINGS[name].method][1]
        print(f"| {name} | {row.clustering_ms:.1f} | {row.whole_ms:.0f} | {reported:.0f} |")


def print_ratio(data: DataSet) -> None:
    """Compare clustering on the histogram with clustering every pixel, on the same image in the same run."""
    micrograph = data.pairs[0][0]
    image = AutoCryoPicker().stages(micrograph, ParticleSize(data.diameter, "dark"))["morphology"]
    ours = best_time(lambda: darkest_pixels(image, CLUSTERINGS["k-means, 4"]))
    pixels = image.reshape(-1, 1).astype(np.float64)
    start = time.perf_counter()
    kmeans2(pixels, 4, minit="++", rng=1)
    theirs = 1000 * (time.perf_counter() - start)
    print(f"\nk-means: all pixels (scipy's kmeans2, one start) {theirs:.0f} ms, the histogram {ours:.1f} ms,")
    print(f"ratio {theirs / ours:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).resolve().parents[1] / "../shared/data"
    parser.add_argument("data", type=Path, nargs="?", default=default)
    sets = load(parser.parse_args().data)
    for data in sets:
        print_table(data)
    print_ratio(sets[0])


if __name__ == "__main__":
    main()
