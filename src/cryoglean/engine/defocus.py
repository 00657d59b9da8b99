"""What a run knows of its micrographs' defocus: it decides no pick, but explains many."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryoglean.engine.folder import RunFolder
from cryoglean.engine.plan import Job
from cryoglean.io.formats.naming import plain_name
from cryoglean.io.formats.optics import read_defocus
from cryoglean.io.writing import complete_or_absent


def keep_defocus(folder: RunFolder, jobs: Sequence[Job], files: Sequence[Path]) -> dict[str, float]:
    """Take the defocus of a run's micrographs from STAR files, and keep it with the run.

    Parameters
    ----------
    folder : RunFolder
        The run.
    jobs : sequence of Job
        Its micrographs.
    files : sequence of Path
        STAR files, as CTF estimation leaves them. Micrographs pair by name, with or without what programs
        add to it.

    Returns
    -------
    dict of str to float
        Mean defocus in Å by the name of the micrograph; what was kept before stays where no file tells it.

    Raises
    ------
    CoordinateError
        A file cannot be read.
    OutputError
        It cannot be written.
    """
    read = {name: value for file in files for name, value in read_defocus(file).items()}
    plain = {plain_name(name): value for name, value in read.items()} | read
    known = kept_defocus(folder)
    for job in jobs:
        value = plain.get(job.name, plain.get(plain_name(job.name)))
        if value is not None:
            known[job.name] = value
    if read:
        _write(folder, known)
    return known


def kept_defocus(folder: RunFolder) -> dict[str, float]:
    """Read what a run knows: mean defocus in Å, positive for underfocus, by the name of the micrograph."""
    try:
        with folder.defocus.open(encoding="utf-8", newline="") as file:
            return {name: float(value) for name, value in list(csv.reader(file))[1:]}
    except (OSError, ValueError):
        # There is none, or it was spoiled: nothing that a pick depends on.
        return {}


def _write(folder: RunFolder, defocus: Mapping[str, float]) -> None:
    with (
        complete_or_absent(folder.defocus) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["micrograph", "defocus"])
        table.writerows((name, f"{value:.1f}") for name, value in defocus.items())
