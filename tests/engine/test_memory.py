import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.memory import GIB, PROCESS, Budget, budget_of, memory_need
from cryoglean.engine.plan import Job
from cryoglean.engine.resources import cores_given, memory_given
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.work import Outcome
from cryoglean.io import write_mrc
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import MicrographFile
from tests.engine.session_files import draw_micrograph, ignore


def test_what_this_process_was_given_is_no_more_than_the_machine_has() -> None:
    assert 1 <= cores_given() <= (psutil.cpu_count() or 1)
    assert GIB // 4 < memory_given() <= psutil.virtual_memory().total


def test_larger_micrographs_and_smaller_particles_need_more(known: PickConfig) -> None:
    small = memory_need((4096, 4096), 1.0, known)
    assert memory_need((8184, 11520), 1.0, known) > 3 * small > memory_need((4096, 4096), 2.0, known) > small


def test_the_largest_micrographs_fit_into_two_gibibytes(known: PickConfig) -> None:
    assert memory_need((8184, 11520), 1.0, known) < 2 * GIB
    assert memory_need((8184, 11520), 1.0, PickConfig()) < 2 * GIB


def test_a_header_tells_the_need_and_a_broken_file_needs_a_process(
    session: list[Path], known: PickConfig
) -> None:
    budget = Budget(GIB, known)
    assert budget.need(Job("a", MicrographFile(session[0]))) == memory_need((200, 200), 4.0, known)
    session[1].write_bytes(b"")
    assert budget.need(Job("b", MicrographFile(session[1]))) == PROCESS


def test_the_user_may_say_how_much(known: PickConfig) -> None:
    assert budget_of(1.5, known).total == int(1.5 * GIB)
    assert 0.5 * memory_given() < budget_of(None, known).total < memory_given()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_micrograph_that_cannot_fit_is_told_and_the_rest_is_done(
    session: list[Path], out: RunFolder, known: PickConfig, workers: int
) -> None:
    large = session[0].parent / "large.mrc"
    write_mrc(
        large,
        np.kron(draw_micrograph(np.random.default_rng(0), particles=5), np.ones((12, 12))),
        pixel_size=4,
    )
    room = (memory_need((200, 200), 4.0, known) * 2 + 2**20) / GIB
    ended = pick(Run([large, *session], out, known, EngineConfig(workers=workers, memory=room)), ignore)
    assert [outcome.name for outcome in ended.summary.failures] == ["large"]
    assert "GiB are allowed (raise --memory)" in ended.summary.failures[0].error
    assert ended.summary.done == 6


def test_jobs_wait_until_there_is_memory_for_them(session: list[Path], known: PickConfig) -> None:
    from cryoglean.engine.executors.processes import _Line

    jobs = [Job(path.stem, MicrographFile(path)) for path in session]
    need = memory_need((200, 200), 4.0, known)
    line = _Line(jobs, processes=4, budget=Budget(2 * need, known))
    first, second = line.next_job([]), line.next_job(jobs[:1])
    assert (first, second) == (jobs[0], jobs[1])
    assert line.next_job([first, second]) is None
    assert line.next_job([second]) == jobs[2]


@pytest.mark.slow
def test_workers_stay_within_what_they_are_allowed(tmp_path: Path, out: RunFolder, known: PickConfig) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{k}.mrc" for k in range(8)]
    for path in paths:
        write_mrc(path, rng.standard_normal((4096, 4096), np.float32), pixel_size=1.0)
    need = memory_need((4096, 4096), 1.0, known)
    levels: list[int] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.02):
            workers = psutil.Process().children(recursive=True)
            with suppress(psutil.NoSuchProcess):
                levels.append(sum(worker.memory_info().rss for worker in workers))

    sampler = threading.Thread(target=sample)
    sampler.start()
    engine = EngineConfig(workers=4, memory=2.2 * need / GIB)
    ended = pick(Run(paths, out, known, engine), ignore)
    done.set()
    sampler.join()
    assert (ended.jobs, ended.failed) == (8, 0)
    assert need < max(levels) < 2.2 * need


@pytest.mark.slow
@pytest.mark.parametrize("method", ["unsupervised", "network"])
def test_the_largest_micrograph_takes_what_was_foretold(
    tmp_path: Path, known: PickConfig, method: str
) -> None:
    shape = (8184, 11520)
    write_mrc(
        tmp_path / "large.mrc", np.random.default_rng(0).standard_normal(shape, np.float32), pixel_size=1.0
    )
    # Not ru_maxrss, in which the peak of the process that started this one may count too.
    script = (
        "import sys; from pathlib import Path; from cryoglean.cli import main; sys.argv[0] = 'cryoglean'\n"
        "try: main()\n"
        "finally: print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    arguments = ["pick", tmp_path / "large.mrc", "--out", tmp_path / "run", "--diameter", "96", "--quiet"]
    command = [sys.executable, "-c", script, *map(str, arguments), "--method", method]
    ended = subprocess.run(command, check=True, capture_output=True)
    peak = 1024 * int(ended.stdout)
    assert 0.3 * memory_need(shape, 1.0, known) < peak < memory_need(shape, 1.0, known) < 2 * GIB


@pytest.mark.slow
def test_memory_is_flat(many: Callable[[int], list[Path]], out: RunFolder, known: PickConfig) -> None:
    levels: list[int] = []

    def report(event: object) -> None:
        if isinstance(event, Outcome):
            family = [psutil.Process(), *psutil.Process().children(recursive=True)]
            # What they share with others on this machine is not theirs to grow.
            levels.append(sum(process.memory_full_info().uss for process in family))

    pick(Run(many(400), out, known, EngineConfig(workers=2)), report)
    early, late = np.median(levels[40:120]), np.median(levels[-80:])
    assert late < early + 4 * 2**20
