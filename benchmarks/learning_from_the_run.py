"""What a run learns from itself: each labelled folder picked as a run, with learning and without.

    python benchmarks/learning_from_the_run.py [DATA] [--sets trpv1_10059 ...] [--noise 3]

DATA holds the labelled folders (default: ../shared/data beside the project). Nothing is configured. A hit
lies within half a matching diameter of a true centre that no other pick holds; what the run itself expects
stands beside precision. With --noise, Gaussian noise of so many standard deviations of each micrograph is
added to it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.learning import kept_learned
from cryoglean.engine.register import read_jobs
from cryoglean.engine.results import read_results
from cryoglean.engine.settings import EngineConfig
from cryoglean.evaluate import evaluate
from cryoglean.io import read_micrograph, write_mrc
from cryoglean.io.formats import read_picks
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import MicrographFile


@dataclass(frozen=True)
class DataSet:
    """Where micrographs and labels lie, and the diameter in pixels by which they are matched."""

    micrographs: str
    labels: str
    matching_px: float
    ignored: tuple[str, ...] = ()


SETS = {
    "apoferritin": DataSet("apoferritin/micrographs/*.mrc", "apoferritin/truth", 65),
    "ribosome_10028": DataSet("ribosome_10028/micrographs/*.png", "ribosome_10028/truth", 56),
    "trpv1_10059": DataSet("trpv1_10059/micrographs/*.png", "trpv1_10059/truth", 36),
    "t20s_10025": DataSet("t20s_10025/micrographs/*.png", "t20s_10025/truth", 15),
    "ribosome": DataSet("ribosome/*.mrc", "ribosome", 90),
    "apoferritin_binned": DataSet("apoferritin_binned/*.mrc", "apoferritin_binned", 21),
    "klh": DataSet("klh/*.mrc", "klh", 150, ("side_overlapping",)),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).resolve().parents[1] / "../shared/data"
    parser.add_argument("data", type=Path, nargs="?", default=default)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--noise", type=float, default=0.0, help="standard deviations of noise to add")
    options = parser.parse_args()
    print("| set | learning | picks | precision (expected) | recall | F1 | AP | s |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.sets:
        with tempfile.TemporaryDirectory() as folder:
            files = sorted(options.data.glob(SETS[name].micrographs))
            if options.noise:
                files = [with_noise(path, options.noise, Path(folder)) for path in files]
            for learn in (False, True):
                out = RunFolder(Path(folder) / f"run-{learn}")
                print_scores(name, files, out, learn=learn, labels=options.data / SETS[name].labels)


def with_noise(path: Path, noise: float, folder: Path) -> Path:
    micrograph = read_micrograph(path)
    rng = np.random.default_rng(20190620)
    added = noise * float(micrograph.data.std()) * rng.standard_normal(micrograph.shape, np.float32)
    noisy = folder / f"{path.stem}.mrc"
    write_mrc(noisy, micrograph.data + added, pixel_size=micrograph.pixel_size)
    return noisy


def print_scores(name: str, files: list[Path], out: RunFolder, *, learn: bool, labels: Path) -> None:
    clock = time.perf_counter()
    micrographs = [MicrographFile(path) for path in files]
    pick(Run(micrographs, out, PickConfig(learn=learn), EngineConfig()), lambda _: None)
    seconds = time.perf_counter() - clock
    results = {record.name: (record, picks) for _, record, picks in read_results(read_jobs(out), out)}
    truth = [read_picks(labels / f"{path.stem}.csv")[0] for path in files]
    kept = [results[path.stem][1] for path in files]
    found = [results[path.stem][0].candidates for path in files]
    settings = {
        "diameter_px": SETS[name].matching_px,
        "tolerances": (0.5,),
        "ignored_kinds": SETS[name].ignored,
    }
    merit = evaluate(truth, kept, **settings).pooled[0]
    average = evaluate(truth, found, **settings).pooled[0].average_precision
    learned = kept_learned(out) if learn else None
    threshold = learned.threshold if learned else None
    how = "no" if not learn else "yes" if threshold else "first opinion stays"
    expected = f" ({threshold.precision:.2f})" if threshold else ""
    picks = sum(len(one) for one in kept)
    area = "–" if average is None else f"{average:.3f}"
    print(
        f"| {name} | {how} | {picks} | {merit.precision:.3f}{expected} | {merit.recall:.3f} | {merit.f1:.3f} "
        f"| {area} | {seconds:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
