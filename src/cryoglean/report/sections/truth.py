"""How good picks are, where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryoglean.evaluate import Evaluation
from cryoglean.evaluate.merit import Merit
from cryoglean.report.page import Section, Table, plot
from cryoglean.report.plots import precision_recall_curves
from cryoglean.types import Picks

_HEADS = (
    "within",
    "precision",
    "recall",
    "F1",
    "worst F1",
    "average precision",
    "centring error",
    "doubles",
)
_KIND_HEADS = ("kind of particle", "true", "found", "of these, picked as that kind")
_MAX_WORST = 10


@dataclass(frozen=True, eq=False)
class Comparison:
    """Picks beside the truth.

    Parameters
    ----------
    truth : mapping of str to Picks
        True particles by the name of the micrograph.
    evaluation : Evaluation
        What the picks are worth.
    """

    truth: Mapping[str, Picks]
    evaluation: Evaluation

    def merit_of(self, name: str) -> Merit | None:
        """Return what the picks of a micrograph are worth at the largest distance; None without its truth."""
        merits = self.evaluation.micrographs.get(name)
        return merits[-1] if merits else None


def truth(evaluation: Evaluation) -> Section:
    """Show pooled figures of merit, the precision-recall curve, and the worst micrographs."""
    merit = evaluation.pooled[-1]
    kinds = [
        (one.kind, f"{one.particles:,}", f"{one.hits:,}", f"{one.agreeing:,}") for one in evaluation.kinds
    ]
    values = {
        "particles": merit.particles,
        "micrographs": len(evaluation.micrographs),
        "picks": merit.picks,
        "pooled": Table(_HEADS, _rows(evaluation), kind="figures"),
        "kinds": Table(_KIND_HEADS, kinds, kind="figures") if len(kinds) > 1 else None,
        "unpicked": evaluation.unpicked,
        "unknown": evaluation.unknown,
        "curves": plot(
            precision_recall_curves(evaluation),
            "Precision and recall as the threshold falls, from left to right. Dots: the picks as they are.",
        ),
        "worst": _worst(evaluation),
    }
    return Section("Against the truth", "truth.html", values)


def _worst(evaluation: Evaluation) -> Table | None:
    """List the micrographs with the lowest F1; none where there is one alone."""
    if len(evaluation.micrographs) < 2:
        return None
    last = ((name, merits[-1]) for name, merits in evaluation.micrographs.items())
    worst = sorted(last, key=lambda pair: pair[1].f1)[:_MAX_WORST]
    rows = [(name, f"{m.f1:.3f}", f"{m.precision:.3f}", f"{m.recall:.3f}") for name, m in worst]
    heads = (f"lowest F1 within {evaluation.pooled[-1].tolerance:g} diameters", "F1", "precision", "recall")
    return Table(heads, rows, kind="figures")


def _rows(evaluation: Evaluation) -> list[list[str]]:
    """Pooled figures, a row for each matching distance."""
    rows = []
    for merit, worst in zip(evaluation.pooled, evaluation.worst_f1, strict=True):
        average = "–" if merit.average_precision is None else f"{merit.average_precision:.3f}"
        offset = "–" if merit.median_offset_px is None else f"{merit.median_offset_px:.1f} px"
        figures = (f"{value:.3f}" for value in (merit.precision, merit.recall, merit.f1, worst))
        rows.append([f"{merit.tolerance:g} diameters", *figures, average, offset, f"{merit.doubles:,}"])
    return rows
