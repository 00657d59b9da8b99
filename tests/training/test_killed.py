"""A training that is killed, as a batch system does it, goes on as if it had not been."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cryoglean.engine import RunFolder
from cryoglean.networks.weights import read_weights
from tests.training.conftest import NAMES, Correct

pytest.importorskip("torch")
pytest.importorskip("onnx")

SETTINGS = "batch = 4\nthreads = 1\n[fine_tuning]\nsteps = 6\nclassifier_steps = 2\nvalidate_every = 2\n"


def test_a_killed_training_goes_on_to_the_same_weights(
    run: RunFolder, correct: Correct, shards: Path, tmp_path: Path
) -> None:
    for name in NAMES:
        correct(name, looked_at=True)
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS)
    program = [sys.executable, "-c", "from cryoglean.cli import main; main()", "train", "--json-lines"]
    given = ["--from", "general", "--corrections", run.root, "--shards", shards, "--config", settings]
    command = [*program, *map(str, given), "--out"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run([*command, str(whole)], check=True, capture_output=True)
    with subprocess.Popen([*command, str(broken)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["stage"] == "fine-tuning the segmentation network" and event["step"] == 5:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL
    assert (broken / "training" / "segmentation-checkpoint.safetensors").exists()
    assert not (broken / "card.json").exists()
    subprocess.run([*command, str(broken), "--resume"], check=True, capture_output=True)
    for file in ("segmenter.safetensors", "classifier.safetensors"):
        assert (broken / file).read_bytes() == (whole / file).read_bytes()
    first, second = read_weights(whole).card, read_weights(broken).card
    assert (second.calibration, second.threshold) == (first.calibration, first.threshold)
    assert second.held_back == first.held_back
