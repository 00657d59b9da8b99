"""From paths to jobs: one for each micrograph, under a name that no other has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryoglean.engine.folder import RunFolder
from cryoglean.errors import FileError, UsageError
from cryoglean.io import micrograph_name
from cryoglean.io.writing import complete_or_absent


@dataclass(frozen=True)
class Job:
    """One micrograph to pick.

    Parameters
    ----------
    name : str
        Under which its results are filed; unique in a run.
    path : Path
        The micrograph.
    """

    name: str
    path: Path


def plan_jobs(paths: Iterable[Path]) -> list[Job]:
    """Name the micrographs of a run.

    A micrograph is called after its file. Where an earlier one has that name already, names of its folders
    are put in front, as many as it takes: ``mic1``, then ``grid2_mic1``.

    Parameters
    ----------
    paths : iterable of Path
        The micrographs, none twice.

    Returns
    -------
    list of Job
        In the same order.

    Raises
    ------
    UsageError
        A name that no coordinate file can hold.
    """
    taken: set[str] = set()
    jobs = []
    for path in paths:
        _require_plain(path)
        name = _free_name(path, taken)
        taken.add(name)
        jobs.append(Job(name, path))
    return jobs


def shard_of(jobs: Sequence[Job], shard: str | None) -> Sequence[Job]:
    """Return part i of n of some jobs, for a shard "i/n" counted from 1; all where there are no shards.

    Each part takes every n-th job, so that all parts meet the same kinds of micrographs.
    """
    if shard is None:
        return jobs
    number, shards = map(int, shard.split("/"))
    return jobs[number - 1 :: shards]


def write_inputs(folder: RunFolder, paths: Iterable[Path]) -> None:
    """Write which micrographs a run has, one path a line; ``@FOLDER/inputs.txt`` names them again.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with complete_or_absent(folder.inputs) as partial:
        partial.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")


def read_inputs(folder: RunFolder) -> list[Path]:
    """Read which micrographs a run has, in order.

    Raises
    ------
    FileError
        The folder is not that of a run.
    """
    try:
        text = folder.inputs.read_text(encoding="utf-8")
    except OSError as error:
        remedy = "name the folder that `cryoglean pick --out` wrote"
        raise FileError(folder.inputs, f"cannot be read: {error.strerror}", remedy) from None
    return [Path(line) for line in text.split("\n") if line]


def _require_plain(path: Path) -> None:
    """Refuse names that no STAR file can hold: with line breaks, both kinds of quotes, or in no encoding."""
    name = str(path)
    try:
        name.encode("utf-8")
        bad = "\n" in name or "\r" in name or ("'" in name and '"' in name)
    except UnicodeEncodeError:
        bad = True
    if bad:
        raise UsageError(f"{name!r}: no coordinate file can hold this name; rename it, or leave it out")


def _free_name(path: Path, taken: set[str]) -> str:
    name = micrograph_name(path)
    folders = [part for part in path.absolute().parent.parts if part != path.anchor]
    while name in taken and folders:
        name = f"{folders.pop()}_{name}"
    count, stem = 2, name
    while name in taken:
        name, count = f"{stem}_{count}", count + 1
    return name
