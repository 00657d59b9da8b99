"""Picking at the microscope: micrographs are picked as they arrive, once they are complete."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from threading import Event as Signal

from cryoglean.engine.events import Ended, Noted, Reporter, Started, Waiting
from cryoglean.engine.executors import Executor, choose_executor
from cryoglean.engine.learning import wants_learning
from cryoglean.engine.ledger import Identity, identify
from cryoglean.engine.lock import locked
from cryoglean.engine.register import enrol, read_jobs
from cryoglean.engine.session import (
    Run,
    conclude,
    make_task,
    missing_jobs,
    prepare,
    reader_of,
    work_through,
)
from cryoglean.engine.settings import WatchConfig
from cryoglean.engine.size import MAX_SOURCES, is_needed, read_size
from cryoglean.engine.work import Reader, Task
from cryoglean.errors import FileError, MicrographError, UsageError
from cryoglean.io import expand_inputs
from cryoglean.io.writing import writing
from cryoglean.pickers.factory import require_weights
from cryoglean.types import MicrographFile

BATCH = 100
"""So many jobs are done before the folder is looked at again."""
MIN_PAUSE = 10.0
"""Seconds between two times that the results of the whole run are written, at least."""
SHARE = 0.05
"""Part of the time that may go into writing the results of the whole run."""
STOP = "STOP"
"""A file of this name in the folder of the run ends the watch."""


def watch(run: Run, inputs: Sequence[str], config: WatchConfig, *, report: Reporter, stop: Signal) -> Ended:
    """Pick micrographs as they arrive, until a signal, a stop file, or a time without any.

    Parameters
    ----------
    run : Run
        Where to and how; its micrographs are not looked at.
    inputs : sequence of str
        Folders, globs and so on, looked at again and again.
    config : WatchConfig
        How often, and when a file counts as complete.
    report : callable
        Called with each event as it happens.
    stop : Event
        When it is set the watch ends within seconds.

    Returns
    -------
    Ended
        With the results of all that has come.

    Raises
    ------
    OutputError
        Results cannot be written, or another run works in the folder.
    UsageError
        A setting that the method does not have.
    """
    require_weights(run.config)  # Weights that are missing or damaged are refused before anything is written.
    started = time.monotonic()
    with locked(run.folder.lock):
        # What came in an earlier watch keeps its place, and so its name.
        arrivals = Arrivals(inputs, settle=config.settle, known=_known(run))
        prepare(replace(run, micrographs=arrivals.complete), keep_names=True)
        with writing(run.folder.root / STOP):
            (run.folder.root / STOP).unlink(missing_ok=True)
        shift = _Shift(run, arrivals, report=report, stop=stop)
        try:
            while not shift.is_over(config.idle):
                shift.do_what_came(config.patience)
                stop.wait(config.every)
            ended = replace(shift.conclude(), seconds=time.monotonic() - started)
        finally:
            shift.close()
    report(ended)
    return ended


def _known(run: Run) -> list[MicrographFile]:
    """Micrographs of an earlier watch in the same folder."""
    try:
        return [job.micrograph for job in read_jobs(run.folder)]
    except FileError:
        return []


class Arrivals:
    """Which files have come, and which of them are complete: those that have not changed for a while.

    Parameters
    ----------
    inputs : sequence of str
        Where to look.
    settle : float
        For how many seconds a file must not change.
    known : sequence of MicrographFile
        Files that came before.
    """

    def __init__(self, inputs: Sequence[str], *, settle: float, known: Sequence[MicrographFile] = ()) -> None:
        self._inputs = inputs
        self._settle = settle
        self._seen: dict[str, tuple[Identity, float]] = {}
        self._complete: dict[str, tuple[MicrographFile, Identity | None]] = {
            one.location: (one, None) for one in known
        }
        self.last_change = time.monotonic()
        self.reasons: tuple[str, ...] = ()
        self.note = ""

    @property
    def complete(self) -> list[MicrographFile]:
        """Every file that was complete once, in the order in which they came."""
        return [one for one, _ in self._complete.values()]

    def look(self) -> list[MicrographFile]:
        """Return the files that have become complete since the last look, for the first time or again.

        Inputs that hold none yet, which may come, are no error; `reasons` says why they hold none.
        """
        try:
            found, self.reasons = expand_inputs(self._inputs, note=self._keep_note), ()
        except UsageError:
            found, self.reasons = self._find_some()
        return [one for one in found if self._has_become_complete(one, time.monotonic())]

    def _find_some(self) -> tuple[list[MicrographFile], tuple[str, ...]]:
        """Return what is in those inputs that hold micrographs, and why the others hold none."""
        holding, reasons = [], []
        for given in self._inputs:
            try:
                expand_inputs([given])
                holding.append(given)
            except UsageError as error:
                reasons.append(str(error))
        return expand_inputs(holding, note=self._keep_note) if holding else [], tuple(reasons)

    def _keep_note(self, text: str) -> None:
        # The first one says it; later ones would name more and more files.
        self.note = self.note or text

    def _has_become_complete(self, file: MicrographFile, now: float) -> bool:
        try:
            identity = identify(file.path)
        except MicrographError:
            return False
        before, since = self._seen.get(file.location, (None, now))
        if before != identity:
            self._seen[file.location] = (identity, now)
            self.last_change = since = now
        first, complete = self._complete.get(file.location, (file, None))
        if now - since < self._settle or complete == identity:
            return False
        self._complete[file.location] = (first, identity)
        return True


@dataclass(frozen=True)
class _Crew:
    """What all micrographs are picked with, and who does it."""

    task: Task
    executor: Executor


class _Shift:
    """The time of a watch: what has come, what is still to do, and with what."""

    def __init__(self, run: Run, arrivals: Arrivals, *, report: Reporter, stop: Signal) -> None:
        self._run = run
        self._arrivals = arrivals
        self._report = report
        self._stop = stop
        self._fresh: list[MicrographFile] = []
        self._reasons: tuple[str, ...] = ()
        self._noted = False
        self._crew: _Crew | None = None
        self._jobs = enrol(run.folder, arrivals.complete, keep_names=True)
        self._measure_from = MAX_SOURCES
        self._first_came = self._joined = self._joining = 0.0
        self.tally = Ended(0, 0, 0.0, False, None)

    def is_over(self, idle: float | None) -> bool:
        """Return whether the watch shall end."""
        quiet = time.monotonic() - self._arrivals.last_change
        return self._is_stopped() or (idle is not None and not self._fresh and quiet > 60 * idle)

    def do_what_came(self, patience: float) -> None:
        """Look for what has come, and pick it."""
        came = self._arrivals.look()
        if self._reasons != self._arrivals.reasons:
            self._reasons = self._arrivals.reasons
            self._report(Waiting(self._reasons))
        if self._arrivals.note and not self._noted:
            self._noted = True
            self._report(Noted(self._arrivals.note))
        if came:
            self._fresh += came
            self._first_came = self._first_came or time.monotonic()
            self._jobs = enrol(self._run.folder, self._arrivals.complete, keep_names=True)
        if not self._fresh or (crew := self._find_crew(patience)) is None:
            return
        self._do_fresh(crew)
        if time.monotonic() - self._joined > max(MIN_PAUSE, self._joining / SHARE):
            self._join(crew)

    def conclude(self) -> Ended:
        """Write the results of the whole run."""
        if self._crew is not None:
            self._join(self._crew)
        return self.tally

    def close(self) -> None:
        """Let go of the executor."""
        if self._crew is not None:
            self._crew.executor.close()

    def _is_stopped(self) -> bool:
        return self._stop.is_set() or (self._run.folder.root / STOP).exists()

    def _find_crew(self, patience: float) -> _Crew | None:
        """Measure the particles as soon as there is enough to measure; None as long as there is not."""
        config, micrographs = self._run.config, self._arrivals.complete
        many = len(micrographs) >= self._measure_from
        if self._crew is not None and not (many and self._may_know_more(self._crew.task)):
            return self._crew
        known = not is_needed(config) or read_size(self._run.folder.size, config, micrographs)
        if not (known or many or time.monotonic() - self._first_came >= patience):
            return None
        run = replace(self._run, micrographs=micrographs)
        read = reader_of(run)
        task = make_task(run, self._jobs, read, report=self._report)
        # Where nothing stood out, in micrographs that were empty by chance, it may in twice as many; likewise
        # where they held too few particles to learn from.
        self._measure_from = 2 * len(micrographs)
        if self._crew is None or not self._crew.task.is_like(task):
            self._change_crew(run, task, read)
        return self._crew

    def _may_know_more(self, task: Task) -> bool:
        """Return whether more micrographs may show what the first did not: the size, or enough to learn."""
        return is_needed(task.config) or (
            task.model is None and wants_learning(self._run.config, task.config)
        )

    def _change_crew(self, run: Run, task: Task, read: Reader) -> None:
        """Pick in another way from now on, and all that was picked before again."""
        self.close()
        self._crew = _Crew(task, choose_executor(task, run.engine, read, jobs=None))
        self._fresh = self._arrivals.complete
        todo = missing_jobs(self._jobs, task)
        self._report(Started(len(todo), len(self._jobs) - len(todo), self._crew.executor.description))

    def _do_fresh(self, crew: _Crew) -> None:
        fresh, self._fresh = {one.location for one in self._fresh[:BATCH]}, self._fresh[BATCH:]
        batch = [job for job in self._jobs if job.micrograph.location in fresh]
        todo = missing_jobs(batch, crew.task)
        unless_stopped = takewhile(lambda _: not self._is_stopped(), todo)
        done = work_through(crew.executor, unless_stopped, report=self._report, stop=self._stop)
        jobs, failed = self.tally.jobs + done.jobs, self.tally.failed + done.failed
        self.tally = replace(self.tally, jobs=jobs, failed=failed)

    def _join(self, crew: _Crew) -> None:
        """Write the results of the whole run, and remember how long it took."""
        clock = time.monotonic()
        summary = conclude(self._jobs, self._run.folder, crew.task.config)
        self._joined = time.monotonic()
        self._joining = self._joined - clock
        self.tally = replace(self.tally, summary=summary)
