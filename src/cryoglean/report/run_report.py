"""The report of a run: what was found, in pictures and figures, and what is worth a look."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from cryoglean.config import PickConfig
from cryoglean.engine import RunFolder
from cryoglean.engine.plan import Job
from cryoglean.engine.results import read_results
from cryoglean.report.gallery import Shown, draw_gallery, extremes
from cryoglean.report.page import (
    Section,
    escaped,
    figure,
    paragraph,
    row_of,
    table,
    tiles,
    write_page,
)
from cryoglean.report.plots import Axis, Mark, histogram, scatter
from cryoglean.report.scores import Comparison, show_scores
from cryoglean.report.survey import SCORE_EDGES, SPACING_EDGES, Seen, Survey, median_of, survey_run

_MOST_LISTED = 100
_OVER_TIME_FROM = timedelta(minutes=10)
"""Micrographs whose files are further apart in time are shown over it; others were copied at about once."""
_NO_DEFOCUS = (
    "Nothing is known of the defocus. Give the STAR file that CTF estimation left as the input of "
    "<code>cryoglean pick</code>, or to <code>cryoglean report RUN --defocus FILE.star</code>."
)


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
    survey = survey_run(folder)
    sections = [Section("Micrographs", show_micrographs(survey, comparison))]
    if comparison is not None:
        sections.append(Section("Against the truth", show_scores(comparison.evaluation)))
    sections += [_over_the_run(survey), _distributions(survey), _contamination(survey)]
    sections += [_worth_a_look(survey), _failures(survey), _warnings(survey), _configuration(survey)]
    title = f"Picks of {folder.root.resolve().name}"
    write_page(folder.report, title, lead=_lead(survey, comparison), sections=sections)
    return folder.report


def _lead(survey: Survey, comparison: Comparison | None) -> str:
    """Say in a few lines and figures what came out."""
    summary, scores = survey.summary, [one.mean_score for one in survey.seen if one.picks]
    last = survey.last
    weights = f", weights {escaped(survey.config.weights)}" if last and last.weights else ""
    about = f"{escaped(survey.folder.root.resolve())} · method {survey.config.method}{weights}"
    if last is not None:
        about += (
            f" · last micrograph picked {last.started[:16].replace('T', ' ')} UTC by cryoglean {last.version}"
        )
    shown = [
        (f"{summary.picks:,}", "picks"),
        (f"{summary.done:,}", f"of {summary.micrographs:,} micrographs picked"),
        (f"{summary.median_picks:,.0f}", "picks in the typical micrograph"),
        (_typical_diameter(survey), "particle diameter"),
        (f"{np.mean(scores):.2f}" if scores else "–", "mean score"),
        (_duration(summary.seconds), "of work on the micrographs"),
    ]
    if comparison is not None:
        merit = comparison.evaluation.pooled[-1]
        shown.insert(1, (f"{merit.f1:.3f}", f"F1 within {merit.tolerance:g} diameters"))
    notices = [
        f"{number:,} micrograph{'' if number == 1 else 's'} {what}"
        for number, what in (
            (summary.failed, "failed; see below."),
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


def _typical_diameter(survey: Survey) -> str:
    if not survey.diameters:
        return "–"
    # Runs measure one diameter for all picks; where each micrograph was measured by itself, the median tells.
    sizes = np.array(sorted(survey.diameters))
    numbers = np.cumsum([survey.diameters[size] for size in sizes.tolist()])
    return f"{sizes[np.searchsorted(numbers, numbers[-1] / 2)]:.0f} Å"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def show_micrographs(survey: Survey, comparison: Comparison | None = None) -> str:
    """Show the best, the middle and the worst micrographs of a run with their picks, as HTML.

    Parameters
    ----------
    survey : Survey
        The run.
    comparison : Comparison, optional
        Its picks beside the truth, by which micrographs are ranked where it is given.
    """
    if not survey.seen:
        return paragraph("No micrograph is done.", "faint")
    order, by = _by_expectation(survey) if comparison is None else _by_merit(survey, comparison)
    parts = [paragraph(by, "faint")]
    for heading, some in extremes(order).items():
        shown = [_shown(one, survey, comparison) for one in some]
        parts += [f"<h3>{heading}</h3>", draw_gallery(shown)]
    return "\n".join(parts)


def _by_expectation(survey: Survey) -> tuple[list[Seen], str]:
    order = sorted(survey.seen, key=lambda one: -one.expected)
    return order, (
        "Ranked by the sum of the scores of their picks: as a score is the probability of a particle, that "
        "is the number of particles to expect. Marks have the size of the particle; round ones are particles "
        "and top views, square ones side views; the brighter, the higher the score."
    )


def _by_merit(survey: Survey, comparison: Comparison) -> tuple[list[Seen], str]:
    merits = [(comparison.merit_of(one.name), one) for one in survey.seen]
    known = [(merit.f1, one) for merit, one in merits if merit is not None]
    order = [one for _, one in sorted(known, key=lambda pair: -pair[0])]
    return order, (
        f"Ranked by F1 within {comparison.evaluation.pooled[-1].tolerance:g} diameters. Marks in turquoise "
        "are hits, those in red false picks, and dashed yellow ones missed particles."
    )


def _shown(one: Seen, survey: Survey, comparison: Comparison | None) -> Shown:
    ((_, picks),) = read_results([Job(one.name, one.path)], survey.folder)
    merit = comparison.merit_of(one.name) if comparison else None
    said = [f"{one.name}: {one.picks:,} pick{'' if one.picks == 1 else 's'}"]
    if one.picks:
        said.append(f"mean score {one.mean_score:.2f}, {one.expected:.0f} particles to expect")
    if one.name in survey.defocus:
        said.append(f"defocus {survey.defocus[one.name] / 1e4:.2f} µm")
    if merit is not None:
        said.append(f"F1 {merit.f1:.3f}, precision {merit.precision:.3f}, recall {merit.recall:.3f}")
    return Shown(
        one.path,
        picks,
        caption="; ".join(said),
        truth=comparison.truth.get(one.name) if comparison else None,
        pixel_size=survey.config.angpix,
        diameter=survey.config.diameter,
    )


def _over_the_run(survey: Survey) -> Section:
    """Show counts and scores over time, or the order of the run, and over defocus."""
    seen = survey.seen
    changed = np.array([one.changed for one in seen])
    counts, scores = np.array([one.picks for one in seen]), np.array([one.mean_score for one in seen])
    many, good = Axis("picks", low=0.0), Axis("mean score")
    if len(seen) > 1 and np.ptp(changed) >= _OVER_TIME_FROM.total_seconds():
        day = np.ptp(changed) > timedelta(days=2).total_seconds()
        along, at = Axis("file time", words=lambda t: _clock(t, day=day)), changed
        how = "Over the time at which files were last changed; files that were copied may tell when that was."
    else:
        along, at = Axis("micrographs in the order of the run", low=0.0), np.arange(1.0, len(seen) + 1)
        how = "In the order of the run, as the files were written or copied at about one time."
    if len(seen) < 2:
        return Section("Over the run", paragraph("There is one micrograph.", "faint"))
    plots = [(along, at, "over the run")]
    known = np.array([survey.defocus.get(one.name, math.nan) for one in seen]) / 1e4
    if np.isfinite(known).any():
        plots.append((Axis("defocus, µm"), known, "over defocus"))
    drawn = [
        figure(scatter(where, values, x=axis, y=scale), f"{what} {caption}")
        for axis, where, caption in plots
        for scale, values, what in ((many, counts, "Picks"), (good, scores, "Mean score of the picks"))
    ]
    parts = [paragraph(f"{how} Lines join the medians of neighbours.", "faint"), row_of("plots", drawn)]
    missing = int(np.isnan(known).sum())
    if missing == len(seen):
        parts.append(paragraph(_NO_DEFOCUS, "faint"))
    elif missing:
        parts.append(paragraph(f"The defocus of {missing:,} micrographs is not known.", "faint"))
    return Section("Over the run", "\n".join(parts))


def _clock(seconds: float, *, day: bool) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%d %b" if day else "%H:%M")


def _distributions(survey: Survey) -> Section:
    """Show scores, diameters and spacings."""
    drawn = []
    if survey.candidate_scores.any():
        threshold = survey.config.min_score
        drawn.append(
            figure(
                histogram(
                    SCORE_EDGES,
                    survey.candidate_scores,
                    kept=survey.pick_scores,
                    x=Axis("score", 0.0, 1.0),
                    y=Axis("candidates", log=True),
                    marks=[] if threshold is None else [Mark(threshold, f"threshold {threshold:g}")],
                ),
                f"Scores of {survey.candidate_scores.sum():,} candidates, on a logarithmic scale; coloured "
                f"those of the {survey.pick_scores.sum():,} picks. The fewer lie in the middle, the less the "
                "threshold matters.",
            )
        )
    if survey.spacings.any():
        middle = median_of(SPACING_EDGES, survey.spacings)
        drawn.append(
            figure(
                histogram(
                    SPACING_EDGES,
                    survey.spacings,
                    x=Axis("distance of the nearest pick, particle diameters", 0.0, 4.0),
                    y=Axis("picks", low=0.0),
                    marks=[Mark(survey.config.separation, f"separation {survey.config.separation:g}")],
                ),
                f"Nearest neighbours: the median lies {middle:.2f} diameters away. Many closer than one "
                "diameter are particles in projection over each other, two picks on one particle, or a "
                "diameter that is too large.",
            )
        )
    parts = [row_of("plots", [*drawn, *_diameters(survey)])] if drawn else []
    return Section("Scores, sizes, spacing", "\n".join([paragraph(_measured(survey)), *parts]))


def _diameters(survey: Survey) -> list[str]:
    sizes = np.array(sorted(survey.diameters))
    if len(sizes) < 2:
        return []
    numbers = [survey.diameters[size] for size in sizes.tolist()]
    counts, edges = np.histogram(sizes, bins=min(50, 4 * len(sizes)), weights=numbers)
    drawn = histogram(edges, counts, x=Axis("diameter, Å"), y=Axis("picks", low=0.0))
    return [figure(drawn, "Diameters of the picks.")]


def _measured(survey: Survey) -> str:
    """Say where the diameter comes from."""
    found, number = survey.calibration, len(survey.kinds)
    views = ", ".join(f"{count:,} {kind}" for kind, count in survey.kinds.most_common())
    kinds = f" Kinds of picks: {escaped(views)}." if number > 1 else ""
    if found is not None and found.diameter is not None and found.asked.get("diameter") is None:
        return (
            f"All picks have the diameter that was measured in {len(found.sources)} micrographs together: "
            f"{found.diameter:.0f} Å ({found.diameter_px:.0f} pixels); particles are {found.contrast}.{kinds}"
        )
    if survey.config.diameter is not None:
        return f"All picks have the diameter that was given: {survey.config.diameter:g} Å.{kinds}"
    return f"The diameter was measured in each micrograph by itself.{kinds}"


def _contamination(survey: Survey) -> Section:
    """Say how many candidates lie on contamination, and in which micrographs."""
    heading = "Contamination"
    if not survey.config.contamination or survey.config.method == "paper":
        return Section(heading, paragraph("Contamination was not looked for.", "faint"))
    refused, candidates = (
        sum(getattr(one, name) for one in survey.seen) for name in ("refused", "candidates")
    )
    if not candidates:
        return Section(heading, paragraph("There are no candidates.", "faint"))
    sides = ", or belong to a side view that was picked as a whole" if survey.kinds["side"] else ""
    text = (
        f"{refused:,} of {candidates:,} candidates ({refused / candidates:.1%}) were refused, as they lie on "
        f"something that is no particle (ice crystals, carbon, gold, aggregates){sides}. Runs keep the "
        "candidates, not the area that is contaminated."
    )
    shares = np.array([one.refused / one.candidates for one in survey.seen if one.candidates])
    parts = [paragraph(text)]
    if len(shares) > 2:
        counts, edges = np.histogram(shares, bins=20, range=(0.0, 1.0))
        x, y = Axis("share of the candidates refused", 0.0, 1.0), Axis("micrographs", low=0.0)
        worst = sorted(survey.seen, key=lambda one: -one.refused / max(one.candidates, 1))[:8]
        rows = [
            (one.name, f"{one.refused:,} of {one.candidates:,}", f"{one.refused / one.candidates:.0%}")
            for one in worst
            if one.refused
        ]
        listed = table(("most in", "candidates refused", "share"), rows, figures=True) if rows else ""
        drawn = figure(histogram(edges, counts, x=x, y=y), "Micrographs by the share that was refused.")
        parts.append(row_of("plots", [drawn, f"<div>{listed}</div>"]))
    return Section(heading, "\n".join(parts))


def _worth_a_look(survey: Survey) -> Section:
    outliers = survey.summary.outliers
    if not outliers:
        text = "No micrograph is far from the others, by its number of picks or by their scores."
        return Section("Worth a look", paragraph(text, "faint"))
    rows = [(one.name, one.reason, f"{one.deviation:.1f}") for one in outliers]
    return Section("Worth a look", table(("micrograph", "what is strange", "robust deviations"), rows))


def _failures(survey: Survey) -> Section:
    failures = survey.summary.failures
    if not failures:
        return Section("Failures", paragraph("None.", "faint"))
    rows = [(one.name, one.path, one.error) for one in failures[:_MOST_LISTED]]
    more = len(failures) - len(rows)
    rest = paragraph(f"{more:,} more are in summary.json.", "faint") if more else ""
    return Section("Failures", table(("micrograph", "file", "why"), rows) + rest)


def _warnings(survey: Survey) -> Section:
    warnings = list(survey.summary.warnings.items())
    if not warnings:
        return Section("Warnings", paragraph("None.", "faint"))
    rows = [(text, f"{number:,}") for text, number in warnings[:_MOST_LISTED]]
    return Section("Warnings", table(("what is strange about files", "micrographs"), rows, figures=True))


def _configuration(survey: Survey) -> Section:
    """List every setting, and say which are not the default."""
    plain = PickConfig().model_dump(mode="json")
    rows = []
    for name, value in survey.config.model_dump(mode="json").items():
        description = PickConfig.model_fields[name].description or ""
        usual = "" if value == plain[name] else f"default: {'–' if plain[name] is None else plain[name]}"
        rows.append((name, "–" if value is None else value, usual, description))
    text = paragraph("As it was used, with what was measured filled in; config.toml holds the same.", "faint")
    return Section("Configuration", text + table(("setting", "value", "", "what it does"), rows))
