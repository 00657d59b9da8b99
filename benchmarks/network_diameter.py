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

import cryoglean.pickers.size.by_networks as by_size
from cryoglean.dataset.shards import split_of
from cryoglean.networks.runtime import Networks, load_networks
from cryoglean.networks.settings import SizeModel
from cryoglean.pickers.size.by_discs import measure_by_discs
from cryoglean.simulate import find_structures, load_structure, simulate_micrograph
from cryoglean.simulate.settings import SimulationConfig
from cryoglean.types import Micrograph, ParticleSize

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
    files = [f for f in find_structures(options.structures) if split_of(f.family) != "train"]
    rng = np.random.default_rng(options.seed)
    seen, truth, by_networks, by_discs = [], [], [], []
    for number in range(options.count):
        structure = load_structure(files[rng.integers(len(files))])
        side = int(rng.choice([1400, 1900, 2400]))
        config = SimulationConfig(size=(side, side))
        made = simulate_micrograph(structure, config, seed=options.seed + number)
        if len(made.truth) < by_size.MIN_CANDIDATES:
            continue
        disc = measure_by_discs([made.micrograph], contrast="dark")
        found = by_size.measure_by_networks(networks, [made.micrograph], discs=disc, contrast="dark")
        truth.append(structure.diameter)
        by_networks.append(found.diameter / structure.diameter if found else np.nan)
        by_discs.append(disc.diameter / structure.diameter if disc else np.nan)
        print(
            f"{structure.name:14s} {len(made.truth):5d} particles, {structure.diameter:4.0f} Å: "
            f"networks {by_networks[-1]:.2f}, discs {by_discs[-1]:.2f}",
            flush=True,
        )
        if options.fit:
            seen.append(views(networks, made.micrograph))
    report("networks", by_networks)
    report("discs", by_discs)
    if options.fit:
        fit(seen, np.log(truth), networks.weights.size_model)


def report(name: str, ratios: Sequence[float]) -> None:
    """Print which part of the sizes is right within some limits."""
    wrong = np.abs(np.log(ratios))
    parts = ", ".join(f"{np.mean(wrong < np.log1p(limit)):.2f} within {limit:.0%}" for limit in LIMITS)
    print(f"{name}: {parts}; none found in {np.mean(np.isnan(ratios)):.2f}")


def views(networks: Networks, micrograph: Micrograph) -> tuple[np.ndarray, list[by_size.View]]:
    """Logarithms of the diameters tried, and what is seen at each."""
    tried = by_size.diameters_to_try([micrograph])
    side = by_size.FIELDS[0]
    seen = [by_size.view_at(networks, [micrograph], ParticleSize(d), side=side) for d in tried]
    return np.log(tried), seen


def fit(seen: Sequence[tuple[np.ndarray, list[by_size.View]]], truth: np.ndarray, model: SizeModel) -> None:
    """Print the weights under which the right scale is most plausible, and how they do on the other half."""
    traits = [(tried, by_size.traits(own, model)) for tried, own in seen]

    def loss(parameters: np.ndarray) -> float:
        total = 0.0
        for (tried, rows), right in zip(traits[::2], truth[::2], strict=True):
            plausible = rows @ parameters[:-1]
            share = np.exp(plausible - plausible.max())
            near = np.exp(-0.5 * ((tried - right - parameters[-1]) / SPREAD) ** 2)
            total -= np.log(share @ near / share.sum() + 1e-6)
        return total / len(traits[::2]) + 1e-3 * float(parameters @ parameters)

    best = minimize(loss, np.array([1.0, 5.0, -5.0, -3.0, -3.0, 0.1])).x
    names = ("number", "clarity", "-crowding", "-wide", "-narrow")
    print(", ".join(f"{name} {value:.2f}" for name, value in zip(names, best, strict=False)), end="")
    print(f", excess {np.exp(best[-1]):.2f}")
    ratios = [
        np.exp(tried[np.argmax(rows @ best[:-1])] - best[-1] - right)
        for (tried, rows), right in zip(traits[1::2], truth[1::2], strict=True)
    ]
    report("the other half, to the nearest step", ratios)


if __name__ == "__main__":
    main()
