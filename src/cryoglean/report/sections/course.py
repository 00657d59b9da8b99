"""Picks and scores in the course of a run, and over defocus."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.report.page import Plot, Section, plot
from cryoglean.report.plots import MIN_POINTS_FOR_A_TREND, Axis, scatter
from cryoglean.report.statistics import RunStatistics

MIN_SPAN = timedelta(minutes=10)
"""Micrographs whose files are further apart in time are shown over it; others were copied at about once."""
MIN_FOR_DEFOCUS = 12
"""From so many micrographs of known defocus on, those of low and of high defocus are compared."""
MUCH_LOWER_SCORE = 0.1


def course(run: RunStatistics) -> Section:
    """Show counts and scores over time, or the order of the run, and over defocus."""
    counts = np.array([one.picks for one in run.micrographs], np.float64)
    scores = np.array([one.mean_score for one in run.micrographs])
    modified = np.array([one.modified for one in run.micrographs])
    defocus = np.array([run.defocus.get(one.name, math.nan) for one in run.micrographs]) / 1e4
    timed = len(counts) > 1 and bool(np.ptp(modified) >= MIN_SPAN.total_seconds())
    first = modified.min() if timed else 0.0
    values: dict[str, Any] = {
        "number": len(counts),
        "first": f"{datetime.fromtimestamp(first, UTC):%Y-%m-%d %H:%M}" if timed else "",
        "trend": len(counts) >= MIN_POINTS_FOR_A_TREND,
        "unknown_defocus": int(np.isnan(defocus).sum()),
        "plots": [],
    }
    if len(counts) > 1:
        along, at = (
            (Axis("hours after the first file"), (modified - first) / 3600)
            if timed
            else (Axis("micrographs in the order of the run", low=0.0), np.arange(1.0, len(counts) + 1))
        )
        values["plots"] = _pair(at, counts, scores, along=along, over="the run")
        if np.isfinite(defocus).any():
            values["plots"] += _pair(defocus, counts, scores, along=Axis("defocus, µm"), over="defocus")
    return Section("Over the run", "course.html", values, _compare_thirds(defocus, scores))


def _pair(
    at: NDArray[np.float64],
    counts: NDArray[np.float64],
    scores: NDArray[np.float64],
    *,
    along: Axis,
    over: str,
) -> list[Plot]:
    """Draw counts and scores side by side."""
    # Not closer than a tenth, or the noise of scores that are all alike would fill the plot.
    lowest = min(0.9, math.floor(10 * np.nanmin(scores, initial=0.9)) / 10)
    return [
        plot(scatter(at, counts, x=along, y=Axis("picks", low=0.0)), f"Picks over {over}."),
        plot(
            scatter(at, scores, x=along, y=Axis("mean score", lowest, 1.0)),
            f"Mean score of the picks over {over}.",
        ),
    ]


def _compare_thirds(defocus: NDArray[np.float64], scores: NDArray[np.float64]) -> tuple[str, ...]:
    """Say so where scores are much lower at one end of the range of defocus than at the other."""
    known = np.flatnonzero(np.isfinite(defocus) & np.isfinite(scores))
    if len(known) < MIN_FOR_DEFOCUS:
        return ()
    order = known[np.argsort(defocus[known], kind="stable")]
    low, high = order[: len(order) // 3], order[-(len(order) // 3) :]
    of_low, of_high = (float(np.median(scores[third])) for third in (low, high))
    if abs(of_low - of_high) < MUCH_LOWER_SCORE:
        return ()
    below, above = (f"below {defocus[low].max():.1f} µm", f"above {defocus[high].min():.1f} µm")
    worse, at_worse, better, at_better = (
        (of_low, below, of_high, above) if of_low < of_high else (of_high, above, of_low, below)
    )
    return (
        f"Scores depend on the defocus: the mean score is {worse:.2f} {at_worse} and {better:.2f} "
        f"{at_better}. One threshold for all keeps a smaller part of the particles where scores are lower; "
        "look at such micrographs before you choose it.",
    )
