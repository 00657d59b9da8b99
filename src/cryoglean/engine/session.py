"""A run from its micrographs to its results: plan, measure, do what is missing, collect."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from threading import Event as Signal

from cryoglean.classes.model import RunModel
from cryoglean.engine.defocus import keep_ctf
from cryoglean.engine.events import Ended, Learning, Measured, Noted, Reporter, Started
from cryoglean.engine.executors import Executor, choose_executor
from cryoglean.engine.folder import RunFolder
from cryoglean.engine.learning import (
    learn_run,
    model_digest,
    read_learned,
    wants_learning,
    with_learned,
    write_learned,
)
from cryoglean.engine.ledger import identify
from cryoglean.engine.lock import locked
from cryoglean.engine.memory import budget_of
from cryoglean.engine.plan import Job, plan_jobs, shard_of
from cryoglean.engine.records import record_of, require_not_newer
from cryoglean.engine.register import enrol, read_jobs, strays
from cryoglean.engine.resources import cores_given, threads
from cryoglean.engine.results import collect, mark_unfinished, read_config, write_config, write_summary
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.size import measure_run, read_size, resolve, write_size
from cryoglean.engine.summary import Summary
from cryoglean.engine.work import Draw, Reader, Task
from cryoglean.io import read_micrograph
from cryoglean.pickers.factory import require_weights, weights_digest
from cryoglean.pickers.settings import PickConfig
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Micrograph, MicrographFile


@dataclass(frozen=True)
class Run:
    """A run: which micrographs, where to, and how.

    Parameters
    ----------
    micrographs : sequence of MicrographFile or Path
        The micrographs.
    folder : RunFolder
        Where results go, and where an earlier start left its own.
    config : PickConfig
        What decides the picks.
    engine : EngineConfig
        How the work is spread.
    draw : callable, optional
        Draws the overlay of each micrograph.
    optics : sequence of Path
        STAR files that may tell the micrographs' defocus, which is kept for reports.
    """

    micrographs: Sequence[MicrographFile | Path]
    folder: RunFolder
    config: PickConfig = field(default_factory=PickConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    draw: Draw | None = None
    optics: Sequence[Path] = ()


def pick(run: Run, report: Reporter, stop: Signal | None = None) -> Ended:
    """Pick the micrographs of a run, going on where an earlier start stopped.

    Parameters
    ----------
    run : Run
        What to do.
    report : callable
        Called with each event as it happens.
    stop : Event, optional
        When it is set the run ends within seconds. What is done is kept, but not joined.

    Returns
    -------
    Ended
        How it ended, which `report` was called with too.

    Raises
    ------
    OutputError
        Results cannot be written, or another run works in the folder.
    CoordinateError
        A file of optics cannot be read.
    UsageError
        A setting that the method does not have, micrographs whose names cannot be kept, or a cluster that
        is not there.
    """
    stop = stop or Signal()
    require_weights(run.config)  # Weights that are missing or damaged are refused before anything is written.
    plan_jobs(run.micrographs)  # Likewise names that cannot be kept.
    with locked(run.folder.lock, shared=run.engine.shard is not None):
        jobs = prepare(run)
        for text in _unused_corrections(run.folder, jobs):
            report(Noted(text))
        keep_ctf(run.folder, jobs, run.optics)
        read = reader_of(run)
        task = make_task(run, jobs, read, report=report)
        part = shard_of(jobs, run.engine.shard)
        todo = missing_jobs(part, task)
        with closing(choose_executor(task, run.engine, read, jobs=len(todo))) as executor:
            report(Started(len(todo), len(part) - len(todo), executor.description))
            ended = work_through(executor, todo, report=report, stop=stop)
        if not ended.stopped and run.engine.shard is None:
            ended = replace(ended, summary=conclude(jobs, run.folder, task.config))
    report(ended)
    return ended


def reselect(folder: RunFolder, changed: SelectConfig) -> Summary:
    """Select anew from the candidates of a run, without touching a micrograph.

    This also joins what the shards of a run, or a run that was stopped, have done so far.

    Parameters
    ----------
    folder : RunFolder
        The run.
    changed : SelectConfig
        Settings that were set in it win over those of the run.

    Returns
    -------
    Summary
        The run in numbers.

    Raises
    ------
    FileError
        The folder is not that of a run.
    OutputError
        Results cannot be written, or another run works in the folder.
    """
    config = read_config(folder.config)
    with locked(folder.lock):
        folder.require_own_folders()
        require_not_newer(folder)
        new = {name: getattr(changed, name) for name in changed.model_fields_set}
        config = config.changed(**new)
        mark_unfinished(folder)
        write_config(folder.config, config)
        jobs = enrol(folder, [job.micrograph for job in read_jobs(folder)], keep_names=True)
        return conclude(jobs, folder, config)


def prepare(run: Run, *, keep_names: bool = False) -> list[Job]:
    """Make the folder of a run ready for its jobs, and return those; see `enrol` about names.

    Raises
    ------
    NewerError
        A newer version has worked on the run.
    OutputError
        It cannot be written.
    """
    run.folder.require_own_folders()
    require_not_newer(run.folder)
    if run.engine.shard is None:
        run.folder.sweep()
    jobs = enrol(run.folder, run.micrographs, keep_names=keep_names)
    # Folders with a summary are not searched for micrographs, so overlays are never taken for some.
    mark_unfinished(run.folder)
    return jobs


def settle(run: Run, jobs: Sequence[Job], read: Reader, *, report: Reporter) -> PickConfig:
    """Decide all that the user left open, by measuring where it takes that, and write it down.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    # One shard measures, the others wait for it.
    with locked(run.folder.size_lock, wait=True):
        micrographs = [job.micrograph for job in jobs]
        measured = read_size(run.folder.size, run.config, micrographs)
        if measured is None:
            room = budget_of(run.engine.memory, run.config)

            def read_within_it(file: MicrographFile) -> Micrograph:
                room.require_room(file.path)
                return read(file)

            with threads(run.engine.workers or cores_given()):
                measured = measure_run(micrographs, run.config, read_within_it)
            if measured.diameter is not None:
                write_size(run.folder.size, measured)
    report(Measured(measured))
    config = resolve(run.config, measured)
    write_config(run.folder.config, config)
    return config


def learned_model(
    run: Run, jobs: Sequence[Job], config: PickConfig, *, read: Reader, report: Reporter
) -> tuple[PickConfig, RunModel | None]:
    """Learn from the run what its particles look like, or go on with what an earlier start learned.

    Returns
    -------
    PickConfig, RunModel or None
        The configuration by which the run is picked; no model where the first opinion stays.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    if not wants_learning(run.config, config):
        return config, None
    # One shard learns, the others wait for it.
    with locked(run.folder.size_lock, wait=True):
        micrographs = [job.micrograph for job in jobs]
        kept = read_learned(run.folder, config, micrographs)
        if kept is None:
            with threads(run.engine.workers or cores_given()):
                learned, model = learn_run(micrographs, config, read)
            kept = write_learned(run.folder, learned, model), model
    learned, model = kept
    report(Learning(learned))
    if learned.threshold is not None:
        config = with_learned(config, learned, given=run.config)
        write_config(run.folder.config, config)
    return config, model


def make_task(run: Run, jobs: Sequence[Job], read: Reader, *, report: Reporter) -> Task:
    """Decide all that the user left open, and put together what all jobs of a run have in common.

    Raises
    ------
    OutputError
        What was decided cannot be written.
    """
    settled = settle(run, jobs, read, report=report)
    config, model = learned_model(run, jobs, settled, read=read, report=report)
    return Task(
        run.folder,
        config,
        weights=weights_digest(config) if model is None else model_digest(run.folder),
        model=model,
        content=run.engine.content,
        draw=run.draw,
    )


def missing_jobs(jobs: Sequence[Job], task: Task) -> list[Job]:
    """Return the jobs that are not done, or were with another file, search or version, or failed."""
    return [job for job in jobs if not _is_done(job, task)]


def work_through(executor: Executor, jobs: Iterable[Job], *, report: Reporter, stop: Signal) -> Ended:
    """Do jobs, and tell what becomes of each."""
    clock, outcomes, failed = time.perf_counter(), 0, 0
    for outcome in executor.run(jobs, stop):
        outcomes += 1
        failed += outcome.error is not None
        report(outcome)
    return Ended(outcomes, failed, time.perf_counter() - clock, stop.is_set(), None)


def conclude(jobs: Sequence[Job], folder: RunFolder, config: PickConfig) -> Summary:
    """Write the results of a whole run from the records of its jobs.

    Raises
    ------
    OutputError
        They cannot be written.
    """
    summary = collect(jobs, folder, config)
    write_summary(folder, summary)
    return summary


def reader_of(run: Run) -> Reader:
    """Return what reads the micrographs of a run; a run of one file reads it once for all it needs."""
    read = partial(read_micrograph, pixel_size=run.config.angpix)
    if len(run.micrographs) > 1:
        return read
    known = lru_cache(maxsize=1)(lambda file, _: read(file))
    return lambda file: known(file, identify(file.path))


def _unused_corrections(folder: RunFolder, jobs: Sequence[Job]) -> Iterator[str]:
    lost = strays(folder, jobs)
    if lost:
        others = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        yield f"corrections of {lost[0]}{others} are kept but not used: it is none of these micrographs"


def _is_done(job: Job, task: Task) -> bool:
    record = record_of(job, task.folder)
    if record is None or (task.draw is not None and not task.folder.overlay(job.name).exists()):
        return False
    return record.is_of(task.config, task.weights) and record.is_from(job.path, content=task.content)
