"""A run that learns from its own micrographs before it picks them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.events import Learning
from cryoglean.engine.learning import kept_learned, read_learned
from cryoglean.engine.results import read_config
from cryoglean.engine.settings import EngineConfig
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import MicrographFile
from tests.engine.session_files import left_by

ONE = EngineConfig(workers=1)
LEARNS = PickConfig(diameter=96.0, contrast="dark")


@pytest.fixture
def run(session: list[Path], out: RunFolder) -> Run:
    return Run([MicrographFile(path) for path in session], out, LEARNS, ONE)


def taught(run: Run) -> Learning:
    """Pick, and return what the run taught."""
    events: list[object] = []
    pick(run, events.append)
    (event,) = (event for event in events if isinstance(event, Learning))
    return event


def test_a_run_learns_once_and_says_what_to_expect(run: Run) -> None:
    learned = taught(run).learned
    assert learned.threshold is not None, learned.reason
    assert len(learned.sources) == 6
    assert 0.8 < learned.threshold.precision <= 1.0
    config = read_config(run.folder.config)
    assert config.method.name == "auto"
    assert config.min_score == pytest.approx(learned.threshold.score, abs=1e-6)
    before = run.folder.model.stat().st_mtime_ns
    assert taught(run).learned == kept_learned(run.folder)
    assert run.folder.model.stat().st_mtime_ns == before


def test_the_same_bytes_whatever_the_number_of_workers(run: Run, tmp_path: Path) -> None:
    other = replace(run, folder=RunFolder(tmp_path / "other"), engine=EngineConfig(workers=2))
    for one in (run, other):
        pick(one, lambda _: None)
    assert left_by(run.folder.root) == left_by(other.folder.root)
    assert run.folder.model.read_bytes() == other.folder.model.read_bytes()


def test_a_given_threshold_decides(run: Run) -> None:
    taught(replace(run, config=LEARNS.changed(min_score=0.9)))
    assert read_config(run.folder.config).min_score == 0.9


@pytest.mark.parametrize("changed", [{"learn": False}, {"method": "unsupervised"}, {"method": "network"}])
def test_who_names_a_method_or_says_so_learns_nothing(run: Run, changed: dict[str, object]) -> None:
    events: list[object] = []
    pick(replace(run, config=LEARNS.changed(**changed)), events.append)
    assert not any(isinstance(event, Learning) for event in events)
    assert not run.folder.model.exists()


def test_too_few_particles_leave_the_first_opinion(run: Run) -> None:
    few = replace(run, micrographs=run.micrographs[:2])
    learned = taught(few).learned
    assert learned.threshold is None
    assert "too few" in learned.reason
    assert read_config(run.folder.config).method.name == "unsupervised"
    # With more micrographs it is tried again.
    assert taught(run).learned.threshold is not None


def test_a_damaged_model_is_learned_anew(run: Run) -> None:
    taught(run)
    whole = run.folder.model.read_bytes()
    run.folder.model.write_bytes(whole[: len(whole) // 2])
    assert read_learned(run.folder, read_config(run.folder.config), run.micrographs) is None
    taught(run)
    assert run.folder.model.read_bytes() == whole


def test_what_was_learned_with_another_size_does_not_hold(run: Run) -> None:
    taught(run)
    assert read_learned(run.folder, LEARNS, run.micrographs) is not None
    assert read_learned(run.folder, LEARNS.changed(diameter=120.0), run.micrographs) is None
    elsewhere = [MicrographFile(Path("/elsewhere/a.mrc"))]
    assert read_learned(run.folder, LEARNS, elsewhere) is None
    assert np.isfinite(kept_learned(run.folder).threshold.score)
