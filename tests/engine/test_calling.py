"""Picking from Python is what the command line does."""

from pathlib import Path

import numpy as np
import pytest

import cryoglean
from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.register import read_jobs
from cryoglean.engine.results import read_results
from cryoglean.engine.settings import EngineConfig
from cryoglean.errors import UsageError
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Picks

LEARNS = PickConfig(diameter=96.0, contrast="dark")


def assert_same(some: tuple[Picks, ...], others: tuple[Picks, ...]) -> None:
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one.xy, other.xy)
        np.testing.assert_array_equal(one.score, other.score)


def test_files_micrographs_and_the_command_line_give_the_same(session: list[Path], out: RunFolder) -> None:
    pick(Run(session, out, LEARNS, EngineConfig(workers=1)), lambda _: None)
    there = tuple(picks for _, _, picks in read_results(read_jobs(out), out))
    from_files = cryoglean.pick(session, LEARNS)
    from_memory = cryoglean.pick([cryoglean.read_micrograph(path) for path in session], LEARNS)
    assert sum(map(len, there)) > 40
    for run in (from_files, from_memory):
        assert_same(run.picks, there)
        assert run.config.method.name == "auto"
        assert run.learned.threshold.precision > 0.8
        assert run.summary.learning == "learned"
        assert run.folder is None
    assert_same(from_files.candidates, from_memory.candidates)
    assert from_files.summary.expected_recall == from_memory.summary.expected_recall


def test_what_is_kept_is_gone_on_with(session: list[Path], out: RunFolder) -> None:
    run = cryoglean.pick(session[:2], LEARNS.changed(learn=False), out=out.root)
    before = out.record("mic0000").stat().st_mtime_ns
    assert run.folder == out
    assert_same(cryoglean.pick(session[:2], LEARNS.changed(learn=False), out=out.root).picks, run.picks)
    assert out.record("mic0000").stat().st_mtime_ns == before


def test_a_run_says_what_it_found_and_what_failed(session: list[Path]) -> None:
    session[1].write_bytes(b"")
    run = cryoglean.pick(str(session[0].parent), LEARNS.changed(learn=False))
    assert len(run.picks) == len(session)
    assert run.failures == {"mic0001": "the file is empty (copy or transfer the file again)"}
    lines = repr(run).splitlines()
    assert lines[0] == f"PickedRun: {run.summary.picks} picks in 6 micrographs, 1 failed"
    assert lines[1] == "  particles measure 96 Å (24 pixels of 4 Å), as given; they are dark"
    assert repr(run.picks[0]).startswith(f"<Picks of mic0000: {len(run.picks[0])}, score ")
    assert repr(run.picks[1]) == "<Picks of mic0001: 0>"


def test_a_particle_that_does_not_fit_fails_its_micrograph_alone(session: list[Path]) -> None:
    micrograph = cryoglean.read_micrograph(session[0])
    run = cryoglean.pick(micrograph, PickConfig(diameter=5000.0, contrast="dark"))
    assert "check --diameter and --angpix" in run.failures["mic0000"]
    assert len(run.picks[0]) == 0


def test_what_cannot_be_meant_is_refused(session: list[Path], tmp_path: Path) -> None:
    micrograph = cryoglean.read_micrograph(session[0])
    with pytest.raises(UsageError, match="not both"):
        cryoglean.pick([session[0], micrograph])
    with pytest.raises(UsageError, match="leave no folder"):
        cryoglean.pick(micrograph, out=tmp_path / "run")
    with pytest.raises(UsageError):
        cryoglean.pick([])
