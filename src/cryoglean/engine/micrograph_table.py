"""One row for each micrograph of a run, in CSV and STAR: to sort and to filter by, in any program."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.engine.folder import RunFolder
from cryoglean.engine.plan import Job
from cryoglean.engine.work import Outcome
from cryoglean.io.formats.optics import CtfFit
from cryoglean.io.formats.star import Block, write_star
from cryoglean.io.spreadsheets import write_table

STAR_LABELS = {
    "path": "rlnMicrographName",
    "outcome": "cryogleanOutcome",
    "picks": "cryogleanPicks",
    "mean_score": "cryogleanMeanScore",
    "candidates": "cryogleanCandidates",
    "contaminated_share": "cryogleanContaminatedShare",
    "pixel_size": "rlnMicrographPixelSize",
    "defocus": "cryogleanDefocus",
    "ctf_resolution": "rlnCtfMaxResolution",
    "ctf_figure_of_merit": "rlnCtfFigureOfMerit",
    "seconds": "cryogleanSeconds",
}
"""Columns of the table, and what they are called in STAR: RELION's labels where it has one."""
DECIMALS = {
    "mean_score": 4,
    "contaminated_share": 4,
    "pixel_size": 4,
    "defocus": 1,
    "ctf_resolution": 2,
    "ctf_figure_of_merit": 4,
    "seconds": 3,
}


def write_micrograph_table(
    folder: RunFolder, jobs: Sequence[Job], *, outcomes: Mapping[str, Outcome], ctf: Mapping[str, CtfFit]
) -> None:
    """Write ``micrographs.csv`` and ``micrographs.star``.

    Parameters
    ----------
    folder : RunFolder
        The run.
    jobs : sequence of Job
        Its micrographs, in order: a row for each.
    outcomes : mapping of str to Outcome
        What became of each, by its name; those that were not worked on yet are missing.
    ctf : mapping of str to CtfFit
        What is known of their CTF, by their keys.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    rows = [_row(job, outcomes.get(job.name), ctf.get(job.key, CtfFit())) for job in jobs]
    cells = (
        [job.name, *(_plain(name, row[name]) for name in STAR_LABELS)]
        for job, row in zip(jobs, rows, strict=True)
    )
    write_table(folder.micrograph_table, ["micrograph", *STAR_LABELS], cells)
    columns = {label: np.asarray([row[name] for row in rows]) for name, label in STAR_LABELS.items()}
    known = {label: values for label, values in columns.items() if not _is_unknown(values)}
    write_star(folder.micrograph_star, [Block("micrographs", known)])


def _row(job: Job, outcome: Outcome | None, ctf: CtfFit) -> dict[str, str | int | float]:
    done = outcome or Outcome(job.name, job.path, seconds=math.nan)
    known = done.contaminated is not None and done.candidates
    figures = {
        "mean_score": done.mean_score,
        "contaminated_share": (done.contaminated or 0) / done.candidates if known else None,
        "pixel_size": done.pixel_size,
        "defocus": ctf.defocus,
        "ctf_resolution": ctf.resolution,
        "ctf_figure_of_merit": ctf.figure_of_merit,
        "seconds": done.seconds,
    }
    return {
        "path": job.micrograph.listed,
        "outcome": _word(outcome),
        "picks": done.picks,
        "candidates": done.candidates,
        **{
            name: math.nan if value is None else round(value, DECIMALS[name])
            for name, value in figures.items()
        },
    }


def _word(outcome: Outcome | None) -> str:
    """Say in one word what became of a micrograph."""
    if outcome is None:
        return "missing"
    if outcome.error is not None:
        return "failed"
    return "rejected" if outcome.rejected else "picked"


def _plain(name: str, value: str | float) -> str:
    """Write a cell of the CSV file; nothing where it is not known."""
    if not isinstance(value, float):
        return str(value)
    return "" if math.isnan(value) else f"{value:.{DECIMALS[name]}f}"


def _is_unknown(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "f" and bool(np.isnan(values).all())
