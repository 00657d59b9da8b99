"""The register of a run: which micrographs it has, or ever had, and under which key each is kept.

A key is given once. So records and corrections stay with their micrograph when others of its name come into
the run, or when it leaves and comes back; only the names under which results are filed follow from the
micrographs that the run has at the time. A micrograph is known by its absolute path; where the run was moved
together with it, by its place beside the run; and where it alone was moved, by its name and content.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cryoglean.corrections.files import read_corrections
from cryoglean.engine.folder import RunFolder, file_name
from cryoglean.engine.ledger import beside, identify
from cryoglean.engine.plan import Job, plan_jobs
from cryoglean.engine.records import read_record, write_record
from cryoglean.errors import CorrectionsError, FileError, MicrographError, NewerError
from cryoglean.io.formats.naming import natural_order
from cryoglean.io.limits import is_file, read_file
from cryoglean.io.locating import places_of
from cryoglean.io.micrographs import micrograph_name
from cryoglean.io.writing import complete_or_absent, writing
from cryoglean.types import MicrographFile

_REMEDY = "name the folder that `cryoglean pick --out` wrote"

FileName = Annotated[str, AfterValidator(file_name)]


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(_Stored):
    """A micrograph that a run has or had, and the name under which its results were filed last."""

    key: FileName
    name: FileName
    listed: str
    file: str
    beside: str
    pixel_size: float | None = Field(None, gt=0, allow_inf_nan=False)
    movie_pixel_size: float | None = Field(None, gt=0, allow_inf_nan=False)

    @classmethod
    def of(cls, job: Job, folder: RunFolder) -> Entry:
        """Enter the micrograph of a job."""
        one = job.micrograph
        return cls(
            key=job.key,
            name=job.name,
            listed=one.listed,
            file=one.location,
            beside=beside(one.location, folder),
            pixel_size=one.pixel_size,
            movie_pixel_size=one.movie_pixel_size,
        )


class Register(_Stored):
    """The micrographs of a run in order, and those that it had earlier."""

    version: Literal[1] = 1
    micrographs: tuple[Entry, ...] = ()
    earlier: tuple[Entry, ...] = ()

    @property
    def entries(self) -> Iterator[Entry]:
        """All of them."""
        yield from self.micrographs
        yield from self.earlier


def enrol(
    folder: RunFolder, micrographs: Iterable[MicrographFile | Path], *, keep_names: bool = False
) -> list[Job]:
    """Plan the jobs of a run, give each micrograph its key, and write that down.

    Parameters
    ----------
    folder : RunFolder
        The run.
    micrographs : iterable of MicrographFile or Path
        All that it shall have, none twice.
    keep_names : bool
        Whether those that the run has keep their names, whatever comes, as in a watch; otherwise names follow
        from the micrographs alone.

    Returns
    -------
    list of Job
        In the same order.

    Raises
    ------
    OutputError
        The register cannot be written.
    UsageError
        A name that no coordinate file can hold.
    """
    register = _read(folder)
    entries = list(register.entries)
    kept = {_file_of(one, folder).location: one.name for one in register.micrographs} if keep_names else None
    jobs = _with_keys(plan_jobs(micrographs, kept=kept), entries, folder)
    _take_over(jobs, entries, folder)
    _unfile(jobs, register.micrographs, folder)
    now = {job.key for job in jobs}
    written = Register(
        micrographs=tuple(Entry.of(job, folder) for job in jobs),
        earlier=tuple(entry for entry in register.entries if entry.key not in now),
    )
    if written != register or not folder.register.exists():
        with complete_or_absent(folder.register) as partial:
            partial.write_text(written.model_dump_json(exclude_none=True) + "\n", encoding="utf-8")
    with complete_or_absent(folder.inputs) as partial:
        partial.write_text("".join(f"{job.path}\n" for job in jobs), encoding="utf-8")
    return jobs


def read_jobs(folder: RunFolder) -> list[Job]:
    """Read which micrographs a run has, in order, where they lie now, and how results were filed last.

    Raises
    ------
    FileError
        The folder is not that of a run.
    """
    register = _read(folder)
    if not register.micrographs and not folder.inputs.exists():
        raise FileError(folder.inputs, "cannot be read: there is no such file", _REMEDY)
    return [Job(entry.name, _file_of(entry, folder), entry.key) for entry in register.micrographs]


def strays(folder: RunFolder, jobs: Iterable[Job]) -> list[str]:
    """Return the micrographs that a user has corrected and that the run no longer has, by their paths."""
    register, now = _read(folder), {job.key for job in jobs}
    return [
        entry.file
        for entry in register.entries
        if entry.key not in now and folder.correction(entry.key).exists()
    ]


def _read(folder: RunFolder) -> Register:
    """Read the register; of a run without one, or with a damaged one, make it from the list of inputs."""
    try:
        return Register.model_validate_json(read_file(folder.register))
    except OSError:
        return _from_inputs(folder)
    except ValidationError as error:
        for each in error.errors():
            if each["loc"] == ("version",) and isinstance(each["input"], int) and each["input"] > 1:
                raise NewerError(folder.register, f"{each['input']} of its format", "1") from None
        return _from_inputs(folder)


def _from_inputs(folder: RunFolder) -> Register:
    """Make the register of a run that has none; version 0.1.0 wrote none at first.

    There a micrograph was kept under its name, and the first that was given had the short one.
    """
    try:
        text = read_file(folder.inputs).decode("utf-8")
    except FileNotFoundError:
        return Register()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(folder.inputs, f"cannot be read: {error}", _REMEDY) from None
    paths = [line for line in text.split("\n") if line]
    entries, taken = [], set[str]()
    for path, places in zip(paths, places_of(paths, folder.inputs), strict=True):
        name = _name_of_old(Path(path), taken)
        one = MicrographFile(_likeliest([*places, Path(path)], name, folder), listed=path)
        taken.add(name)
        entries.append(Entry.of(Job(name, one, _free_key(Job(name, one), taken - {name}, folder)), folder))
    return Register(micrographs=tuple(entries))


def _name_of_old(path: Path, taken: Collection[str]) -> str:
    name = micrograph_name(path)
    folders = [part for part in path.absolute().parent.parts if part != path.anchor]
    while name in taken and folders:
        name = f"{folders.pop()}_{name}"
    count, stem = 2, name
    while name in taken:
        name, count = f"{stem}_{count}", count + 1
    return name


def _file_of(entry: Entry, folder: RunFolder) -> MicrographFile:
    """Say where a micrograph lies now, if the run was moved with it."""
    place, moved = Path(entry.file), Path(os.path.normpath(folder.root.resolve() / entry.beside))
    if place != moved:
        place = _likeliest([place, moved], entry.key, folder)
    return MicrographFile(
        place, entry.listed, pixel_size=entry.pixel_size, movie_pixel_size=entry.movie_pixel_size
    )


def _likeliest(places: Sequence[Path], key: str, folder: RunFolder) -> Path:
    """Choose the place with the file that the record is of; else the first that is there; else the first."""
    there = [place for place in dict.fromkeys(places) if is_file(place)]
    if len(there) > 1:
        record = read_record(folder.record(key))
        if record is not None:
            there.sort(key=lambda place: not record.is_from(place))
    return there[0] if there else places[0]


def _with_keys(plan: Sequence[Job], entries: Sequence[Entry], folder: RunFolder) -> list[Job]:
    """Give jobs the keys of their micrographs, and new ones to those that the run never had."""
    keys = _known_keys(plan, entries, folder)
    taken = {entry.key for entry in entries}
    # In an order that does not depend on that of the inputs.
    new = [job for job in plan if job.name not in keys]
    for job in sorted(new, key=lambda job: natural_order(job.micrograph.location)):
        keys[job.name] = _free_key(job, taken, folder)
        taken.add(keys[job.name])
    return [replace(job, key=keys[job.name]) for job in plan]


def _known_keys(plan: Sequence[Job], entries: Sequence[Entry], folder: RunFolder) -> dict[str, str]:
    """Find the micrographs of jobs again; return keys by the jobs' names."""
    idle = {entry.key: entry for entry in entries}
    keys: dict[str, str] = {}

    def claim(place_of_entry: Callable[[Entry], str], place_of_job: Callable[[Job], str]) -> None:
        open_jobs = [job for job in plan if job.name not in keys]
        if not open_jobs or not idle:
            return
        places = {place_of_entry(entry): key for key, entry in idle.items()}
        for job in open_jobs:
            key = places.get(place_of_job(job))
            if key in idle:
                keys[job.name] = key
                del idle[key]

    here = folder.root.resolve()
    claim(lambda entry: entry.file, lambda job: job.micrograph.location)
    claim(lambda entry: os.path.normpath(here / entry.beside), lambda job: job.micrograph.location)
    claim(lambda entry: os.path.realpath(entry.file), lambda job: os.path.realpath(job.path))
    gone: dict[str, list[str]] = defaultdict(list)
    for key, entry in idle.items():
        gone[Path(entry.file).name].append(key)
    for job in plan:
        if job.name not in keys and job.path.name in gone:
            alike = [key for key in gone[job.path.name] if key in idle and _was_moved(idle[key], job, folder)]
            if len(alike) == 1:
                keys[job.name] = alike[0]
                del idle[alike[0]]
    return keys


def _was_moved(entry: Entry, job: Job, folder: RunFolder) -> bool:
    """Tell by its content whether a micrograph is one that is no longer where it was."""
    record = read_record(folder.record(entry.key))
    if (
        record is None
        or record.identity is None
        or record.identity.sample is None
        or Path(entry.file).exists()
    ):
        return False
    try:
        return record.identity.agrees(identify(job.path, sample=True))
    except MicrographError:
        return False


def _take_over(jobs: Iterable[Job], entries: Iterable[Entry], folder: RunFolder) -> None:
    """Write into the records of micrographs that lie elsewhere now where that is."""
    before = {entry.key: entry for entry in entries}
    for job in jobs:
        known = before.get(job.key)
        if known is None or known.file == job.micrograph.location:
            continue
        record = read_record(folder.record(job.key))
        if record is None:
            continue
        # Also where it is known by its place beside the run, which may be moved alone the next time.
        if record.file == known.file or not (record.file or record.is_about(job, folder)):
            location = job.micrograph.location
            now = replace(record, file=location, beside=beside(location, folder), path=job.micrograph.listed)
            write_record(folder.record(job.key), now)


def _unfile(jobs: Sequence[Job], before: Iterable[Entry], folder: RunFolder) -> None:
    """Remove results that are filed under names which others have now; they follow again from the records."""
    named = {job.name: job.key for job in jobs}
    called = {job.key: job.name for job in jobs}
    for entry in before:
        renamed = called.get(entry.key, entry.name) != entry.name
        if renamed or named.get(entry.name, entry.key) != entry.key:
            stale = (folder.star(entry.name), folder.overlay(entry.name), folder.table, folder.star_list)
            for path in stale:
                with writing(path):
                    path.unlink(missing_ok=True)


def _free_key(job: Job, taken: Collection[str], folder: RunFolder) -> str:
    """Return the name of a job, or the first number behind it under which nothing is kept of another."""
    numbered = (f"{job.name}_{count}" for count in range(2, len(taken) + 3))
    return next(
        (key for key in (job.name, *numbered) if key not in taken and _is_free(key, job, folder)),
        f"{job.name}_{blake2b(job.micrograph.location.encode(), digest_size=8).hexdigest()}",
    )


def _is_free(key: str, job: Job, folder: RunFolder) -> bool:
    """Tell whether nothing of another micrograph is kept under a key."""
    record = read_record(folder.record(key))
    if record is not None and not record.is_about(job, folder):
        return False
    try:
        made = read_corrections(folder.correction(key), key)
    except CorrectionsError:
        # Who picks this micrograph will hear of it.
        return True
    return made.file in ("", job.micrograph.location)
