"""Jobs spread over processes of this machine; the death of one costs the time of its job and nothing else."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from heapq import nlargest
from multiprocessing.connection import Connection

from cryoglean.engine.memory import Budget
from cryoglean.engine.plan import Job
from cryoglean.engine.work import Outcome, Task, lose, perform
from cryoglean.lifeline import Lifeline, hold_on

DEATHS = 3
"""A job whose process died so often is given up."""
POLL = 0.2
"""Seconds between looks at the stop signal."""


class LocalProcesses:
    """Does jobs in processes of this machine.

    Parameters
    ----------
    task : Task
        What to do.
    processes : int
        How many at once.
    budget : Budget
        Memory that they may take together.
    """

    def __init__(self, task: Task, processes: int, *, budget: Budget) -> None:
        self._task = task
        self._processes = processes
        self._budget = budget
        self._pool: ProcessPoolExecutor | None = None
        self._lifeline: Lifeline | None = None

    @property
    def description(self) -> str:
        """Say with what the work is done, in a few words."""
        return f"{self._processes} process{'' if self._processes == 1 else 'es'}"

    def run(self, jobs: Iterable[Job], stop: threading.Event) -> Iterator[Outcome]:
        """Do jobs in the processes; see `Executor`.

        A process that dies takes the pool with it, and nobody knows which of the jobs in hand was the cause.
        They are all done again, each alone, so that one which kills its process is found out.
        """
        line = _Line(jobs, self._processes, self._budget)
        pending: dict[Future[Outcome], Job] = {}
        while not stop.is_set():
            while (job := line.next_job(list(pending.values()))) is not None:
                refusal = self._budget.refusal(line.need(job))
                if refusal:
                    yield lose(job, self._task, refusal)
                else:
                    pending[self._submit(job)] = job
            if not pending:
                return
            done, _ = wait(pending, timeout=POLL, return_when=FIRST_COMPLETED)
            broken = [future for future in done if isinstance(future.exception(), BrokenProcessPool)]
            for future in done.difference(broken):
                pending.pop(future)
                yield future.result()
            if broken:
                self.close()
                for job in line.put_back(pending.values()):
                    yield lose(job, self._task, f"the process that worked on it died, {DEATHS} times")
                pending.clear()
        self.close()

    def close(self) -> None:
        """Stop the processes at once; jobs in hand are lost and will be missing."""
        if self._pool is not None and self._lifeline is not None:
            self._lifeline.cut()
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._lifeline = None

    def _submit(self, job: Job) -> Future[Outcome]:
        if self._pool is None:
            self._pool = self._start()
        try:
            return self._pool.submit(_perform, job)
        except (BrokenProcessPool, OSError, EOFError) as error:
            # A process died while nobody looked, or the server of processes while it made one: a future that
            # says so is dealt with like all others.
            future: Future[Outcome] = Future()
            future.set_exception(BrokenProcessPool(str(error)))
            return future

    def _start(self) -> ProcessPoolExecutor:
        # Forked from a server that has imported everything and has no threads: quick to start, and safe.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, "cryoglean.pickers.template.picker"])
        self._lifeline = Lifeline(context)
        given = (self._task, self._lifeline.end)
        return ProcessPoolExecutor(self._processes, context, initializer=_begin, initargs=given)


class _Line:
    """Jobs that wait, and which of them may go next."""

    def __init__(self, jobs: Iterable[Job], processes: int, budget: Budget) -> None:
        self._jobs = iter(jobs)
        self._processes = processes
        self._budget = budget
        self._first: Job | None = None
        self._suspects: deque[Job] = deque()
        self._deaths: Counter[Job] = Counter()
        self.need = lru_cache(maxsize=4 * processes)(budget.need)

    def next_job(self, pending: list[Job]) -> Job | None:
        """Return a job if there is room for it beside those in hand: of processes, and of memory."""
        if self._suspects:
            return None if pending else self._suspects.popleft()
        if any(job in self._deaths for job in pending) or len(pending) >= 2 * self._processes:
            return None
        if self._first is None:
            self._first = next(self._jobs, None)
        if self._first is None:
            return None
        # Of the jobs in hand, as many run as there are processes; the largest may be those.
        beside = nlargest(self._processes - 1, map(self.need, pending))
        if pending and sum(beside) + self.need(self._first) > self._budget.total:
            return None
        job, self._first = self._first, None
        return job

    def put_back(self, lost: Iterable[Job]) -> list[Job]:
        """Take back jobs whose pool died; return those that are given up."""
        lost = list(lost)
        self._deaths.update(lost)
        given_up = [job for job in lost if self._deaths[job] >= DEATHS]
        self._suspects.extend(job for job in lost if job not in given_up)
        return given_up


_task: Task


def _begin(task: Task, lifeline: Connection) -> None:
    """Prepare a worker process."""
    global _task  # noqa: PLW0603 - a process has one task, which is not sent with every job
    _task = task
    hold_on(lifeline)


def _perform(job: Job) -> Outcome:
    return perform(job, _task)
