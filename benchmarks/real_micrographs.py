"""Score the pickers side by side on real micrographs, with no option given.

    python benchmarks/real_micrographs.py [DATA] [--noise 3] [--pickers network paper] [--weights general]

DATA holds the folders `apoferritin`, `klh`, `ribosome`, `apoferritin_binned`, `contamination` and
`screening` (default: ../shared/data beside the project). Picks are matched one-to-one within half and a
quarter of the particle diameter of the labels. With --noise, Gaussian noise of so many standard deviations
of each micrograph is added to it. Every micrograph is picked by itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cryoglean.evaluate import evaluate
from cryoglean.io import read_micrograph
from cryoglean.io.formats import read_picks
from cryoglean.pickers import Picker, build_picker, find_alone
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Micrograph, Picks

PICKERS = ("unsupervised", "network", "paper")


@dataclass(frozen=True)
class DataSet:
    """Micrographs with labels of one size in pixels, and the kinds of labels that count neither way."""

    title: str
    pairs: Sequence[tuple[Path, Path]]
    label_px: float
    ignored: tuple[str, ...] = ()


def labelled(data: Path) -> list[DataSet]:
    apoferritin = sorted((data / "apoferritin/micrographs").glob("*.mrc"))
    if not apoferritin:
        raise SystemExit(f"{data}: holds no apoferritin/micrographs/*.mrc; name the right folder")

    def single(folder: str) -> list[tuple[Path, Path]]:
        return [(path, path.with_suffix(".csv")) for path in sorted((data / folder).glob("*.mrc"))]

    return [
        DataSet(
            "apoferritin", [(p, data / f"apoferritin/truth/{p.stem}.csv") for p in apoferritin], label_px=65
        ),
        DataSet("klh", single("klh"), label_px=150, ignored=("side_overlapping",)),
        DataSet("ribosome", single("ribosome"), label_px=90),
        DataSet("apoferritin_binned", single("apoferritin_binned"), label_px=21),
    ]


def made(name: str, weights: str) -> Picker:
    own = {"weights": weights} if name == "network" else {}
    return build_picker(PickConfig(method=name, **own))


def read(path: Path, noise: float) -> Micrograph:
    micrograph = read_micrograph(path)
    if not noise:
        return micrograph
    rng = np.random.default_rng(20190620)
    added = noise * float(micrograph.data.std()) * rng.standard_normal(micrograph.shape, np.float32)
    return micrograph.with_data(micrograph.data + added)


def kept(picker: Picker, micrograph: Micrograph) -> Picks:
    found = find_alone(picker, micrograph)
    return found[found.score >= picker.recommended_score]


def print_scores(data: DataSet, pickers: dict[str, Picker], noise: float) -> None:
    micrographs = [read(path, noise) for path, _ in data.pairs]
    truth = [read_picks(path)[0] for _, path in data.pairs]
    for name, picker in pickers.items():
        # Precision-recall curves need every candidate, the other figures those that are kept.
        found = [find_alone(picker, micrograph) for micrograph in micrographs]
        picks = [one[one.score >= picker.recommended_score] for one in found]
        settings = {"diameter_px": data.label_px, "tolerances": (0.5, 0.25), "ignored_kinds": data.ignored}
        scored, ranked = evaluate(truth, picks, **settings), evaluate(truth, found, **settings)
        near, nearer = scored.pooled
        sizes = [float(one.diameter[0]) for one in found if len(one)]
        size = f"{min(sizes):.0f}–{max(sizes):.0f}" if sizes else "none"
        figures = [near.precision, near.recall, near.f1, nearer.f1, scored.worst_f1[0]]
        average = ranked.pooled[0].average_precision
        offset = near.median_offset_px
        print(
            f"| {data.title} | {name} | {size} | "
            + " | ".join(f"{figure:.3f}" for figure in figures)
            + f" | {'–' if average is None else f'{average:.3f}'}"
            + f" | {'–' if offset is None else f'{offset:.1f}'} | {near.doubles} |"
        )
        if data.ignored:
            kinds = ", ".join(
                f"{kind.hits} of {kind.particles} {kind.kind} ({kind.agreeing} so labelled)"
                for kind in scored.kinds
            )
            print(f"|   | {name}: {kinds}; {near.false} false |")


def print_unlabelled(data: Path, pickers: dict[str, Picker], noise: float) -> None:
    """Show how many picks there are where none should be."""
    micrograph = read(data / "contamination/micrograph.mrc", noise)
    junk = read_micrograph(data / "contamination/junk_probability.mrc").data > 0.5
    for name, picker in pickers.items():
        picks = kept(picker, micrograph)
        column, row = np.rint(picks.xy).astype(int).T
        print(f"contamination, {name}: {int(junk[row, column].sum())} of {len(picks)} picks on the ice")
        for path in sorted((data / "screening").iterdir()):
            print(f"{path.name}, {name}: {len(kept(picker, read(path, noise)))} picks")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).resolve().parents[1] / "../shared/data"
    parser.add_argument("data", type=Path, nargs="?", default=default)
    parser.add_argument("--noise", type=float, default=0.0, help="standard deviations of noise to add")
    parser.add_argument("--pickers", nargs="+", choices=PICKERS, default=PICKERS)
    parser.add_argument("--weights", default="general", help="of the network: a name or a folder")
    chosen = parser.parse_args()
    pickers = {name: made(name, chosen.weights) for name in chosen.pickers}
    sets = labelled(chosen.data)
    print(
        "| data | picker | diameter, Å | P | R | F1 0.5 D | 0.25 D | worst | AP | off centre, px | doubles |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for data in sets:
        print_scores(data, pickers, chosen.noise)
    print()
    print_unlabelled(chosen.data, pickers, chosen.noise)


if __name__ == "__main__":
    main()
