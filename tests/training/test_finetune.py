"""Learning from corrections, from beginning to end, in a few steps."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cryoglean.dataset.tiles import UNKNOWN
from cryoglean.engine import RunFolder
from cryoglean.errors import UsageError
from cryoglean.networks.weights import read_weights
from cryoglean.training.annotations import annotations_of_run
from cryoglean.training.labelling import LabelledMicrograph
from cryoglean.training.progress import FineTuningResult, Progress
from cryoglean.training.settings import FineTuningConfig, TrainConfig
from tests.training.conftest import NAMES, Correct

pytest.importorskip("torch")
pytest.importorskip("onnx")

from cryoglean.training.finetune import GENERAL, FineTuningJob, fine_tune, hold_back, replay_plan
from cryoglean.training.finetune_tasks import CHANCE

BRIEF = FineTuningConfig(steps=3, classifier_steps=2, validate_every=2)


def scene(name: str, *, complete: bool = True, particles: int = 1) -> LabelledMicrograph:
    blank = np.zeros((32, 48), np.uint8)
    level = np.zeros((32, 48), np.float32)
    inner = (slice(8, 24), slice(8, 40))
    return LabelledMicrograph(name, level, blank, blank, np.full((particles, 2), 10.0), complete, inner)


def test_the_micrograph_of_middling_difficulty_is_held_back() -> None:
    scenes = [scene(name) for name in "abcde"]
    learn, held = hold_back(scenes, [0.1, 0.9, 0.5, 0.7, 0.3], TrainConfig())
    assert [one.name for one in held] == ["c"]
    assert [one.name for one in learn] == ["a", "b", "d", "e"]


def test_what_was_not_wholly_looked_at_or_is_empty_is_not_held_back() -> None:
    scenes = [scene("a", complete=False), scene("b", particles=0), scene("c"), scene("d", complete=False)]
    assert [one.name for one in hold_back(scenes, [0.5] * 4, TrainConfig())[1]] == ["c"]


def test_of_a_single_micrograph_a_third_is_held_back_and_not_learnt_from() -> None:
    (learn,), (held,) = hold_back([scene("a")], [0.5], TrainConfig())
    assert (learn.particle[:, 29:] == UNKNOWN).all()
    assert (learn.particle[8:24, 8:29] != UNKNOWN).all()
    assert held.inner == (slice(8, 24), slice(29, 40))


def test_simulated_tiles_are_no_coarser_than_the_networks() -> None:
    config = TrainConfig()
    for particle_px in (24.0, 48.0):
        shape = config.architecture.changed(particle_px=particle_px)
        tiles = replay_plan(config.changed(architecture=shape)).config.tiles
        assert tiles.particle_px >= particle_px
        assert tiles.size / tiles.particle_px == pytest.approx(8)


@pytest.fixture
def job(shards: Path, tmp_path: Path) -> FineTuningJob:
    start = read_weights("general")
    config = TrainConfig(
        batch=4, threads=1, device="cpu", architecture=start.card.architecture, fine_tuning=BRIEF
    )
    return FineTuningJob(start, config, tmp_path / "mine", shards=shards, command="cryoglean train …")


def learn(run: RunFolder, job: FineTuningJob) -> tuple[FineTuningResult, list[Progress]]:
    events: list[Progress | FineTuningResult] = []
    result = fine_tune(annotations_of_run(run), job, events.append)
    assert events[-1] is result
    return result, [event for event in events if isinstance(event, Progress)]


def test_corrections_become_weights_with_a_card(run: RunFolder, correct: Correct, job: FineTuningJob) -> None:
    for name in NAMES[:3]:
        correct(name, looked_at=True)
    result, progress = learn(run, job)
    card = read_weights(job.out).card
    assert card.name == "mine"
    assert card.origin == job.start.card.name
    assert card.held_back == {"before": result.before, "after": result.after}
    assert card.threshold == result.threshold
    assert card.command == "cryoglean train …"
    assert "3 micrographs" in card.data
    assert {"f1", "average_precision"} <= set(result.after)
    assert result.after[GENERAL] == card.validation["average_precision"]
    assert 0 < result.before[GENERAL] < 1
    assert result.after["average_precision"] >= result.before["average_precision"] - CHANCE or result.kept
    assert result.better == (result.after["f1"] > result.before["f1"])
    steps = [one for one in progress if one.stage == "fine-tuning the segmentation network"]
    assert [(one.step, one.steps) for one in steps] == [(1, 3), (2, 3), (3, 3)]
    assert json.loads((job.out / "card.json").read_text())["origin"] == "general"
    with pytest.raises(UsageError, match="holds weights already"):
        learn(run, job)


def test_the_seed_decides_the_weights(run: RunFolder, correct: Correct, job: FineTuningJob) -> None:
    for name in NAMES:
        correct(name, looked_at=True)
    first, again = (replace(job, out=job.out / name) for name in "ab")
    for one in (first, again):
        learn(run, one)
    for file in ("segmenter.safetensors", "classifier.safetensors"):
        assert (first.out / file).read_bytes() == (again.out / file).read_bytes()


def test_when_the_time_is_up_the_training_ends(run: RunFolder, correct: Correct, job: FineTuningJob) -> None:
    correct("mic0", looked_at=True)
    hurried = BRIEF.changed(minutes=1e-4)
    result, progress = learn(run, replace(job, config=job.config.changed(fine_tuning=hurried)))
    assert max(one.step for one in progress if one.stage.startswith("fine-tuning")) == 1
    assert read_weights(result.weights).card.held_back["after"] == result.after
