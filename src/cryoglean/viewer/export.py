"""The picks of a run as one file to take away, in any format that picks are written in."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from cryoglean.engine import RunFolder
from cryoglean.engine.plan import Job
from cryoglean.engine.records import record_of
from cryoglean.engine.work import with_corrections
from cryoglean.errors import UsageError
from cryoglean.io.formats import DIALECTS
from cryoglean.io.formats.dialects import LIST_FILE, OneEach, dialect_of
from cryoglean.io.formats.relion import write_coordinate_list
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Picks

Found = tuple[Job, Picks]


def read_corrected(jobs: Iterable[Job], folder: RunFolder, selection: SelectConfig) -> Iterator[Found]:
    """Give the corrected picks of each micrograph that is done and not rejected.

    Raises
    ------
    CorrectionsError
        Corrections that cannot be read; there shall be no picks without them.
    """
    for job in jobs:
        record = record_of(job, folder)
        if record is None or record.candidates is None:
            continue
        wanted = replace(record, config=record.config.changed(**dict(selection)))
        now, picks = with_corrections(wanted, folder)
        if not now.rejected:
            yield job, picks


def export(found: Iterable[Found], folder: Path, *, name: str, format: str) -> Path:  # noqa: A002
    """Write picks into one file, which is a ZIP for formats with a file for each micrograph.

    Parameters
    ----------
    found : iterable of (Job, Picks)
        Micrographs and their picks.
    folder : Path
        Where to write.
    name : str
        What to call the file, and the folder in a ZIP. Unpacked in a RELION project, the list in it names
        coordinate files as RELION looks for them.
    format : str
        Name of the format, see `DIALECTS`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CoordinateError
        The format cannot hold these picks, or needs a package that is not there.
    OutputError
        It cannot be written.
    UsageError
        No such format.
    """
    dialect = dialect_of(folder, format)
    if isinstance(dialect, OneEach):
        return _export_each(found, folder / f"{name}.zip", dialect)
    every = [picks for _, picks in found]
    if not any(map(len, every)):
        raise UsageError("there is no pick to export at this threshold")
    target = folder / f"{name}{dialect.suffix}"
    dialect.write(every, target)
    return target


def _export_each(found: Iterable[Found], target: Path, dialect: OneEach) -> Path:
    folder, name = target.parent, target.name.removesuffix(".zip")
    listed: dict[str, Path] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for job, picks in found:
            file = Path(name) / f"{job.name}{dialect.ending}"
            dialect.write(picks, folder / file)
            packed.write(folder / file, file)
            (folder / file).unlink()
            listed[job.micrograph.listed] = file
        if not listed:
            raise UsageError("there is no micrograph whose picks could be exported")
        if dialect is DIALECTS["relion"]:
            write_coordinate_list(folder / LIST_FILE, listed)
            packed.write(folder / LIST_FILE, Path(name) / LIST_FILE)
    return target
