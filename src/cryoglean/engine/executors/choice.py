"""Which executor a run gets."""

from __future__ import annotations

from dataclasses import replace

from cryoglean.engine.executors.base import Executor
from cryoglean.engine.memory import PROCESS, budget_of
from cryoglean.engine.resources import cores_given
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.work import Reader, Task

FEW = 4
"""So many micrographs are done in this process before others had started."""


def choose_executor(task: Task, engine: EngineConfig, read: Reader, *, jobs: int | None) -> Executor:
    """Make the executor that a configuration asks for; each is imported only then.

    Parameters
    ----------
    task : Task
        What all jobs have in common.
    engine : EngineConfig
        How the work is to be spread.
    read : callable
        Reads micrographs where jobs are done in this process; it may know one already.
    jobs : int, optional
        How many jobs there are; None where more will come.

    Raises
    ------
    UsageError
        The cluster is not there.
    """
    if engine.dask is not None or engine.slurm is not None:
        from cryoglean.engine.executors.cluster import start_cluster

        return start_cluster(task, engine)
    workers = engine.workers or cores_given()
    budget = budget_of(engine.memory, task.config)
    processes = min(workers, budget.total // PROCESS, workers if jobs is None else jobs)
    if processes <= 1 or (jobs is not None and jobs <= FEW):
        from cryoglean.engine.executors.inline import Inline

        return Inline(replace(task, threads=workers), read, budget=budget)
    from cryoglean.engine.executors.processes import LocalProcesses

    return LocalProcesses(replace(task, threads=workers // processes), processes, budget=budget)
