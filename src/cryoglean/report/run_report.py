"""The report of a run: what was found, in pictures and figures, and what is worth a look."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cryoglean.engine import RunFolder
from cryoglean.engine.class_files import kept_classes
from cryoglean.engine.verdict import how_picked
from cryoglean.report.page import Section, write_page
from cryoglean.report.sections.classes import ClassAverage, classes
from cryoglean.report.sections.contamination import contamination
from cryoglean.report.sections.course import course
from cryoglean.report.sections.density import density
from cryoglean.report.sections.listings import configuration, failures_and_warnings, worth_a_look
from cryoglean.report.sections.micrographs import micrographs
from cryoglean.report.sections.scores import scores
from cryoglean.report.sections.spacing import spacing
from cryoglean.report.sections.truth import Comparison, truth
from cryoglean.report.statistics import RunStatistics, run_statistics


def write_report(folder: RunFolder, *, comparison: Comparison | None = None) -> Path:
    """Write the report of a run.

    Parameters
    ----------
    folder : RunFolder
        The run, finished or not; its records are read, and nine of its micrographs at most.
    comparison : Comparison, optional
        Its picks beside the truth.

    Returns
    -------
    Path
        ``report.html`` in the run's folder, which needs no other file.

    Raises
    ------
    FileError
        The folder is not that of a run.
    OutputError
        The report cannot be written.
    """
    run = run_statistics(folder)
    sections = [
        micrographs(run, comparison),
        *([truth(comparison.evaluation)] if comparison else []),
        *_class_averages(folder),
        scores(run),
        density(run),
        spacing(run),
        contamination(run),
        course(run),
        worth_a_look(run),
        failures_and_warnings(run),
        configuration(run),
    ]
    title = f"Picks of {folder.root.resolve().name}"
    write_page(folder.report, title, lead=_lead(run, comparison), sections=sections)
    return folder.report


def _class_averages(folder: RunFolder) -> list[Section]:
    """Show the class averages that the run's folder keeps, if there are any."""
    kept = kept_classes(folder)
    if kept is None:
        return []
    averages = [ClassAverage(one.image, one.measures.count, one.judgement.words) for one in kept.classes]
    return [classes(averages, current=kept.current)]


def _lead(run: RunStatistics, comparison: Comparison | None) -> Section:
    """Say in a few lines and figures what came out."""
    summary = run.summary
    figures = [
        (f"{summary.picks:,}", "picks"),
        (f"{summary.done:,}", f"of {summary.micrographs:,} micrographs"),
        (f"{summary.median_picks:,.0f}", "picks in the typical micrograph"),
        (_typical_diameter(run), "particle diameter"),
        *_expected(run),
        (_duration(summary.seconds), "of work"),
    ]
    if comparison is not None:
        merit = comparison.evaluation.pooled[-1]
        figures.insert(1, (f"{merit.f1:.3f}", f"F1 within {merit.tolerance:g} diameters"))
    values = {
        "folder": run.folder.root.resolve(),
        "method": run.config.method.title,
        "last": run.last,
        "figures": figures,
        "summary": summary,
        "how": how_picked(summary),
    }
    return Section("", "lead.html", values)


def _expected(run: RunStatistics) -> list[tuple[str, str]]:
    """Precision and recall to expect, or the mean score where scores are no probabilities."""
    precision, recall = run.summary.expected_precision, run.summary.expected_recall
    if precision is not None and recall is not None:
        return [(f"{precision:.2f}", "expected precision"), (f"{recall:.2f}", "expected recall")]
    scored = [one.mean_score for one in run.micrographs if one.picks]
    return [(f"{np.mean(scored):.3f}" if scored else "–", "mean score")]


def _typical_diameter(run: RunStatistics) -> str:
    if not run.diameters:
        return "–"
    # Runs measure one diameter for all picks; where each micrograph was measured by itself, the median tells.
    sizes = np.array(sorted(run.diameters))
    numbers = np.cumsum([run.diameters[size] for size in sizes.tolist()])
    return f"{sizes[np.searchsorted(numbers, numbers[-1] / 2)]:.0f} Å"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
