"""What corrections of five micrographs teach: before and after on others, for difficult simulated data sets.

    python benchmarks/learning_from_corrections.py OUT [--minutes 10] [--from general] [--only NAME …]
        [--apoferritin FOLDER]

For each data set, made-up complexes that no weights were trained on, at low contrast: 14 micrographs are
simulated and picked; five that `cryoglean view` would propose are corrected from the truth, in the files that
its page writes; `cryoglean train --corrections` learns from them; and the other nine are picked with the old
and the new weights. Printed are F1 within half a diameter at each one's own threshold, the best F1 that any
threshold gives, and average precision; particles under ice, carbon or gold count neither way. How much of the
general ability is left is told by the average precision on simulated tiles of other complexes and, with
--apoferritin, a folder with `micrographs` and `truth`, by what real micrographs of another particle give. The
last line tells how many picks were wrong or missing in the proposed micrographs, and in five drawn at random.

OUT keeps everything, and what is there is not made again.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cryoglean.corrections import Added, Corrections, Deleted
from cryoglean.corrections.files import write_corrections
from cryoglean.engine import RunFolder
from cryoglean.engine.ledger import Record
from cryoglean.engine.proposals import propose_for_training
from cryoglean.engine.records import read_record
from cryoglean.evaluate import evaluate, match
from cryoglean.io.formats import read_picks
from cryoglean.networks.weights import read_weights
from cryoglean.select import select
from cryoglean.select.settings import SelectConfig
from cryoglean.training.finetune import GENERAL
from cryoglean.types import Picks

MICROGRAPHS, CORRECTED = 14, 5


@dataclass(frozen=True)
class DataSet:
    """A made-up complex, and the conditions in which it is looked at."""

    procedural: str
    seed: int
    defocus: tuple[float, float]
    dose: tuple[float, float]
    ice: tuple[float, float]
    contamination: float = 0.5

    @property
    def settings(self) -> str:
        """For `cryoglean simulate --config`."""
        return (
            "size = [2048, 2048]\npixel_size = [1.3, 1.3]\ncoverage = [0.15, 0.15]\n"
            f"defocus = {list(self.defocus)}\ndose = {list(self.dose)}\nice_thickness = {list(self.ice)}\n"
            f"contamination = {self.contamination}\n"
        )


SETS = {
    "elongated": DataSet("elongated", 91_001, (6000.0, 14_000.0), (20.0, 30.0), (500.0, 700.0)),
    "membrane": DataSet("membrane", 91_012, (5000.0, 10_000.0), (15.0, 20.0), (800.0, 1200.0)),
    "barrel": DataSet("barrel", 91_004, (4000.0, 8000.0), (12.0, 16.0), (1000.0, 1400.0), 1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--from", dest="start", default="general")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--apoferritin", type=Path)
    options = parser.parse_args()
    print(f"{'':12s}{'':10s}{'F1':>7s}{'best F1':>9s}{'AP':>7s}{'threshold':>11s}")
    for name in options.only:
        folder = options.out / name
        diameter = simulate(folder, SETS[name])
        truth, hidden = read_truth(folder)
        run = pick(folder, options.start, diameter=diameter)
        taught = [one.name for one in propose_for_training(run, count=CORRECTED)]
        made = {one: corrections(run, one, truth=truth[one], hidden=hidden[one]) for one in sorted(truth)}
        if not run.corrections.exists():
            for one in taught:
                write_corrections(run.correction(one), made[one])
        weights, minutes = learn(folder, run, options)
        others = [one for one in sorted(truth) if one not in taught]
        before = report(name, "before", run=run, truth={k: truth[k] for k in others}, hidden=hidden)
        new = pick(folder, str(weights), diameter=diameter)
        after = report("", "after", run=new, truth={k: truth[k] for k in others}, hidden=hidden)
        gain = (after - before) / (1 - before)
        print(f"{'':12s}{gain:.0%} of what was missing, in {minutes:.1f} minutes of processor time")
        general = [read_weights(weights).card.held_back[when][GENERAL] for when in ("before", "after")]
        print(f"{'':12s}AP on simulated tiles of others: {general[0]:.3f} before, {general[1]:.3f} after")
        wrong = {one: len(has.added) + len(has.deleted) for one, has in made.items()}
        proposed = sum(wrong[one] for one in taught)
        drawn = CORRECTED * np.mean(list(wrong.values()))
        print(
            f"{'':12s}corrections: {proposed} in those proposed, {drawn:.0f} in {CORRECTED} at random",
            flush=True,
        )
        if options.apoferritin:
            for label, which in (("before", options.start), ("after", str(weights))):
                real(options.apoferritin, which, run=folder / f"apoferritin-{label}", label=label)


def run_command(*arguments: object) -> None:
    """Run the program as a user does."""
    program = Path(sys.executable).with_name("cryoglean")
    subprocess.run([program, *map(str, arguments)], check=True, stdout=sys.stderr)


def simulate(folder: Path, data: DataSet) -> float:
    """Simulate the micrographs; return the particle's diameter in Å."""
    settings = folder / "settings.toml"
    if not (folder / "micrographs.star").exists():
        folder.mkdir(parents=True, exist_ok=True)
        settings.write_text(data.settings)
        given = ["--procedural", data.procedural, "--seed", data.seed, "--count", MICROGRAPHS]
        run_command("simulate", "--out", folder, *given, "--config", settings)
    conditions = json.loads(next((folder / "conditions").glob("*.json")).read_text())
    return round(float(conditions["diameter"]))


def pick(folder: Path, weights: str, *, diameter: float) -> RunFolder:
    """Pick all micrographs with these weights."""
    run = folder / ("run" if weights == "general" else f"run-{Path(weights).name}")
    if not (run / "picks.csv").exists():
        given = ["--method", "network", "--weights", weights, "--diameter", diameter, "--contrast", "dark"]
        run_command("pick", folder / "micrographs", "--out", run, *given, "--quiet")
    return RunFolder(run)


def read_truth(folder: Path) -> tuple[dict[str, Picks], dict[str, Picks]]:
    """Read the particles of each micrograph that are in sight, and those under ice, carbon or gold."""
    found: dict[tuple[str, bool], list[tuple[float, float]]] = {}
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = row["micrograph"], row["contamination"] != "0"
            found.setdefault(key, []).append((float(row["x"]), float(row["y"])))
    names = sorted({name for name, _ in found})
    seen, hidden = (
        {one: Picks(np.reshape(found.get((one, under), []), (-1, 2)), name=one) for one in names}
        for under in (False, True)
    )
    return seen, hidden


def in_sight(picks: Picks, *, truth: Picks, hidden: Picks, diameter_px: float) -> Picks:
    """Leave out picks of particles under contamination, which are neither right nor wrong."""
    both = Picks(np.concatenate([truth.xy, hidden.xy]), name=truth.name)
    pairs = match(both, picks, diameter_px / 2).pairs
    return picks[np.delete(np.arange(len(picks)), pairs[pairs[:, 0] >= len(truth), 1])]


def corrections(run: RunFolder, name: str, *, truth: Picks, hidden: Picks) -> Corrections:
    """Correct a micrograph as a careful user would, who clicks within 4 % of the diameter of a centre.

    Particles under ice, carbon or gold are not clicked on, and picks of such are left.
    """
    record = read_record(run.record(name))
    diameter_px = float(np.median(record.candidates.diameter_px))
    every = select(record.candidates, record.selection)
    picks = in_sight(every, truth=truth, hidden=hidden, diameter_px=diameter_px)
    pairs = match(truth, picks, diameter_px / 2).pairs
    missed = np.delete(truth.xy, pairs[:, 0], axis=0)
    false = picks[np.delete(np.arange(len(picks)), pairs[:, 1])]
    rng = np.random.default_rng(len(missed))
    clicked = missed + rng.normal(0, 0.04 * diameter_px, missed.shape)
    return Corrections(
        micrograph=name,
        revision=len(missed) + len(false) + 1,
        added=tuple(Added(id=str(uuid.UUID(int=i)), x=x, y=y) for i, (x, y) in enumerate(clicked)),
        deleted=tuple(
            Deleted(x=x, y=y, score=score) for (x, y), score in zip(false.xy, false.score, strict=True)
        ),
        looked_at=True,
    )


def learn(folder: Path, run: RunFolder, options: argparse.Namespace) -> tuple[Path, float]:
    """Learn from the corrections; return the weights and the minutes of processor time."""
    weights, cost = folder / "weights", folder / "minutes.txt"
    if not cost.exists():
        before = processor_seconds()
        given = ["--from", options.start, "--minutes", options.minutes, "--threads", options.threads]
        run_command("train", "--corrections", run.root, "--out", weights, *given)
        cost.write_text(f"{(processor_seconds() - before) / 60:.2f}\n")
    return weights, float(cost.read_text())


def processor_seconds() -> float:
    """Processor time of all commands so far."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(
    name: str, label: str, *, run: RunFolder, truth: Mapping[str, Picks], hidden: Mapping[str, Picks]
) -> float:
    """Print what a run reaches on some of its micrographs; return F1 at its threshold."""
    records = [read_record(run.record(one)) for one in truth]
    wanted = list(truth.values())
    diameter_px = float(np.median(records[0].candidates.diameter_px))

    def seen(record: Record, selection: SelectConfig) -> Picks:
        picks = select(record.candidates, selection)
        name = record.name
        return in_sight(picks, truth=truth[name], hidden=hidden[name], diameter_px=diameter_px)

    def f1(min_score: float) -> float:
        kept = [seen(one, SelectConfig(min_score=min_score)) for one in records]
        return evaluate(wanted, kept, diameter_px=diameter_px, tolerances=(0.5,)).pooled[0].f1

    every = [seen(one, SelectConfig()) for one in records]
    area = evaluate(wanted, every, diameter_px=diameter_px, tolerances=(0.5,)).pooled[0].average_precision
    threshold = records[0].selection.min_score
    own, best = f1(threshold), max(f1(one) for one in np.arange(0.04, 0.96, 0.04))
    print(f"{name:12s}{label:10s}{own:7.3f}{best:9.3f}{area:7.3f}{threshold:11.2f}", flush=True)
    return own


def real(data: Path, weights: str, *, run: Path, label: str) -> None:
    """Print F1 and average precision on the real apoferritin, of 114 Å, so that the networks alone differ."""
    if not (run / "picks.csv").exists():
        given = [
            "--method",
            "network",
            "--weights",
            weights,
            "--diameter",
            114,
            "--contrast",
            "dark",
            "--quiet",
        ]
        run_command("pick", data / "micrographs", "--out", run, *given)
    truth = [read_picks(path)[0] for path in sorted((data / "truth").glob("*.csv"))]
    every = [read_record(RunFolder(run).record(one.name)) for one in truth]
    kept = [select(one.candidates, one.selection) for one in every]
    merit = evaluate(truth, kept, diameter_px=65, tolerances=(0.5,)).pooled[0]
    found = [one.candidates for one in every]
    area = evaluate(truth, found, diameter_px=65, tolerances=(0.5,)).pooled[0].average_precision
    print(f"{'':12s}apoferritin, {label}: F1 {merit.f1:.3f}, AP {area:.3f}", flush=True)


if __name__ == "__main__":
    main()
