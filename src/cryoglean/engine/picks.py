"""Picks of any program, and of a run with all that the run knows of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cryoglean.engine.folder import RunFolder
from cryoglean.engine.plan import Job
from cryoglean.engine.records import record_of
from cryoglean.engine.register import read_jobs
from cryoglean.io.formats import read_picks
from cryoglean.types import Picks


def read_picks_or_run(
    path: Path,
    *,
    format: str | None = None,  # noqa: A002 - as in `read_picks`
    pixel_size: float | None = None,
    fractions: bool = False,
) -> list[Picks]:
    """Read picks of any dialect; those of a run with the paths and pixel sizes of its micrographs.

    Tables and coordinate files name micrographs for short; the run knows which they are.

    Parameters
    ----------
    path : Path
        A file or folder, see `cryoglean.io.formats.read_picks`; the folder of a run or anything in it.
    format : str, optional
        Name of the dialect.
    pixel_size : float, optional
        Å per pixel of the micrographs, which wins over what is known.
    fractions : bool
        Take picks that are fractions of micrographs of unknown size.

    Raises
    ------
    CoordinateError, UsageError
        As `read_picks`.
    FileError
        The run's own files are damaged.
    """
    picks = read_picks(path, format=format, pixel_size=pixel_size, fractions=fractions)
    folder = _run_of(path)
    if folder is None:
        return picks
    jobs = read_jobs(folder)
    of_path = {job.micrograph.listed: job for job in jobs}
    of_name = {job.name: job for job in jobs}
    found = ((one, of_path.get(one.path) if one.path else of_name.get(one.name)) for one in picks)
    return [one if job is None else _completed(one, job, folder) for one, job in found]


def _run_of(path: Path) -> RunFolder | None:
    """Return the run that a path is of: its folder, a file in that, or one in a folder of it."""
    absolute = path.absolute()
    folders = (RunFolder(folder) for folder in (absolute, absolute.parent, absolute.parent.parent))
    return next((one for one in folders if one.config.is_file() and one.inputs.is_file()), None)


def _completed(picks: Picks, job: Job, folder: RunFolder) -> Picks:
    named = replace(picks, name=job.name, path=job.micrograph.listed)
    record = record_of(job, folder)
    if record is None or record.candidates is None:
        return named
    named = replace(named, shape=record.candidates.shape)
    if picks.pixel_size is not None:
        return named
    # What a run says of lengths in pixels is in pixels in its table too.
    size = record.candidates.pixel_size
    return replace(named, pixel_size=size, in_pixels=size is None)
