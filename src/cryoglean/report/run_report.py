"""The report of a run: what was found, in pictures and figures, and what is worth a look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cryoglean.engine import RunFolder
from cryoglean.engine.plan import Job
from cryoglean.engine.results import read_results
from cryoglean.pickers.settings import PickConfig
from cryoglean.report.gallery import GalleryItem, draw_gallery, extremes
from cryoglean.report.page import (
    Section,
    escaped,
    paragraph,
    table,
    tiles,
    write_page,
)
from cryoglean.report.run_plots import contamination, distributions, over_the_run
from cryoglean.report.scores import Comparison, show_scores
from cryoglean.report.statistics import MicrographStatistics, RunStatistics, run_statistics
from cryoglean.report.words import counted

_MAX_LISTED = 100


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
    sections = [Section("Micrographs", show_micrographs(run, comparison))]
    if comparison is not None:
        sections.append(Section("Against the truth", show_scores(comparison.evaluation)))
    sections += [over_the_run(run), distributions(run), contamination(run)]
    sections += [_worth_a_look(run), _trouble(run), _configuration(run)]
    title = f"Picks of {folder.root.resolve().name}"
    write_page(folder.report, title, lead=_lead(run, comparison), sections=sections)
    return folder.report


def _lead(run: RunStatistics, comparison: Comparison | None) -> str:
    """Say in a few lines and figures what came out."""
    summary, scores = run.summary, [one.mean_score for one in run.micrographs if one.picks]
    last = run.last
    weights = f", weights {escaped(run.config.weights)}" if last and last.weights else ""
    about = f"{escaped(run.folder.root.resolve())} · method {run.config.method}{weights}"
    if last is not None:
        about += (
            f" · last micrograph picked {last.started[:16].replace('T', ' ')} UTC by cryoglean {last.version}"
        )
    shown = [
        (f"{summary.picks:,}", "picks"),
        (f"{summary.done:,}", f"of {counted(summary.micrographs, 'micrograph')} picked"),
        (f"{summary.median_picks:,.0f}", "picks in the typical micrograph"),
        (_typical_diameter(run), "particle diameter"),
        (f"{np.mean(scores):.3f}" if scores else "–", "mean score"),
        (_duration(summary.seconds), "of work on the micrographs"),
    ]
    if comparison is not None:
        merit = comparison.evaluation.pooled[-1]
        shown.insert(1, (f"{merit.f1:.3f}", f"F1 within {merit.tolerance:g} diameters"))
    notices = [
        f"{counted(number, 'micrograph')} {what}"
        for number, what in (
            (summary.failed, "failed; see below."),
            (summary.rejected, "rejected by the user, of which nothing is shown."),
            (
                summary.missing,
                "not done yet: the command that began the run goes on, or another works on it now.",
            ),
        )
        if number
    ]
    return "\n".join(
        [paragraph(about, "faint"), tiles(shown), *(paragraph(text, "notice") for text in notices)]
    )


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


def show_micrographs(run: RunStatistics, comparison: Comparison | None = None) -> str:
    """Show the best, the middle and the worst micrographs of a run with their picks, as HTML.

    Parameters
    ----------
    run : RunStatistics
        The run.
    comparison : Comparison, optional
        Its picks beside the truth, by which micrographs are ranked where it is given.
    """
    if not run.micrographs:
        return paragraph("No micrograph is done.", "faint")
    order, by = _by_expectation(run) if comparison is None else _by_merit(run, comparison)
    parts = [paragraph(f"{by}<span class='screen'> A click on a picture enlarges it.</span>", "faint")]
    for heading, some in extremes(order).items():
        shown = [_shown(one, run, comparison) for one in some]
        parts += [f"<h3>{heading}</h3>", draw_gallery(shown)]
    return "\n".join(parts)


def _by_expectation(run: RunStatistics) -> tuple[list[MicrographStatistics], str]:
    order = sorted(run.micrographs, key=lambda one: -one.expected)
    return order, (
        "Ranked by the sum of the scores of their picks: as a score is the probability of a particle, that "
        "is the number of particles to expect. Marks have the size of the particle; round ones are particles "
        "and top views, square ones side views; the brighter, the higher the score."
    )


def _by_merit(run: RunStatistics, comparison: Comparison) -> tuple[list[MicrographStatistics], str]:
    merits = [(comparison.merit_of(one.name), one) for one in run.micrographs]
    known = [(merit.f1, one) for merit, one in merits if merit is not None]
    order = [one for _, one in sorted(known, key=lambda pair: -pair[0])]
    return order, (
        f"Ranked by F1 within {comparison.evaluation.pooled[-1].tolerance:g} diameters. Marks in turquoise "
        "are hits, those in red false picks, and dashed yellow ones missed particles."
    )


def _shown(one: MicrographStatistics, run: RunStatistics, comparison: Comparison | None) -> GalleryItem:
    ((_, picks),) = read_results([Job(one.name, one.path)], run.folder)
    merit = comparison.merit_of(one.name) if comparison else None
    said = [f"{one.name}: {counted(one.picks, 'pick')}"]
    if merit is not None:
        said.append(f"F1 {merit.f1:.3f}, precision {merit.precision:.3f}, recall {merit.recall:.3f}")
    elif one.picks:
        said.append(f"{one.expected:,.0f} to expect, mean score {one.mean_score:.3f}")
    if one.name in run.defocus:
        said.append(f"defocus {run.defocus[one.name] / 1e4:.2f} µm")
    return GalleryItem(
        one.path,
        picks,
        caption="; ".join(said),
        truth=comparison.truth.get(one.name) if comparison else None,
        pixel_size=run.config.angpix,
        diameter=run.config.diameter,
    )


def _worth_a_look(run: RunStatistics) -> Section:
    outliers = run.summary.outliers
    if not outliers:
        text = "No micrograph is far from the others, by its number of picks or by their scores."
        return Section("Worth a look", paragraph(text, "faint"))
    rows = [(one.name, one.reason, f"{one.deviation:.1f}") for one in outliers]
    return Section("Worth a look", _first_of(("micrograph", "what is strange", "robust deviations"), rows))


def _trouble(run: RunStatistics) -> Section:
    """List what failed and why, and what is strange about files that were picked nevertheless."""
    failures, warnings = run.summary.failures, run.summary.warnings
    parts = []
    if failures:
        parts.append(_first_of(("file", "why it failed"), [(one.path, one.error) for one in failures]))
    if warnings:
        told = [(text, f"{number:,}") for text, number in warnings.items()]
        parts.append(_first_of(("what is strange about files", "micrographs"), told))
    nothing = paragraph("No micrograph failed, and nothing is strange about the files.", "faint")
    return Section("Failures and warnings", "\n".join(parts) or nothing)


def _first_of(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Make a table of as many rows as anybody reads, and say where the others are."""
    listed = table(heads, rows[:_MAX_LISTED])
    more = len(rows) - _MAX_LISTED
    return listed + (paragraph(f"{more:,} more are in summary.json.", "faint") if more > 0 else "")


def _configuration(run: RunStatistics) -> Section:
    """List every setting, and say which are not the default."""
    plain = PickConfig().model_dump(mode="json")
    rows = []
    for name, value in run.config.model_dump(mode="json").items():
        description = (PickConfig.model_fields[name].description or "").replace("`", "'")
        rows.append((name, _said(value), "" if value == plain[name] else _said(plain[name]), description))
    text = paragraph("As it was used, with what was measured filled in; config.toml holds the same.", "faint")
    heads = ("setting", "value", "default, if another", "what it does")
    return Section("Configuration", text + table(heads, rows, kind="settings"))


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not given" if value is None else str(value)
