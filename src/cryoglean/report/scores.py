"""The part of a page that says how good picks are, where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryoglean.evaluate import Evaluation
from cryoglean.evaluate.merit import Merit
from cryoglean.report.curve_plot import draw_curves
from cryoglean.report.page import drawing, escaped, paragraph, row_of, table
from cryoglean.report.words import counted
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
_WORST_SHOWN = 10


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


def show_scores(evaluation: Evaluation) -> str:
    """Show pooled figures of merit and the precision-recall curve as HTML."""
    merit, number = evaluation.pooled[-1], len(evaluation.micrographs)
    about = (
        f"{counted(merit.particles, 'true particle')} in {counted(number, 'micrograph')}, "
        f"{counted(merit.picks, 'pick')}. A pick is a hit where its centre lies closer than the distance in "
        "the first column to a true centre that no other pick holds."
    )
    parts = [paragraph(about), table(_HEADS, _rows(evaluation), kind="figures")]
    if len(evaluation.kinds) > 1:
        found = (
            (one.kind, f"{one.particles:,}", f"{one.hits:,}", f"{one.agreeing:,}") for one in evaluation.kinds
        )
        parts.append(table(_KIND_HEADS, found, kind="figures"))
    for names, what in ((evaluation.unpicked, "as missed"), (evaluation.unknown, "neither way")):
        if names:
            who = "without picks of their own" if what == "as missed" else "without truth"
            first = f"{names[0]}{' …' if len(names) > 1 else ''}"
            micrographs = counted(len(names), "micrograph")
            parts.append(paragraph(escaped(f"Counting {what}: {micrographs} {who} ({first})."), "faint"))
    curve = drawing(draw_curves(evaluation), "precision against recall")
    return "\n".join([*parts, row_of("plots", [f"<div>{curve}</div>", _worst(evaluation)])])


def _worst(evaluation: Evaluation) -> str:
    """Show the micrographs with the lowest F1; nothing where there is one alone."""
    if len(evaluation.micrographs) < 2:
        return ""
    last = ((name, merits[-1]) for name, merits in evaluation.micrographs.items())
    worst = sorted(last, key=lambda pair: pair[1].f1)[:_WORST_SHOWN]
    rows = [(name, f"{m.f1:.3f}", f"{m.precision:.3f}", f"{m.recall:.3f}") for name, m in worst]
    heads = (f"lowest F1 within {evaluation.pooled[-1].tolerance:g} diameters", "F1", "precision", "recall")
    return f"<div>{table(heads, rows, kind='figures')}</div>"


def _rows(evaluation: Evaluation) -> list[list[str]]:
    """Pooled figures, a row for each matching distance."""
    rows = []
    for merit, worst in zip(evaluation.pooled, evaluation.worst_f1, strict=True):
        average = "–" if merit.average_precision is None else f"{merit.average_precision:.3f}"
        offset = "–" if merit.median_offset_px is None else f"{merit.median_offset_px:.1f} px"
        figures = (f"{value:.3f}" for value in (merit.precision, merit.recall, merit.f1, worst))
        rows.append([f"{merit.tolerance:g} diameters", *figures, average, offset, f"{merit.doubles:,}"])
    return rows
