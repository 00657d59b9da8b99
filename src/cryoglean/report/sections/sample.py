"""A whole run in one section: for pages that compare runs."""

from __future__ import annotations

from cryoglean.engine import RunFolder
from cryoglean.report.page import Section
from cryoglean.report.sections.micrographs import micrographs
from cryoglean.report.sections.truth import Comparison, truth
from cryoglean.report.statistics import run_statistics


def sample(title: str, run: RunFolder, comparison: Comparison, *, link: str) -> Section:
    """Show how good the picks of a run are, and its micrographs.

    Parameters
    ----------
    title : str
        Heading of the section.
    run : RunFolder
        The run.
    comparison : Comparison
        Its picks beside the truth.
    link : str
        Address of the whole report, relative to the page.
    """
    parts = [truth(comparison.evaluation), micrographs(run_statistics(run), comparison)]
    return Section(title, "sample.html", {"parts": parts, "link": link})
