"""How the networks bear what programs make of micrographs, on real ones at the known size of their particles.

    python benchmarks/network_processed.py [DATA] [--weights general other] [--micrographs 3]

DATA holds the labelled folders (default: ../shared/data beside the project). Each micrograph is shown as it
is and after one step of processing; nothing is learned from the run and nothing kept by a threshold. Told
are average precision, the best F1 of any threshold, and the mean probability of contamination.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cryoglean.evaluate import evaluate
from cryoglean.io import read_micrograph
from cryoglean.io.formats import read_picks
from cryoglean.networks.runtime import load_networks
from cryoglean.pickers import build_picker
from cryoglean.pickers.pixer.working import working_image
from cryoglean.pickers.settings import PickConfig
from cryoglean.simulate.processing import process
from cryoglean.simulate.settings import Processing
from cryoglean.types import Micrograph, ParticleSize

SETS = {
    "apoferritin": ("apoferritin/micrographs/*.mrc", "apoferritin/truth", 65, 76),
    "ribosome": ("ribosome/*.mrc", "ribosome", 90, 90),
    "apoferritin_binned": ("apoferritin_binned/*.mrc", "apoferritin_binned", 21, 21),
    "klh": ("klh/*.mrc", "klh", 150, 165),
    "ribosome_10028": ("ribosome_10028/micrographs/*.png", "ribosome_10028/truth", 56, 50),
    "trpv1_10059": ("trpv1_10059/micrographs/*.png", "trpv1_10059/truth", 36, 28),
    "t20s_10025": ("t20s_10025/micrographs/*.png", "t20s_10025/truth", 15, 15),
}
"""Micrographs, labels, matching diameter and the particle's, in pixels."""


def processing_steps(diameter_px: float) -> Mapping[str, Processing]:
    """Name steps whose lengths are in proportion to the particle."""
    return {
        "as it is": Processing(),
        "low-pass, D/4": Processing(lowpass=diameter_px / 4),
        "Wiener": Processing(wiener=0.95),
        "non-local means": Processing(nonlocal_means=1.0),
        "8 grey levels": Processing(grey_levels=8),
        "JPEG 40": Processing(jpeg_quality=40),
        "contrast equalised, 3 D": Processing(equalising=3 * diameter_px),
        "pink noise, 1 sigma": Processing(coloured_noise=1.0, noise_power=-1.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).resolve().parents[1] / "../shared/data"
    parser.add_argument("data", type=Path, nargs="?", default=default)
    parser.add_argument("--weights", nargs="+", default=["general"])
    parser.add_argument("--micrographs", type=int, default=3, help="the first of each set")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    options = parser.parse_args()
    print("| set | processing | " + " | ".join(f"{w}: AP, F1, contamination" for w in options.weights) + " |")
    print("|---|---|" + "---|" * len(options.weights))
    for name in options.sets:
        files, labels, matching_px, diameter_px = SETS[name]
        paths = sorted(options.data.glob(files))[: options.micrographs]
        micrographs = [read_micrograph(path) for path in paths]
        truth = [read_picks(options.data / labels / f"{path.stem}.csv")[0] for path in paths]
        for title, step in processing_steps(diameter_px).items():
            shown = [processed(one, step) for one in micrographs]
            cells = [cell(w, shown, truth, sizes=(matching_px, diameter_px)) for w in options.weights]
            print(f"| {name} | {title} | {' | '.join(cells)} |", flush=True)


def processed(micrograph: Micrograph, step: Processing) -> Micrograph:
    data = process(micrograph.data, step, pixel_size=1.0, rng=np.random.default_rng(0))
    return micrograph.with_data(data)


def cell(weights: str, micrographs: list[Micrograph], truth: list, *, sizes: tuple[float, float]) -> str:
    matching_px, diameter_px = sizes
    picker = build_picker(PickConfig(method="network", weights=weights))
    networks = load_networks(weights)
    found, contamination = [], []
    for micrograph in micrographs:
        size = ParticleSize(diameter_px * (micrograph.pixel_size or 1.0), "dark")
        found.append(picker.find(micrograph, size))
        working = working_image(micrograph, size, networks.weights.card.architecture.particle_px)
        contamination.append(float(networks.segment(working.data).contamination.mean()))
    settings = {"diameter_px": matching_px, "tolerances": (0.5,)}
    average = evaluate(truth, found, **settings).pooled[0].average_precision
    kept = ([one[one.score >= t] for one in found] for t in np.linspace(0.02, 0.98, 25))
    best = max(evaluate(truth, picks, **settings).pooled[0].f1 for picks in kept)
    return f"{average:.3f} {best:.3f} {np.mean(contamination):.3f}"


if __name__ == "__main__":
    main()
