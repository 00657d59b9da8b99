"""Candidates on contamination."""

from __future__ import annotations

import numpy as np

from cryoglean.engine.summary import MAX_CONTAMINATED
from cryoglean.report.page import Section, Table, percent, plot
from cryoglean.report.plots import Axis, Mark, histogram
from cryoglean.report.statistics import RunStatistics

_MAX_LISTED = 8


def contamination(run: RunStatistics) -> Section:
    """Say how many candidates lie on contamination, and in which micrographs."""
    known = [one for one in run.micrographs if one.contaminated is not None and one.candidates]
    shares = {one.name: (one.contaminated or 0) / one.candidates for one in known}
    share = run.summary.contaminated_share
    drawn = []
    if len(shares) > 1:
        counts, edges = np.histogram(list(shares.values()), bins=20, range=(0.0, max(0.2, *shares.values())))
        x, y = Axis("share of the candidates on contamination", 0.0), Axis("micrographs")
        marks = [Mark(MAX_CONTAMINATED, f"{MAX_CONTAMINATED:.0%}")]
        drawn.append(plot(histogram(edges, counts, x=x, y=y, marks=marks), "Micrographs by that share."))
    worst = sorted((one for one in known if one.contaminated), key=lambda one: -shares[one.name])[
        :_MAX_LISTED
    ]
    rows = [
        (one.name, f"{one.contaminated:,} of {one.candidates:,}", percent(shares[one.name])) for one in worst
    ]
    values = {
        "looked_for": run.config.method.contamination,
        "share": share,
        "contaminated": sum(one.contaminated or 0 for one in known),
        "candidates": sum(one.candidates for one in known),
        "with_sides": len(run.micrographs) - sum(one.contaminated is not None for one in run.micrographs),
        "plots": drawn,
        "worst": Table(("most in", "contaminated", "share"), rows, kind="figures") if rows else None,
    }
    return Section("Contamination", "contamination.html", values)
