"""The job: one micrograph from file to picks, done wholly or not at all, and the same wherever it is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cryoglean.classes.model import RunModel
from cryoglean.corrections import corrected, read_corrections
from cryoglean.engine.folder import RunFolder
from cryoglean.engine.learning import find_learned
from cryoglean.engine.ledger import Identity, Record, beside, identify, rounded
from cryoglean.engine.plan import Job
from cryoglean.engine.records import write_record
from cryoglean.engine.resources import threads
from cryoglean.errors import (
    CorrectionsError,
    CryogleanError,
    FileError,
    MicrographError,
    OutputError,
    report_of,
)
from cryoglean.io import read_micrograph
from cryoglean.io.formats.relion import write_coordinates
from cryoglean.io.writing import writing
from cryoglean.pickers import build_picker, find_alone
from cryoglean.pickers.settings import PickConfig
from cryoglean.select import select
from cryoglean.types import Micrograph, MicrographFile, Picks

Draw = Callable[[Micrograph, Picks, Path], None]
"""Draws a micrograph with its picks into a file."""


@dataclass(frozen=True)
class Task:
    """What all jobs of a run have in common.

    Parameters
    ----------
    folder : RunFolder
        Where results go.
    config : PickConfig
        The resolved configuration.
    weights : str, optional
        Digest of the weights that the configuration names, and of the run's model.
    model : RunModel, optional
        What the run taught; None where the first opinion stays.
    content : bool
        Identify micrographs by their content.
    draw : callable, optional
        Draws the overlay of each micrograph.
    threads : int
        Threads of numerical libraries for each job.
    home : Path
        What relative paths are relative to, on whatever machine a job is done.
    """

    folder: RunFolder
    config: PickConfig
    weights: str | None = None
    model: RunModel | None = None
    content: bool = False
    draw: Draw | None = None
    threads: int = 1
    home: Path = field(default_factory=Path.cwd)

    def is_like(self, other: Task) -> bool:
        """Return whether both tasks give the same candidates and picks."""
        return (self.config, self.weights) == (other.config, other.weights)

    @property
    def results(self) -> RunFolder:
        """Where results go, by an absolute path."""
        return RunFolder(self.home / self.folder.root)


@dataclass(frozen=True)
class Outcome:
    """What became of one job, in numbers.

    Parameters
    ----------
    name : str
        The micrograph.
    path : Path
        Its file.
    picks : int
        Number of picks.
    mean_score : float, optional
        Of the picks; None where there are none.
    seconds : float
        What it took.
    warnings : tuple of str
        What was strange about the file.
    error : str, optional
        Why it failed.
    rejected : bool
        Whether the user has rejected it, so that it has no picks.
    candidates : int
        Number of candidates.
    best_score : float, optional
        Of all candidates; None where there are none.
    expected_particles : float
        Sum of the scores of all candidates that could be picked at some threshold: the particles to expect,
        where scores are probabilities.
    contaminated : int, optional
        Number of candidates that were taken for contamination; None where that cannot be told.
    pixel_size : float, optional
        Å per pixel; None where it is not known.
    """

    name: str
    path: Path
    picks: int = 0
    mean_score: float | None = None
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    error: str | None = None
    rejected: bool = False
    candidates: int = 0
    best_score: float | None = None
    expected_particles: float = 0.0
    contaminated: int | None = None
    pixel_size: float | None = None


Reader = Callable[[MicrographFile], Micrograph]


def perform(job: Job, task: Task, read: Reader | None = None) -> Outcome:
    """Pick one micrograph: coordinate file and record are there afterwards, or a record of why not.

    Parameters
    ----------
    job : Job
        The micrograph.
    task : Task
        What to do with it.
    read : callable, optional
        Reads it; from its file where it is not given.

    Returns
    -------
    Outcome
        What became of it. Whatever is wrong with the micrograph is told here and not raised.

    Raises
    ------
    OutputError
        Results cannot be written, so that no other job can be done either.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    record = replace(_blank_record(job, task, started), weights=task.weights)
    read = read or (lambda file: read_micrograph(file, pixel_size=task.config.angpix))
    file, micrograph = _file_of(job, task), None
    with threads(task.threads):
        try:
            identity = identify(file.path, content=task.content)
            record = replace(record, identity=identity)
            micrograph = read(file)
            _require_unchanged(file.path, identity)
            # Of a file that was just read, blocks cost nothing.
            record = replace(
                record, identity=replace(identity, sample=identify(file.path, sample=True).sample)
            )
            found = find_candidates(micrograph, task.config, task.model)
            picks = replace(found, name=job.name, path=job.micrograph.listed)
            # Corrections that cannot be read shall be mended before there are results without them.
            read_corrections(task.results.correction(job.key), job.name)
            record = replace(record, candidates=rounded(picks), warnings=micrograph.warnings)
        except CryogleanError as error:
            record = replace(record, error=_cause(error))
        except Exception as error:  # noqa: BLE001 - whatever one micrograph does, the others are picked
            record = replace(record, error=report_of(error))
        record = replace(record, seconds=time.perf_counter() - clock)
        picks = file_results(record, task.results)
        if task.draw is not None and micrograph is not None and record.error is None:
            try:
                task.draw(micrograph, picks, task.results.overlay(job.name))
            except OutputError:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                record = replace(record, error=report_of(error), candidates=None)
                picks = file_results(record, task.results)
    return outcome_of(job, record, picks)


def file_results(record: Record, folder: RunFolder) -> Picks:
    """Write a record, and the coordinate file that follows from it and from corrections; return the picks.

    A coordinate file that is there always follows from the record that is there, whenever this is
    interrupted: the old one goes first, the new one comes last.
    """
    for stale in (folder.star(record.name), folder.overlay(record.name)):
        with writing(stale):
            stale.unlink(missing_ok=True)
    record, picks = with_corrections(record, folder)
    write_record(folder.record(record.key), record)
    if record.error is None:
        write_coordinates(picks, folder.star(record.name))
    return picks


def with_corrections(record: Record, folder: RunFolder) -> tuple[Record, Picks]:
    """Select picks from the candidates of a record, and apply what the user has corrected by now.

    Returns
    -------
    Record, Picks
        The record names the corrections. There are no picks where the micrograph failed or is rejected.

    Raises
    ------
    CorrectionsError
        The corrections cannot be read.
    """
    if record.candidates is None:
        return record, Picks(np.zeros((0, 2)), name=record.name, path=record.path)
    made = read_corrections(folder.correction(record.key), record.name)
    picks = select(record.candidates, record.selection)
    picks = corrected(picks, made, record.candidates, diameter=record.config.known_diameter)
    return replace(record, corrections=made.digest), picks


def outcome_of(job: Job, record: Record, picks: Picks) -> Outcome:
    """Sum up the record of a job and its picks."""
    found = record.candidates
    return Outcome(
        record.name,
        job.path,
        picks=len(picks),
        mean_score=float(picks.score.mean()) if len(picks) else None,
        seconds=record.seconds,
        warnings=record.warnings,
        error=record.error,
        rejected=record.rejected,
        candidates=len(found or ()),
        best_score=float(found.score.max()) if found else None,
        # Better candidates displace worse ones, so those that are displaced are the same at every threshold.
        expected_particles=float(select(found, record.selection.changed(min_score=None)).score.sum())
        if found
        else 0.0,
        contaminated=record.contaminated,
        pixel_size=None if found is None else found.pixel_size,
    )


def find_candidates(micrograph: Micrograph, config: PickConfig, model: RunModel | None) -> Picks:
    """Find the candidates of a micrograph, by a resolved configuration and by what the run taught.

    A size that the run neither was given nor measured is sought in the micrograph.

    Raises
    ------
    MicrographError
        Particles of this size do not fit into the micrograph.
    """
    if model is not None:
        return find_learned(micrograph, config, model)
    contrast = config.known_contrast
    return find_alone(build_picker(config), micrograph, diameter=config.diameter, contrast=contrast)


def _require_unchanged(path: Path, before: Identity) -> None:
    now = identify(path)
    if (now.size, now.mtime_ns) != (before.size, before.mtime_ns):
        raise MicrographError(path, "was changed while it was read", "run again when it is complete")


def _cause(error: CryogleanError) -> str:
    """Say what was wrong with a micrograph, whose path is told beside it."""
    if isinstance(error, FileError) and not isinstance(error, CorrectionsError):
        return error.cause + (f" ({error.remedy})" if error.remedy else "")
    return str(error)


def lose(job: Job, task: Task, error: str) -> Outcome:
    """Record a job that failed without a word of its own."""
    record = replace(_blank_record(job, task, datetime.now(UTC)), error=error)
    return outcome_of(job, record, file_results(record, task.results))


def _file_of(job: Job, task: Task) -> MicrographFile:
    """Return a job's micrograph by an absolute path, on whatever machine."""
    return replace(job.micrograph, path=task.home / job.path)


def _blank_record(job: Job, task: Task, started: datetime) -> Record:
    location = _file_of(job, task).location
    return Record(
        job.name,
        job.micrograph.listed,
        task.config,
        started=started.isoformat(timespec="seconds"),
        file=location,
        beside=beside(location, task.results),
        key=job.key,
    )
