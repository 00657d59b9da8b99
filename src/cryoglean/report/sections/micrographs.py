"""Micrographs with their picks: the best, those in the middle, and the worst."""

from __future__ import annotations

from cryoglean.engine.results import read_results
from cryoglean.report.gallery import GalleryItem, draw_item, extremes
from cryoglean.report.page import Section
from cryoglean.report.sections.truth import Comparison
from cryoglean.report.statistics import MicrographStatistics, RunStatistics
from cryoglean.report.words import counted


def micrographs(run: RunStatistics, comparison: Comparison | None = None) -> Section:
    """Show the best, the middle and the worst micrographs of a run with their picks.

    Parameters
    ----------
    run : RunStatistics
        The run.
    comparison : Comparison, optional
        Its picks beside the truth, by which micrographs are ranked where it is given.
    """
    order = _by_expectation(run) if comparison is None else _by_merit(run, comparison)
    values = {
        "tolerance": comparison.evaluation.pooled[-1].tolerance if comparison else None,
        "probabilities": run.scores_are_probabilities,
        "groups": {
            heading: [draw_item(_item(one, run, comparison)) for one in some]
            for heading, some in extremes(order).items()
        },
    }
    return Section("Micrographs", "micrographs.html", values)


def _by_expectation(run: RunStatistics) -> list[MicrographStatistics]:
    return sorted(run.micrographs, key=lambda one: -one.expected_hits)


def _by_merit(run: RunStatistics, comparison: Comparison) -> list[MicrographStatistics]:
    merits = [(comparison.merit_of(one.name), one) for one in run.micrographs]
    known = [(merit.f1, one) for merit, one in merits if merit is not None]
    return [one for _, one in sorted(known, key=lambda pair: -pair[0])]


def _item(one: MicrographStatistics, run: RunStatistics, comparison: Comparison | None) -> GalleryItem:
    ((_, _, picks),) = read_results([one.job], run.folder)
    merit = comparison.merit_of(one.name) if comparison else None
    facts = [counted(one.picks, "pick")]
    if merit is not None:
        facts.append(f"F1 {merit.f1:.3f}, precision {merit.precision:.3f}, recall {merit.recall:.3f}")
    elif one.picks:
        facts.append(f"mean score {one.mean_score:.3f}")
    if one.name in run.defocus:
        facts.append(f"defocus {run.defocus[one.name] / 1e4:.2f}\N{NO-BREAK SPACE}µm")
    return GalleryItem(
        one.job.micrograph,
        picks,
        facts="; ".join(facts),
        truth=comparison.truth.get(one.name) if comparison else None,
        pixel_size=run.config.angpix,
        diameter=run.config.known_diameter,
    )
