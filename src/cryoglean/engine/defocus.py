"""What a run knows of its micrographs' CTF: it decides no pick, but explains many."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

from cryoglean.engine.folder import RunFolder
from cryoglean.engine.plan import Job
from cryoglean.io.formats.naming import pair_micrographs
from cryoglean.io.formats.optics import CtfFit, read_ctf
from cryoglean.io.limits import read_file
from cryoglean.io.spreadsheets import plain, write_table

_HEADER = ("micrograph", "defocus", "ctf_resolution", "ctf_figure_of_merit")


def keep_ctf(folder: RunFolder, jobs: Sequence[Job], files: Sequence[Path]) -> dict[str, CtfFit]:
    """Take the CTF fits of a run's micrographs from STAR files, and keep them with the run.

    What was kept before stays where no file has another.

    Parameters
    ----------
    folder : RunFolder
        The run.
    jobs : sequence of Job
        Its micrographs.
    files : sequence of Path
        STAR files, as CTF estimation leaves them. Micrographs pair by path, or by name with or without
        what programs add to it.

    Returns
    -------
    dict of str to CtfFit
        Those that the files have, by the key of the run's micrograph.

    Raises
    ------
    CoordinateError
        A file cannot be read.
    OutputError
        They cannot be written.
    """
    read = {path: fit for file in files for path, fit in read_ctf(file).items()}
    keys = {job.micrograph.location: job.key for job in jobs}
    pairs = pair_micrographs(read, keys).pairs
    found = {keys[location]: read[path] for path, location in pairs.items()}
    if found:
        _write(folder, kept_ctf(folder) | found)
    return found


def kept_ctf(folder: RunFolder) -> dict[str, CtfFit]:
    """Read what a run knows of CTF fits, by the key of the micrograph."""
    try:
        rows = list(csv.reader(io.StringIO(read_file(folder.defocus).decode("utf-8"), newline="")))[1:]
        return {plain(name): CtfFit(*(float(value or "nan") for value in values)) for name, *values in rows}
    except (OSError, ValueError, TypeError, csv.Error):
        # There is none, or it was spoiled: nothing that a pick depends on.
        return {}


def kept_defocus(folder: RunFolder) -> dict[str, float]:
    """Read what a run knows: mean defocus in Å, positive for underfocus, by the key of the micrograph."""
    return {name: fit.defocus for name, fit in kept_ctf(folder).items() if math.isfinite(fit.defocus)}


def _write(folder: RunFolder, fits: Mapping[str, CtfFit]) -> None:
    rows = (
        [name, *("" if math.isnan(value) else f"{value:.6g}" for value in astuple(fit))]
        for name, fit in fits.items()
    )
    write_table(folder.defocus, _HEADER, rows)
