"""The plots of a run: over time and defocus, of scores, sizes and spacing, and of contamination."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np

from cryoglean.report.page import Section, escaped, figure, paragraph, row_of, table
from cryoglean.report.plots import MIN_FOR_A_LINE, Axis, Mark, histogram, scatter
from cryoglean.report.statistics import SCORE_EDGES, SPACING_EDGES, RunStatistics, median_of
from cryoglean.report.words import counted

_OVER_TIME_FROM = timedelta(minutes=10)
"""Micrographs whose files are further apart in time are shown over it; others were copied at about once."""
_NO_DEFOCUS = (
    "Nothing is known of the defocus. Give the STAR file that CTF estimation left as the input of "
    "<code>cryoglean pick</code>, or to <code>cryoglean report RUN --defocus FILE.star</code>."
)


def over_the_run(run: RunStatistics) -> Section:
    """Show counts and scores over time, or the order of the run, and over defocus."""
    seen = run.micrographs
    changed = np.array([one.changed for one in seen])
    counts, scores = np.array([one.picks for one in seen]), np.array([one.mean_score for one in seen])
    # Not closer than a tenth, or the noise of scores that are all alike would fill the plot.
    lowest = min(0.9, math.floor(10 * np.nanmin(scores, initial=0.9)) / 10)
    many, good = Axis("picks", low=0.0), Axis("mean score", lowest, 1.0)
    if len(seen) > 1 and np.ptp(changed) >= _OVER_TIME_FROM.total_seconds():
        first = datetime.fromtimestamp(changed.min(), UTC)
        along, at = Axis("hours after the first file"), (changed - changed.min()) / 3600
        how = (
            f"Over the time at which the files were last changed, the first on {first:%Y-%m-%d %H:%M} UTC; "
            "of files that were copied that may be the time of the copy."
        )
    else:
        along, at = Axis("micrographs in the order of the run", low=0.0), np.arange(1.0, len(seen) + 1)
        how = "In the order of the run, as the files were written or copied at about one time."
    if len(seen) < 2:
        return Section("Over the run", paragraph("There is one micrograph.", "faint"))
    plots = [(along, at, "over the run")]
    known = np.array([run.defocus.get(one.name, math.nan) for one in seen]) / 1e4
    if np.isfinite(known).any():
        plots.append((Axis("defocus, µm"), known, "over defocus"))
    drawn = [
        figure(scatter(where, values, x=axis, y=scale), f"{what} {caption}")
        for axis, where, caption in plots
        for scale, values, what in ((many, counts, "Picks"), (good, scores, "Mean score of the picks"))
    ]
    lines = " Lines join the medians of neighbours." if len(seen) >= MIN_FOR_A_LINE else ""
    parts = [paragraph(how + lines, "faint"), row_of("plots", drawn)]
    missing = int(np.isnan(known).sum())
    if missing == len(seen):
        parts.append(paragraph(_NO_DEFOCUS, "faint"))
    elif missing:
        parts.append(paragraph(f"The defocus of {counted(missing, 'micrograph')} is not known.", "faint"))
    return Section("Over the run", "\n".join(parts))


def distributions(run: RunStatistics) -> Section:
    """Show scores, diameters and spacings."""
    drawn = []
    if run.candidate_scores.any():
        threshold = run.config.min_score
        drawn.append(
            figure(
                histogram(
                    SCORE_EDGES,
                    run.candidate_scores,
                    kept=run.pick_scores,
                    x=Axis("score", 0.0, 1.0),
                    y=Axis("candidates", log=True),
                    marks=[] if threshold is None else [Mark(threshold, f"threshold {threshold:g}")],
                ),
                f"Scores of {run.candidate_scores.sum():,} candidates, on a logarithmic scale; coloured "
                f"those of the {run.pick_scores.sum():,} picks. The fewer lie in the middle, the less the "
                "threshold matters.",
            )
        )
    if run.spacings.any():
        middle = median_of(SPACING_EDGES, run.spacings)
        farthest = max(2.0, math.ceil(SPACING_EDGES[np.flatnonzero(run.spacings)[-1] + 1]))
        drawn.append(
            figure(
                histogram(
                    SPACING_EDGES,
                    run.spacings,
                    x=Axis("distance of the nearest pick, particle diameters", 0.0, farthest),
                    y=Axis("picks", low=0.0),
                    marks=[Mark(run.config.separation, f"separation {run.config.separation:g}")],
                ),
                f"Nearest neighbours: the median lies {middle:.2f} diameters away. Many closer than one "
                "diameter are particles in projection over each other, two picks on one particle, or a "
                "diameter that is too large.",
            )
        )
    parts = [row_of("plots", [*drawn, *_diameters(run)])] if drawn else []
    return Section("Scores, sizes, spacing", "\n".join([paragraph(_measured(run)), *parts]))


def _diameters(run: RunStatistics) -> list[str]:
    sizes = np.array(sorted(run.diameters))
    if len(sizes) < 2:
        return []
    numbers = [run.diameters[size] for size in sizes.tolist()]
    counts, edges = np.histogram(sizes, bins=min(50, 4 * len(sizes)), weights=numbers)
    drawn = histogram(edges, counts, x=Axis("diameter, Å"), y=Axis("picks", low=0.0))
    return [figure(drawn, "Diameters of the picks.")]


def _measured(run: RunStatistics) -> str:
    """Say where the diameter comes from."""
    found, number = run.measured, len(run.kinds)
    views = ", ".join(f"{count:,} {kind}" for kind, count in run.kinds.most_common())
    kinds = f" Kinds of picks: {escaped(views)}." if number > 1 else ""
    if run.config.diameter is not None:
        # What an earlier start measured may lie there unused.
        if found is not None and found.diameter == run.config.diameter:
            size = f"{found.diameter:.0f} Å ({found.diameter_px:.0f} pixels); particles are {found.contrast}"
            where = counted(len(found.sources), "micrograph")
            return f"All picks have the diameter that was measured in {where}: {size}.{kinds}"
        return f"All picks have the diameter that was given: {run.config.diameter:g} Å.{kinds}"
    return f"The diameter was measured in each micrograph by itself.{kinds}"


def contamination(run: RunStatistics) -> Section:
    """Say how many candidates lie on contamination, and in which micrographs."""
    heading = "Contamination"
    if not run.config.contamination or run.config.method == "paper":
        return Section(heading, paragraph("Contamination was not looked for.", "faint"))
    contaminated = sum(one.contaminated for one in run.micrographs)
    candidates = sum(one.candidates for one in run.micrographs)
    if not candidates:
        return Section(heading, paragraph("There are no candidates.", "faint"))
    why = "as they lie on something that is no particle: ice crystals, carbon, gold, aggregates"
    if run.kinds["side"]:
        why += "; or as they are pieces of side views, which runs do not tell apart from that"
    text = (
        f"{contaminated:,} of {counted(candidates, 'candidate')} ({contaminated / candidates:.1%}) "
        f"got no score, {why}. Runs keep candidates; the area that is contaminated is not kept."
    )
    shares = np.array([one.contaminated / one.candidates for one in run.micrographs if one.candidates])
    parts = [paragraph(text)]
    if len(shares) > 2:
        counts, edges = np.histogram(shares, bins=20, range=(0.0, 1.0))
        x, y = Axis("share of the candidates contaminated", 0.0, 1.0), Axis("micrographs", low=0.0)
        worst = sorted(run.micrographs, key=lambda one: -one.contaminated / max(one.candidates, 1))[:8]
        rows = [
            (
                one.name,
                f"{one.contaminated:,} of {one.candidates:,}",
                f"{one.contaminated / one.candidates:.0%}",
            )
            for one in worst
            if one.contaminated
        ]
        listed = table(("most in", "candidates contaminated", "share"), rows, kind="figures") if rows else ""
        drawn = figure(histogram(edges, counts, x=x, y=y), "Micrographs by the share that was contaminated.")
        parts.append(row_of("plots", [drawn, f"<div>{listed}</div>"]))
    return Section(heading, "\n".join(parts))
