"""From paths to jobs: one for each micrograph, under a name that no other has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cryoglean.errors import UsageError
from cryoglean.io.formats.naming import distinct_names
from cryoglean.types import MicrographFile


@dataclass(frozen=True)
class Job:
    """One micrograph to pick.

    Parameters
    ----------
    name : str
        Under which its results are filed; unique among the micrographs of a run as they are now.
    micrograph : MicrographFile
        Which it is.
    key : str
        Under which its record and its corrections are kept, whatever else comes into the run; `name` if not
        given.
    """

    name: str
    micrograph: MicrographFile
    key: str = ""

    def __post_init__(self) -> None:
        if not self.key:
            object.__setattr__(self, "key", self.name)

    @property
    def path(self) -> Path:
        """Where the micrograph lies."""
        return self.micrograph.path


def plan_jobs(
    micrographs: Iterable[MicrographFile | Path], *, kept: Mapping[str, str] | None = None
) -> list[Job]:
    """Name the micrographs of a run.

    A micrograph is called after its file. Where several have one name, the first in natural order of their
    paths keeps it, and names of their folders are put in front for the others, as many as it takes: ``mic1``,
    then ``grid2_mic1``. So names depend on the micrographs, not on their order. Two that their inputs call by
    the same path are listed by whole ones.

    Parameters
    ----------
    micrographs : iterable of MicrographFile or Path
        The micrographs, none twice.
    kept : mapping of str to str, optional
        Names that some have already, by their locations, and keep.

    Returns
    -------
    list of Job
        In the same order.

    Raises
    ------
    UsageError
        A name that no coordinate file can hold.
    """
    files = [MicrographFile.of(one) for one in micrographs]
    for one in files:
        _require_plain(one.listed)
    named = distinct_names((one.location for one in files), kept=kept)
    listed = _listed_apart(files)
    return [Job(named[one.location], one) for one in listed]


def shard_of(jobs: Sequence[Job], shard: str | None) -> Sequence[Job]:
    """Return part i of n of some jobs, for a shard "i/n" counted from 1; all where there are no shards.

    Each part takes every n-th job, so that all parts meet the same kinds of micrographs.
    """
    if shard is None:
        return jobs
    number, shards = map(int, shard.split("/"))
    return jobs[number - 1 :: shards]


def _listed_apart(files: Sequence[MicrographFile]) -> list[MicrographFile]:
    """List by whole paths what two inputs call by one, as STAR files of two projects may."""
    counts = Counter(one.listed for one in files)
    return [replace(one, listed=one.location) if counts[one.listed] > 1 else one for one in files]


def _require_plain(name: str) -> None:
    """Refuse names that no STAR file can hold: with line breaks, both kinds of quotes, or in no encoding."""
    try:
        name.encode("utf-8")
        bad = "\n" in name or "\r" in name or ("'" in name and '"' in name)
    except UnicodeEncodeError:
        bad = True
    if bad:
        raise UsageError(f"{name!r}: no coordinate file can hold this name; rename it, or leave it out")
