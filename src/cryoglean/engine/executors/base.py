"""What the engine asks of whatever spreads its jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from threading import Event
from typing import Protocol

from cryoglean.engine.plan import Job
from cryoglean.engine.work import Outcome


class Executor(Protocol):
    """Does jobs, each wholly or not at all, in any order and wherever it likes."""

    @property
    def description(self) -> str:
        """Say with what the work is done, in a few words."""
        ...

    def run(self, jobs: Iterable[Job], stop: Event) -> Iterator[Outcome]:
        """Do jobs, and hand out what became of each as soon as it is known.

        Parameters
        ----------
        jobs : iterable of Job
            Taken one by one as there is room for them.
        stop : Event
            When it is set, no further job is begun, and the iterator ends within seconds.

        Raises
        ------
        OutputError
            Results cannot be written.
        """
        ...

    def close(self) -> None:
        """Let go of workers; jobs that they still do are lost and will be missing."""
        ...
