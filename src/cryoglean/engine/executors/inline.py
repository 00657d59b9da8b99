"""Jobs done one after the other in this process, which is quickest for a few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from threading import Event

from cryoglean.engine.memory import Budget
from cryoglean.engine.plan import Job
from cryoglean.engine.work import Outcome, Reader, Task, lose, perform


class Inline:
    """Does jobs in this process.

    Parameters
    ----------
    task : Task
        What to do.
    read : callable
        Reads micrographs; it may know one already.
    budget : Budget
        Memory that a job may take.
    """

    def __init__(self, task: Task, read: Reader, *, budget: Budget) -> None:
        self._task = task
        self._read = read
        self._budget = budget

    @property
    def description(self) -> str:
        """Say with what the work is done, in a few words."""
        return f"this process, {self._task.threads} thread{'' if self._task.threads == 1 else 's'}"

    def run(self, jobs: Iterable[Job], stop: Event) -> Iterator[Outcome]:
        """Do jobs one after the other; see `Executor`."""
        for job in jobs:
            if stop.is_set():
                return
            refusal = self._budget.refusal(self._budget.need(job))
            yield lose(job, self._task, refusal) if refusal else perform(job, self._task, self._read)

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""
