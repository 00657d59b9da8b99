"""Dask and SLURM: the same picks as without, and what happens when workers die."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.settings import EngineConfig
from cryoglean.errors import UsageError
from cryoglean.pickers.settings import PickConfig
from tests.engine.killing import KillOnce, kill_always
from tests.engine.session_files import ignore, left_by

distributed = pytest.importorskip("distributed")


@pytest.fixture
def run(session: list[Path], tmp_path: Path, known: PickConfig) -> Run:
    return Run(session, RunFolder(tmp_path / "clustered"), known)


@pytest.fixture
def plain(session: list[Path], tmp_path: Path, known: PickConfig) -> dict:
    folder = RunFolder(tmp_path / "plain")
    pick(Run(session, folder, known, EngineConfig(workers=1)), ignore)
    return left_by(folder.root)


@pytest.fixture
def scheduler() -> Iterator[str]:
    """Address of a scheduler with one worker, all in this process, which starts at once."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        yield cluster.scheduler_address


def test_a_scheduler_gives_the_same_picks(run: Run, plain: dict, scheduler: str) -> None:
    ended = pick(replace(run, engine=EngineConfig(dask=scheduler)), ignore)
    assert (ended.jobs, ended.failed) == (6, 0)
    assert left_by(run.folder.root) == plain


def test_relative_paths_mean_the_same_on_workers(
    run: Run, plain: dict, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.micrographs[0].parent)
    relative = replace(
        run, micrographs=[Path(path.name) for path in run.micrographs], folder=RunFolder(Path("run"))
    )
    pick(replace(relative, engine=EngineConfig(dask=scheduler)), ignore)
    left = left_by(run.micrographs[0].parent / "run")
    assert {name: left[name] for name in plain if name != "autopick.star"} == {
        name: plain[name] for name in plain if name != "autopick.star"
    }


def test_bad_files_are_told(run: Run, scheduler: str) -> None:
    run.micrographs[2].write_bytes(b"")
    ended = pick(replace(run, engine=EngineConfig(dask=scheduler)), ignore)
    assert [outcome.name for outcome in ended.summary.failures] == ["mic0002"]


def test_a_scheduler_that_is_not_there_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryoglean.engine.executors.cluster.SECONDS_TO_ANSWER", 1)
    with pytest.raises(UsageError, match="no scheduler answers there"):
        pick(replace(run, engine=EngineConfig(dask="tcp://127.0.0.1:9")), ignore)


@pytest.mark.slow
def test_a_local_cluster_whose_worker_is_killed(run: Run, plain: dict, tmp_path: Path) -> None:
    engine = EngineConfig(dask="local", workers=2)
    ended = pick(replace(run, engine=engine, draw=KillOnce(tmp_path / "killed", "mic0003")), ignore)
    assert (tmp_path / "killed").exists()
    assert (ended.jobs, ended.failed) == (6, 0)
    assert left_by(run.folder.root) == plain


@pytest.mark.slow
def test_a_micrograph_that_kills_every_worker_is_given_up(run: Run) -> None:
    ended = pick(replace(run, engine=EngineConfig(dask="local", workers=2), draw=kill_always), ignore)
    assert [outcome.name for outcome in ended.summary.failures] == ["mic0002"]
    assert "died" in ended.summary.failures[0].error
    assert ended.summary.done == 5
