"""How well masks of particles of unseen families fit, by signal-to-noise ratio and by weights.

    python benchmarks/network_masks.py STRUCTURES [--weights general …] [--figure FILE.png]

STRUCTURES is a folder with an INDEX.tsv; only families held out of training are used. Micrographs of 1024²
pixels hold particles of 100 to 256 pixels, as in the PIXER paper, and get the dose that gives the ratio:
Σ clean² / Σ (noisy − clean)² of the micrograph as recorded; in decibels 10 log10. Overlap is that of each
whole particle with what was found of it, common over joint area, at the micrograph's own pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from cryoglean.config import NetworkConfig, SimulationConfig
from cryoglean.evaluate import particle_overlaps
from cryoglean.pickers.network import NetworkPicker
from cryoglean.simulate import Structure, find_structures, load_structure, simulate_micrograph
from cryoglean.simulate.micrograph import Simulated
from cryoglean.simulate.shards import split_of

RATIOS = (0.3, 0.1, 0.03, 0.01)
REACH = 0.5
"""A falsely found pixel within so many diameters of a particle spoils that particle's mask."""
MOST_DOSE = 1000.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("structures", type=Path)
    parser.add_argument("--weights", nargs="+", default=["general"])
    parser.add_argument("--count", type=int, default=12, help="structures")
    parser.add_argument("--figure", type=Path, help="box plots, PNG")
    options = parser.parse_args()
    held_out = [
        f
        for f in find_structures(options.structures)
        if split_of(f.family, SimulationConfig().tiles) == "test"
    ]
    structures = [load_structure(file) for file in held_out[: options.count]]
    overlaps = {weights: {ratio: [] for ratio in RATIOS} for weights in options.weights}
    for number, structure in enumerate(structures):
        for ratio in RATIOS:
            made = with_ratio(structure, ratio, seed=number)
            for weights in options.weights:
                overlaps[weights][ratio].append(overlap_of_whole(made, weights))
    print(f"{len(structures)} structures: {', '.join(s.name for s in structures)}")
    print("| weights | SNR | dB | particles | mean IOU | median | quartiles |\n|---|---|---|---|---|---|---|")
    for weights, by_ratio in overlaps.items():
        for ratio, parts in by_ratio.items():
            values = np.concatenate(parts)
            low, middle, high = np.percentile(values, [25, 50, 75])
            name = f"{Path(weights).name} | {ratio:g} | {10 * np.log10(ratio):.0f} | {len(values)}"
            print(f"| {name} | {values.mean():.3f} | {middle:.3f} | {low:.3f}–{high:.3f} |")
    print("\nmean IOU by structure, at SNR " + ", ".join(f"{ratio:g}" for ratio in RATIOS))
    for weights, by_ratio in overlaps.items():
        for number, structure in enumerate(structures):
            means = ", ".join(f"{parts[number].mean():.3f}" for parts in by_ratio.values())
            print(f"{Path(weights).name}: {structure.name:6s} {means}")
    if options.figure:
        draw_boxes(options.figure, overlaps)


def with_ratio(structure: Structure, ratio: float, *, seed: int) -> Simulated:
    """Simulate a clean field of a structure with the dose that gives a signal-to-noise ratio."""
    size_px = float(np.random.default_rng([seed, 1]).uniform(100, 256))
    dose = 30.0
    for _ in range(6):
        config = SimulationConfig(
            size=(1024, 1024),
            pixel_size=(structure.diameter / size_px,) * 2,
            dose=(dose, dose),
            coverage=(0.25, 0.25),
            contamination=0.0,
        )
        made = simulate_micrograph(structure, config, seed=seed)
        if made.snr <= 0 or abs(np.log(ratio / made.snr)) < 0.05:
            break
        dose = float(np.clip(dose * ratio / made.snr, 0.01, MOST_DOSE))
    return made


def overlap_of_whole(made: Simulated, weights: str) -> np.ndarray:
    """Overlaps of the particles that the border does not cut."""
    picker = NetworkPicker(NetworkConfig(diameter=made.diameter, contrast="dark", weights=weights))
    answer = picker.stages(made.micrograph)["particle"]
    ny, nx = made.micrograph.shape
    found = cv2.resize(answer, (nx, ny), interpolation=cv2.INTER_LINEAR) > 0.5
    reach_px = REACH * made.diameter / made.micrograph.pixel_size
    every = particle_overlaps(made.labels, found, reach_px=reach_px)
    own = every[: len(made.truth)]
    return own[~made.truth.extra["cut"].astype(bool) & np.isfinite(own)]


def draw_boxes(path: Path, overlaps: dict[str, dict[float, list[np.ndarray]]]) -> None:
    """Draw the spread of the overlaps: a group of boxes for each ratio, a box for each set of weights."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4), layout="constrained")
    width = 0.8 / len(overlaps)
    for k, (weights, by_ratio) in enumerate(overlaps.items()):
        values = [np.concatenate(parts) for parts in by_ratio.values()]
        places = np.arange(len(values)) + (k - (len(overlaps) - 1) / 2) * width
        drawn = axes.boxplot(
            values, positions=places, widths=0.85 * width, showfliers=False, patch_artist=True
        )
        for box in drawn["boxes"]:
            box.set_facecolor(f"C{k}")
        axes.plot([], [], "s", color=f"C{k}", label=Path(weights).name)
    axes.set_xticks(range(len(RATIOS)), [f"{r:g}\n({10 * np.log10(r):.0f} dB)" for r in RATIOS])
    axes.set_xlabel("signal-to-noise ratio")
    axes.set_ylabel("overlap of a particle's mask (IOU)")
    axes.set_ylim(0, 1)
    axes.legend(ncols=len(overlaps))
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
