"""Sizes of the picks, their distances from each other, and whether they lie in islands."""

from __future__ import annotations

import math

import numpy as np

from cryoglean.report.page import Plot, Section, plot
from cryoglean.report.plots import Axis, Mark, histogram
from cryoglean.report.statistics import SPACING_EDGES, RunStatistics, median_of

HALF_AREA_BY_CHANCE = 0.34
"""Picks at random hold half of themselves in this share of the area, in cells of five picks on average."""
HALF_AREA_OF_ISLANDS = 0.2
"""Picks lie in islands where half of them lie in no more than this share of the area."""
CLOSE = 0.9
"""Picks that are closer to another one than this many diameters overlap with it."""
MANY_CLOSE = 0.2


def spacing(run: RunStatistics) -> Section:
    """Show diameters, distances of nearest neighbours, and how evenly picks are spread."""
    half = np.array([one.half_area for one in run.micrographs])
    half = half[np.isfinite(half)]
    drawn = [*_neighbours(run), *_diameters(run)]
    if len(half) > 1:
        counts, edges = np.histogram(half, bins=25, range=(0.0, 0.5))
        drawn.append(
            plot(
                histogram(
                    edges,
                    counts,
                    x=Axis("share of the area that holds half of the picks", 0.0, 0.5),
                    y=Axis("micrographs"),
                    marks=[Mark(HALF_AREA_BY_CHANCE, "by chance")],
                ),
                "How evenly picks are spread: to the left of the line they lie in islands, to the right they "
                "keep their distance from each other.",
            )
        )
    values = {
        "given": run.config.known_diameter,
        "measured": run.measured if _is_measured(run) else None,
        "kinds": run.kinds.most_common() if len(run.kinds) > 1 else [],
        "neighbour": median_of(SPACING_EDGES, run.spacings),
        "half_area": float(np.median(half)) if len(half) else math.nan,
        "plots": drawn,
    }
    return Section("Sizes and spacing", "spacing.html", values, (*_overlapping(run), *_in_islands(half)))


def _is_measured(run: RunStatistics) -> bool:
    """Tell whether the diameter of all picks was measured; what an earlier start measured may lie unused."""
    found = run.measured
    if found is None or found.is_of_given_diameter:
        return False
    return found.diameter == run.config.known_diameter


def _neighbours(run: RunStatistics) -> list[Plot]:
    if not run.spacings.any():
        return []
    farthest = max(2.0, math.ceil(SPACING_EDGES[np.flatnonzero(run.spacings)[-1] + 1]))
    drawn = histogram(
        SPACING_EDGES,
        run.spacings,
        x=Axis("distance of the nearest pick, particle diameters", 0.0, farthest),
        y=Axis("picks"),
        marks=[Mark(run.config.separation, f"separation {run.config.separation:g}")],
    )
    return [plot(drawn, "Distances of nearest neighbours.")]


def _diameters(run: RunStatistics) -> list[Plot]:
    sizes = np.array(sorted(run.diameters))
    if len(sizes) < 2:
        return []
    numbers = [run.diameters[size] for size in sizes.tolist()]
    counts, edges = np.histogram(sizes, bins=min(50, 4 * len(sizes)), weights=numbers)
    return [plot(histogram(edges, counts, x=Axis("diameter, Å"), y=Axis("picks")), "Diameters of the picks.")]


def _overlapping(run: RunStatistics) -> tuple[str, ...]:
    total = run.spacings.sum()
    close = run.spacings[SPACING_EDGES[1:] <= CLOSE + 1e-9].sum()
    if not total or close / total < MANY_CLOSE:
        return ()
    return (
        f"{close / total:.0%} of the picks lie closer than {CLOSE:g} diameters to another one: particles lie "
        "over each other in projection, two picks share a particle, or the diameter is too large. Look at "
        "the circles; where they call for it, give a smaller `--diameter`, or a larger `--separation` to "
        "`cryoglean select`.",
    )


def _in_islands(half: np.ndarray) -> tuple[str, ...]:
    if not len(half) or np.median(half) > HALF_AREA_OF_ISLANDS:
        return ()
    return (
        f"Picks lie in islands: in the typical micrograph half of them lie on {np.median(half):.0%} of the "
        f"area, where chance alone takes {HALF_AREA_BY_CHANCE:.0%}. Particles cluster, the ice is uneven, or "
        "the picks are on contamination or a carbon edge.",
    )
