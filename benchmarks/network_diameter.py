"""How well the size of unseen particles is found, by the networks and by discs; a fit of what weighs scales.

    python benchmarks/network_diameter.py STRUCTURES [--count 60] [--seed 1000] [--fit]

STRUCTURES is a folder of structures; only families held out of training are used. Each micrograph shows one
of them under conditions drawn from the simulator's own ranges, with contamination. A ratio is the diameter
found over the structure's longest extent. With --fit the weights in `pickers/network_diameter.py` are fitted
anew, on half of the micrographs, and tried on the other half.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import cryoglean.pickers.network_diameter as looking
from cryoglean.config import SimulationConfig
from cryoglean.network import Networks, load_networks
from cryoglean.pickers.diameter import Scale, estimate_scale
from cryoglean.simulate import find_structures, load_structure, simulate_micrograph
from cryoglean.simulate.shards import split_of
from cryoglean.types import Micrograph

LIMITS = (0.15, 0.25, 0.4)
SPREAD = 0.1
"""Scales within about this of the right one, as a logarithm, count as right in the fit."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("structures", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--weights", default="general")
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    networks = load_networks(options.weights)
    files = [
        f
        for f in find_structures(options.structures)
        if split_of(f.family, SimulationConfig().tiles) != "train"
    ]
    rng = np.random.default_rng(options.seed)
    seen, truth, by_networks, by_discs = [], [], [], []
    for number in range(options.count):
        structure = load_structure(files[rng.integers(len(files))])
        side = int(rng.choice([1400, 1900, 2400]))
        config = SimulationConfig(size=(side, side))
        made = simulate_micrograph(structure, config, seed=options.seed + number)
        if len(made.truth) < looking.FEWEST:
            continue
        disc = estimate_scale([made.micrograph], sign=-1.0)
        found = looking.measure_scale(networks, [made.micrograph], by_edge=disc, sign=-1.0)
        truth.append(structure.diameter)
        by_networks.append(found.diameter / structure.diameter if found else np.nan)
        by_discs.append(disc.diameter / structure.diameter if disc else np.nan)
        print(
            f"{structure.name:14s} {len(made.truth):5d} particles, {structure.diameter:4.0f} Å: "
            f"networks {by_networks[-1]:.2f}, discs {by_discs[-1]:.2f}",
            flush=True,
        )
        if options.fit:
            seen.append(features(networks, made.micrograph))
    tell("networks", by_networks)
    tell("discs", by_discs)
    if options.fit:
        fit(seen, np.log(truth))


def tell(name: str, ratios: Sequence[float]) -> None:
    """Print which part of the sizes is right within some limits."""
    wrong = np.abs(np.log(ratios))
    parts = ", ".join(f"{np.mean(wrong < np.log1p(limit)):.2f} within {limit:.0%}" for limit in LIMITS)
    print(f"{name}: {parts}; none found in {np.mean(np.isnan(ratios)):.2f}")


def features(networks: Networks, micrograph: Micrograph) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the diameters tried, and what `_plausibility` weighs at each, shape (n, 4)."""
    rows = []
    tried = looking._diameters([micrograph])
    for diameter in tried:
        sight = looking._sight(networks, [micrograph], Scale(diameter, -1.0, 0.0), side=looking.LOOKS[0])
        if len(sight.odds) < looking.FEWEST:
            rows.append([-10.0, 0.0, 0.0, 0.0])
            continue
        width = np.median(sight.widths) if len(sight.widths) else looking.USUAL_WIDTH
        excess = np.log(width / looking.USUAL_WIDTH)
        evidence = np.log(sight.odds.sum() / sight.squares)
        rows.append([evidence, sight.odds.mean(), -(max(excess, 0.0) ** 2), -(min(excess, 0.0) ** 2)])
    return np.log(tried), np.array(rows)


def fit(seen: Sequence[tuple[np.ndarray, np.ndarray]], truth: np.ndarray) -> None:
    """Print the weights under which the right scale is most plausible, and how they do on the other half."""

    def loss(parameters: np.ndarray) -> float:
        total = 0.0
        for (tried, rows), right in zip(seen[::2], truth[::2], strict=True):
            plausible = rows @ parameters[:4]
            share = np.exp(plausible - plausible.max())
            near = np.exp(-0.5 * ((tried - right - parameters[4]) / SPREAD) ** 2)
            total -= np.log(share @ near / share.sum() + 1e-6)
        return total / len(seen[::2]) + 1e-3 * float(parameters @ parameters)

    best = minimize(loss, np.array([1.0, 1.0, 5.0, 5.0, 0.1])).x
    names = ("EVIDENCE", "CLARITY", "WIDE", "NARROW")
    print(", ".join(f"{name} {value:.2f}" for name, value in zip(names, best, strict=False)), end="")
    print(f", EXCESS {np.exp(best[4]):.2f}")
    ratios = [
        np.exp(tried[np.argmax(rows @ best[:4])] - best[4] - right)
        for (tried, rows), right in zip(seen[1::2], truth[1::2], strict=True)
    ]
    tell("the other half, to the nearest step", ratios)


if __name__ == "__main__":
    main()
