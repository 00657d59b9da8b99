"""Jobs spread over machines by Dask, on a scheduler that runs already, one started here, or in SLURM jobs."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Any

from cryoglean.engine.plan import Job
from cryoglean.engine.resources import cores_given
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.work import Outcome, Task, lose, perform
from cryoglean.errors import UsageError

if TYPE_CHECKING:
    from distributed import Client

POLL = 0.2
"""Seconds between looks at the stop signal."""
QUEUED = 4
"""Jobs with the scheduler for each thread of the workers: enough that none waits for its next one."""
SECONDS_BETWEEN_COUNTS = 2.0
"""Workers may come and go; so often they are counted."""
SECONDS_TO_ANSWER = 10
"""A scheduler that does not answer so long is not there."""

_ENVIRONMENT = {
    # Dask would have workers give memory back at once, which costs a third of their speed in page faults.
    "MALLOC_TRIM_THRESHOLD_": 2**26,
    "MALLOC_MMAP_THRESHOLD_": 2**25,
    "OMP_NUM_THREADS": 1,
    "OPENBLAS_NUM_THREADS": 1,
}
"""Environment of the workers of clusters that are started for a run."""


class DaskCluster:
    """Does jobs on the workers of a Dask scheduler, which must see the same files.

    Parameters
    ----------
    task : Task
        What to do.
    client : Client
        Connected to the scheduler.
    description : str
        Of the cluster, in a few words.
    """

    def __init__(self, task: Task, client: Client, *, description: str) -> None:
        self._task = task
        self._client = client
        self.description = description

    def run(self, jobs: Iterable[Job], stop: Event) -> Iterator[Outcome]:
        """Do jobs on the workers; see `Executor`."""
        waiting = iter(jobs)
        pending: dict[Any, Job] = {}
        ended: SimpleQueue[Any] = SimpleQueue()
        threads, asked = 0, -SECONDS_BETWEEN_COUNTS
        while not stop.is_set():
            if time.monotonic() - asked >= SECONDS_BETWEEN_COUNTS:
                threads, asked = sum(self._client.nthreads().values()), time.monotonic()
            for job in islice(waiting, max(0, QUEUED * max(threads, 1) - len(pending))):
                future = self._client.submit(perform, job, self._task, pure=False)
                pending[future] = job
                future.add_done_callback(ended.put)
            if not pending:
                return
            with suppress(Empty):
                future = ended.get(timeout=POLL)
                yield self._outcome(future, pending.pop(future))
        self._client.cancel(list(pending))

    def close(self) -> None:
        """Let go of the scheduler, and end the cluster if it was started for this run."""
        cluster = self._client.cluster
        self._client.close()
        if cluster is not None:
            cluster.close()

    def _outcome(self, future: Any, job: Job) -> Outcome:
        from distributed.scheduler import KilledWorker

        try:
            outcome: Outcome = future.result()
            return outcome
        except KilledWorker:
            return lose(job, self._task, "the workers that worked on it died, one after another")


def start_cluster(task: Task, engine: EngineConfig) -> DaskCluster:
    """Connect to the cluster that a configuration names, or start it.

    Raises
    ------
    UsageError
        No scheduler answers, or Dask is not installed.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("dask and slurm need more packages: pip install 'cryoglean[cluster]'") from None
    if engine.slurm is not None:
        client = Client(_slurm_cluster(engine, task, jobs=engine.slurm))
        return DaskCluster(task, client, description=f"up to {engine.slurm} SLURM jobs")
    if engine.dask == "local":
        client = Client(_local_cluster(engine.workers or cores_given()))
        return DaskCluster(task, client, description=f"Dask, {len(client.nthreads())} local workers")
    try:
        client = Client(engine.dask, timeout=SECONDS_TO_ANSWER)
    except (OSError, TimeoutError, ValueError) as error:
        remedy = "start one with `dask scheduler` and `dask worker`, or check the address"
        raise UsageError(f"dask {engine.dask}: no scheduler answers there: {error}; {remedy}") from None
    return DaskCluster(task, client, description=f"Dask at {engine.dask}, {len(client.nthreads())} workers")


def _local_cluster(workers: int) -> Any:
    import dask
    from distributed import LocalCluster

    with dask.config.set({"distributed.nanny.pre-spawn-environ": _ENVIRONMENT}):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs="ERROR",
        )


def _slurm_cluster(engine: EngineConfig, task: Task, *, jobs: int) -> Any:
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise UsageError("slurm needs more packages: pip install 'cryoglean[cluster]'") from None
    try:
        cluster = SLURMCluster(
            cores=engine.slurm_cores,
            processes=engine.slurm_cores,
            memory=engine.slurm_memory,
            walltime=engine.slurm_time,
            job_name="cryoglean",
            job_extra_directives=shlex.split(engine.slurm_options),
            job_script_prologue=[f"export {name}={value}" for name, value in _ENVIRONMENT.items()],
            log_directory=str(task.folder.root / "slurm"),
        )
    except (ValueError, OSError) as error:
        raise UsageError(f"slurm: {error}") from None
    # Jobs that end, by their time limit or by pre-emption, are followed by new ones.
    cluster.adapt(minimum_jobs=1, maximum_jobs=jobs)
    return cluster
