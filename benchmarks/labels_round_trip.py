"""How well labels by re-projection agree with the simulator's own masks.

Simulates micrographs of made-up complexes (and of structures from files, if a folder is given), takes the
true angles and centres for a refinement, a map of the structure for the refined one, and compares the masks
of each particle by their intersection over union (IOU). Run as

    python benchmarks/labels_round_trip.py [--structures FOLDER --count N] [--figure docs/images/labels.png]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from cryoglean.labels import LabelImage, RefinedParticles, Reprojector, paint_labels
from cryoglean.labels.painting import IGNORED, PARTICLE, Field
from cryoglean.labels.settings import LabelConfig
from cryoglean.simulate import KINDS, Simulated, Structure, procedural_structure, simulate_micrograph
from cryoglean.simulate.projection import Grid, potential_map, rotation_matrix
from cryoglean.simulate.reading import find_structures, load_structure
from cryoglean.simulate.settings import CrowdRanges, SimulationConfig
from cryoglean.simulate.structures import AtomicModel, DensityMap

SIZE, ACROSS = 768, 10
"""Pixels of a micrograph, and particle diameters across it."""

BLUR = 8.0
"""Resolution of the refined map, Å."""


@dataclass(frozen=True)
class Trip:
    """One structure's simulated micrograph, its labels, and the IOU of each particle."""

    name: str
    simulated: Simulated
    labels: LabelImage
    iou: NDArray[np.float64]


def refined_map(structure: Structure) -> DensityMap:
    """Make a map such as a refinement gives: of finite resolution, in a box with room."""
    assert isinstance(structure.body, AtomicModel)
    radius = structure.body.extent.radius
    voxel_size = max(2.0, radius / 60)
    density = potential_map(structure.body, Grid(2 * int(np.ceil(1.4 * radius / voxel_size)), voxel_size))
    k2 = sum(
        np.meshgrid(*(np.fft.fftfreq(n, voxel_size) ** 2 for n in density.data.shape), indexing="ij"), start=0
    )
    blurred = np.fft.ifftn(np.fft.fftn(density.data) * np.exp(-k2 * BLUR**2 / 2)).real
    return DensityMap(blurred.astype(np.float32), voxel_size)


def round_trip(structure: Structure, seed: int) -> Trip:
    """Simulate, label, and compare."""
    pixel_size = ACROSS * structure.diameter / SIZE
    config = SimulationConfig(
        size=(SIZE, SIZE),
        pixel_size=(pixel_size,) * 2,
        coverage=(0.3, 0.3),
        contamination=0,
        crowd=CrowdRanges(empty=0),
    )
    simulated = simulate_micrograph(structure, config, seed=seed, name=structure.name)
    truth = simulated.truth
    euler = np.column_stack([truth.extra[f"rlnAngle{name}"] for name in ("Rot", "Tilt", "Psi")])
    refined = RefinedParticles(truth.name, truth.xy, np.zeros_like(truth.xy), rotation_matrix(euler))
    config = LabelConfig()
    reprojector = Reprojector(refined_map(structure), config)
    field = Field(simulated.labels.shape, pixel_size)
    labels = paint_labels(refined, reprojector, field=field, config=config)
    numbers = range(1, len(truth) + 1)
    pairs = [(labels.instances == i, simulated.labels == i) for i in numbers]
    iou = np.array([np.sum(a & b) / max(np.sum(a | b), 1) for a, b in pairs])
    return Trip(structure.name, simulated, labels, iou)


def draw(trips: list[Trip], path: Path) -> None:
    """Show each micrograph with the labels' outlines, and below it the labels."""
    figure, axes = plt.subplots(2, len(trips), figsize=(2.6 * len(trips), 5.4), squeeze=False)
    part = np.s_[: SIZE // 2, : SIZE // 2]
    for column, trip in zip(axes.T, trips, strict=True):
        image = trip.simulated.micrograph.data[part]
        low, high = np.percentile(image, [1, 99])
        column[0].imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="bilinear")
        column[0].contour(trip.simulated.labels[part] > 0, [0.5], colors="tab:cyan", linewidths=1.4)
        column[0].contour(trip.labels.instances[part] > 0, [0.5], colors="tab:orange", linewidths=0.7)
        column[0].set_title(f"{trip.name}\nmean IOU {trip.iou.mean():.3f}", fontsize=9)
        shades = np.array([0.0, 1.0, 0.0, 0.55])[trip.labels.classes[part]]
        column[1].imshow(shades, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        assert {PARTICLE, IGNORED} <= set(np.unique(trip.labels.classes))
    for axis in axes.flat:
        axis.set_axis_off()
    figure.tight_layout(pad=0.4)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=75)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--structures", type=Path)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    structures = [procedural_structure(kind, seed) for kind in KINDS for seed in (1, 2)]
    if options.structures:
        files = [f for f in find_structures(options.structures) if f.completeness == "full"]
        chosen = np.linspace(0, len(files) - 1, options.count).round().astype(int)
        structures += [load_structure(files[i]) for i in chosen]
    trips = []
    print(f"{'structure':<20}{'particles':>10}{'mean IOU':>10}{'5 %':>8}{'least':>8}")
    for seed, structure in enumerate(structures):
        trip = round_trip(structure, seed)
        trips.append(trip)
        low, least = np.percentile(trip.iou, 5), trip.iou.min()
        print(
            f"{trip.name:<20}{len(trip.iou):>10}{trip.iou.mean():>10.3f}{low:>8.3f}{least:>8.3f}", flush=True
        )
    every = np.concatenate([trip.iou for trip in trips])
    print(
        f"{'all':<20}{len(every):>10}{every.mean():>10.3f}{np.percentile(every, 5):>8.3f}{every.min():>8.3f}"
    )
    if options.figure:
        draw([trips[i] for i in (0, 2, 6, 10)], options.figure)


if __name__ == "__main__":
    main()
