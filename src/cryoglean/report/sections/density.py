"""How many particles are to be expected, how many were found, and how densely they lie."""

from __future__ import annotations

import numpy as np

from cryoglean.report.page import Section, plot
from cryoglean.report.plots import Axis, histogram, scatter
from cryoglean.report.statistics import RunStatistics

CROWDED = 0.75
"""Discs that touch each other cover 0.91 of the area at most; at random they hardly cover more than half."""


def density(run: RunStatistics) -> Section:
    """Compare the picks of each micrograph with the particles to expect in it, and show their density."""
    found = np.array([one.picks for one in run.micrographs], np.float64)
    expected = np.array([one.expected_particles for one in run.micrographs])
    covered = np.array([one.coverage for one in run.micrographs])
    covered = covered[np.isfinite(covered)]
    typical = float(np.median(covered)) if len(covered) else None
    drawn = []
    if run.scores_are_probabilities and len(found) > 1:
        drawn.append(
            plot(
                scatter(
                    expected,
                    found,
                    x=Axis("particles to expect", low=0.0),
                    y=Axis("picks", low=0.0),
                    equal="as many as expected",
                ),
                "Micrographs below the line hold more particles than were picked, if the scores are right.",
            )
        )
    if len(covered) > 1:
        counts, edges = np.histogram(covered, bins=20, range=(0.0, max(0.5, float(covered.max()))))
        x, y = Axis("share of the area that the picks cover", 0.0), Axis("micrographs")
        drawn.append(plot(histogram(edges, counts, x=x, y=y), "Density of the picks."))
    values = {
        "found": int(found.sum()),
        "expected": float(expected.sum()) if run.scores_are_probabilities else None,
        "coverage": typical,
        "plots": drawn,
    }
    return Section("Expected and found", "density.html", values, _crowded(typical))


def _crowded(coverage: float | None) -> tuple[str, ...]:
    if coverage is None or coverage < CROWDED:
        return ()
    return (
        f"In the typical micrograph the picks cover {coverage:.0%} of the area. Particles hardly ever lie so "
        "dense: the diameter is too large, or noise was picked. Look at the circles.",
    )
