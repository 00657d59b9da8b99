"""A real SLURM: the same picks as without, whatever becomes of its jobs."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cryoglean.engine import Run, RunFolder, pick, reselect
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.work import Outcome
from cryoglean.pickers.settings import PickConfig
from cryoglean.select.settings import SelectConfig
from tests.engine.killing import KillOnce
from tests.engine.one_node_slurm import one_node_slurm, reason_against
from tests.engine.session_files import ignore, left_by

pytestmark = [pytest.mark.slow, pytest.mark.external]


@pytest.fixture(scope="module")
def slurm() -> Iterator[None]:
    """A SLURM of one node, which the commands of this process find."""
    if reason_against():
        pytest.skip(f"SLURM: {reason_against()}")
    with pytest.MonkeyPatch.context() as patch, one_node_slurm() as configuration:
        patch.setenv("SLURM_CONF", str(configuration))
        yield


def job_numbers() -> list[str]:
    listed = subprocess.run(["squeue", "-h", "-o", "%A"], check=True, capture_output=True, text=True)
    return listed.stdout.split()


@pytest.fixture
def paths(many: Callable[[int], list[Path]]) -> list[Path]:
    return many(24)


@pytest.fixture
def plain(paths: list[Path], tmp_path: Path, known: PickConfig) -> dict:
    folder = RunFolder(tmp_path / "plain")
    pick(Run(paths, folder, known, EngineConfig(workers=1)), ignore)
    return left_by(folder.root)


@pytest.mark.usefixtures("slurm")
def test_jobs_that_lose_a_worker_and_one_of_themselves_finish(
    paths: list[Path], plain: dict, out: RunFolder, known: PickConfig, tmp_path: Path
) -> None:
    cancelled: list[str] = []

    def report(event: object) -> None:
        if isinstance(event, Outcome) and not cancelled:
            cancelled.extend(job_numbers()[:1])
            subprocess.run(["scancel", *cancelled], check=True)

    engine = EngineConfig(slurm=2, slurm_memory="1GB", slurm_time="00:10:00")
    killer = KillOnce(tmp_path / "killed", "mic0020")
    ended = pick(Run(paths, out, known, engine, draw=killer), report)
    assert len(cancelled) == 1
    assert (tmp_path / "killed").exists()
    assert (ended.jobs, ended.failed) == (24, 0)
    assert left_by(out.root) == plain


@pytest.mark.usefixtures("slurm")
def test_the_parts_of_a_job_array_make_a_whole(
    paths: list[Path], plain: dict, out: RunFolder, tmp_path: Path
) -> None:
    start = f"{sys.executable} -c 'import sys; from cryoglean.cli import main; main()'"
    task = (
        f"{start} pick {paths[0].parent} --out {out.root} --diameter 96 --contrast dark --workers 1 "
        "--shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
    )
    log = f"--output={tmp_path}/%a.log"
    subprocess.run(["sbatch", "--array=1-3", log, f"--wrap={task}"], check=True, capture_output=True)
    until = time.monotonic() + 120
    while job_numbers():
        assert time.monotonic() < until
        time.sleep(0.5)
    summary = reselect(out, SelectConfig())
    assert (summary.done, summary.missing) == (24, 0)
    assert left_by(out.root) == plain


@pytest.mark.usefixtures("slurm")
def test_a_signal_ends_the_run_and_its_jobs(paths: list[Path], out: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_text('[running]\nslurm = 1\nslurm_memory = "1GB"')
    start = [sys.executable, "-c", "import sys; from cryoglean.cli import main; main()"]
    options = [
        "--diameter",
        "96",
        "--contrast",
        "dark",
        "--config",
        str(tmp_path / "cluster.toml"),
        "--json-lines",
    ]
    command = [*start, "pick", *map(str, paths), "--out", str(out.root), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while '"outcome"' not in process.stdout.readline():
        assert process.poll() is None
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode in (0, 128 + signal.SIGTERM)  # 0 where all was done by then.
    until = time.monotonic() + 30
    while job_numbers():
        assert time.monotonic() < until
        time.sleep(0.5)
