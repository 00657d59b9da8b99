"""What learning from the run gains on made-up complexes that no network saw, in difficult conditions.

    python benchmarks/learning_on_simulated.py OUT [--count 5] [--only elongated ...]

For each family some micrographs of 2048 × 2048 are simulated, which OUT keeps, and picked as a run with
nothing configured, with learning and without. Told are the `size` found over the true one; precision, recall
and F1 of what is kept; the best F1 of any threshold; average precision; and how much of what was missing to
that best F1 learning gained. A hit lies within half a diameter; what lies under ice, carbon or gold counts
neither way.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.register import read_jobs
from cryoglean.engine.results import read_results
from cryoglean.engine.settings import EngineConfig
from cryoglean.evaluate import Merit, evaluate
from cryoglean.io import read_micrograph
from cryoglean.io.formats import read_picks
from cryoglean.pickers.settings import PickConfig
from cryoglean.simulate import SeriesPlan, procedural_structure, write_series
from cryoglean.simulate.procedural import ProceduralKind
from cryoglean.simulate.settings import SimulationConfig
from cryoglean.types import MicrographFile, Picks

HIDING = ("carbon", "ice", "ethane", "gold", "aggregate")
"""Contamination under which nobody knows whether a particle is seen."""


@dataclass(frozen=True)
class Family:
    """A made-up complex, and what its micrographs are drawn from where it differs from the usual."""

    kind: ProceduralKind
    seed: int
    conditions: dict[str, object]


FAMILIES = {
    "elongated": Family("elongated", 91_001, {"defocus": (8000, 18_000), "dose": (25, 40)}),
    "membrane": Family("membrane", 91_012, {"defocus": (8000, 18_000), "dose": (25, 40)}),
    "nanodisc": Family("nanodisc", 91_002, {"defocus": (8000, 18_000), "dose": (25, 40)}),
    "small": Family("small", 91_003, {"defocus": (10_000, 22_000), "dose": (40, 60)}),
    "low dose": Family("barrel", 91_004, {"defocus": (5000, 12_000), "dose": (10, 16)}),
    "crowded": Family("globular", 91_005, {"coverage": (0.7, 0.7), "dose": (30, 50)}),
    "denoised": Family(
        "elongated",
        91_006,
        {"dose": (30, 50), "processed": 1.0, "processing": {"nonlocal_means": 0.9, "grey_levels": 256}},
    ),
    "filtered": Family(
        "oligomer", 91_007, {"dose": (30, 50), "processed": 1.0, "processing": {"lowpass": 25.0}}
    ),
}

_USUAL = {"size": (2048, 2048), "pixel_size": (1.3, 1.3), "ice_thickness": (300, 600), "contamination": 0.5}
_NO_PROCESSING = {
    name: {"low": 0.0, "high": 0.0, "chance": 0.0}
    for name in ("gain_error", "coloured_noise", "wiener", "equalising", "jpeg_quality")
} | {"nonlocal_means": 0.0, "lowpass": 0.0, "grey_levels": 0.0}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=5, help="micrographs of each family")
    parser.add_argument("--only", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    options = parser.parse_args()
    print(
        "| family | D, Å | learning | size found | picks | precision | recall | F1 | best F1 | AP | gained |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in options.only:
        folder = options.out / name.replace(" ", "_")
        diameter = simulate(FAMILIES[name], folder, options.count)
        with TemporaryDirectory() as runs:
            before = measured(folder, Path(runs) / "without", diameter, learn=False)
            after = measured(folder, Path(runs) / "with", diameter, learn=True)
        for how, one in (("no", before), ("yes", after)):
            gained = (after.f1 - before.f1) / max(before.best - before.f1, 1e-9) if how == "yes" else np.nan
            print(f"| {name} | {diameter:.0f} | {how} | {one} | {gained:.2f} |", flush=True)


def simulate(family: Family, folder: Path, count: int) -> float:
    """Make the micrographs that are not there yet, and tell the particle's diameter."""
    structure = procedural_structure(family.kind, family.seed)
    given = dict(family.conditions)
    processing = _NO_PROCESSING | dict(given.pop("processing", {}))  # type: ignore[call-overload]
    config = SimulationConfig.model_validate({**_USUAL, **given, "processing": processing})
    if not (folder / "truth.csv").exists():
        write_series(folder, SeriesPlan(structure, config, count=count, seed=family.seed), workers=2)
    return structure.diameter


@dataclass(frozen=True)
class Outcome:
    """What one run reached."""

    size: float
    picks: int
    precision: float
    recall: float
    f1: float
    best: float
    average_precision: float

    def __str__(self) -> str:
        figures = (self.precision, self.recall, self.f1, self.best, self.average_precision)
        return f"{self.size:.2f} | {self.picks} | " + " | ".join(f"{figure:.3f}" for figure in figures)


def measured(folder: Path, out: Path, diameter: float, *, learn: bool) -> Outcome:
    paths = sorted((folder / "micrographs").glob("*.mrc"))
    run = RunFolder(out)
    config = PickConfig(learn=learn)
    pick(Run([MicrographFile(path) for path in paths], run, config, EngineConfig()), lambda _: None)
    results = {record.name: (record, picks) for _, record, picks in read_results(read_jobs(run), run)}
    truth, kept, found = [], [], []
    for path in paths:
        record, picks = results[path.stem]
        wanted, hidden = seen_particles(folder, path)
        truth.append(wanted)
        kept.append(beside(picks, hidden))
        found.append(beside(record.candidates, hidden))
    pixel_size = read_micrograph(paths[0]).pixel_size or 1.0

    def merit_of(chosen: list[Picks]) -> Merit:
        return evaluate(truth, chosen, diameter_px=diameter / pixel_size, tolerances=(0.5,)).pooled[0]

    merit, ranked = merit_of(kept), merit_of(found)
    cuts = ([one[one.score >= t] for one in found] for t in np.linspace(0.02, 0.98, 33))
    best = max(merit_of(one).f1 or 0.0 for one in cuts)
    sizes = np.concatenate([np.zeros(0), *(one.diameter for one in found)])
    return Outcome(
        float(np.median(sizes)) / diameter if len(sizes) else np.nan,
        sum(len(one) for one in kept),
        merit.precision or 0.0,
        merit.recall or 0.0,
        merit.f1 or 0.0,
        best,
        ranked.average_precision or 0.0,
    )


def seen_particles(folder: Path, path: Path) -> tuple[Picks, np.ndarray]:
    """Particles that are not under contamination, and the mask of where it is."""
    truth = read_picks(folder / "coordinates" / f"{path.stem}.star")[0]
    micrograph = read_micrograph(path)
    hidden = np.zeros(micrograph.shape, bool)
    for mask in (folder / "contamination").glob(f"{path.stem}_*.mrc"):
        if mask.stem.removeprefix(f"{path.stem}_") in HIDING:
            hidden |= read_micrograph(mask).data > 0.5
    return beside(truth, hidden), hidden


def beside(picks: Picks, hidden: np.ndarray) -> Picks:
    x, y = np.clip(np.rint(picks.xy).astype(int), 0, np.array(hidden.shape[::-1]) - 1).T
    return picks[~hidden[y, x]]


if __name__ == "__main__":
    main()
