"""Hundreds of damaged weights: they are run, or told in one sentence; ONNX Runtime never dies of any.

Whatever is damaged, the card has the fingerprints of it, as a stranger's would.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cryoglean.errors import CryogleanError
from cryoglean.networks.runtime import load_networks
from cryoglean.networks.weights import CARD, FILES, fingerprint, read_weights
from tests.fuzz.mutating import bytes_from, json_from

SECONDS = 30
"""Of one folder of weights, on a machine that does much else."""
IMAGE = np.random.default_rng(0).normal(0, 1, (96, 96)).astype(np.float32)


def damage(number: int, folder: Path) -> str:
    """Put damaged weights into a folder; return what is damaged."""
    general = read_weights("general").folder
    name = (CARD, "segmenter.onnx", "classifier.onnx")[number % 3]
    for file in (CARD, *FILES):
        shutil.copy(general / file, folder / file)
    path = folder / name
    if name == CARD:
        text = path.read_text()
        raw = json_from(number, text).encode("utf-8", "surrogatepass")
        path.write_bytes(raw if number % 2 else bytes_from(number, text.encode()))
        return name
    path.write_bytes(bytes_from(number, path.read_bytes()))
    card = json.loads((folder / CARD).read_text())
    card["sha256"][name] = fingerprint(path)
    (folder / CARD).write_text(json.dumps(card))
    return name


def use(folder: Path) -> None:
    """Load weights and let them look at something; only clear errors may come of it."""
    message = str(folder)
    try:
        networks = load_networks(folder, threads=1)
        networks.segment(IMAGE)
        networks.classify(IMAGE, np.array([[48.0, 48.0]]))
    except CryogleanError as error:
        message = str(error)
    assert str(folder) in message
    assert len(message) < 1000


def use_damaged(start: int, end: int, folder: Path) -> None:
    """Use damaged weights, and write down which, and what went wrong."""
    with (folder / "faults").open("a") as faults:
        for number in range(start, end):
            (folder / "number").write_text(f"{number}")
            name = damage(number, folder)
            try:
                use(folder)
            except Exception as error:  # noqa: BLE001 - told with all others
                faults.write(f"{number} {name}: {error!r}"[:300] + "\n")


def in_a_process_of_its_own(count: int, folder: Path) -> None:
    """Use damaged weights in a process that may die of them, and go on behind those that it died of."""
    code = "import sys; from pathlib import Path; from tests.fuzz.test_weights import use_damaged as use; "
    code += "use(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))"
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(root), *sys.path]))}
    deaths, start = [], 0
    while start < count:
        command = [sys.executable, "-c", code, f"{start}", f"{count}", f"{folder}"]
        done = subprocess.run(
            command,
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS * count,
            check=False,
        )
        start = int((folder / "number").read_text()) + 1
        if done.returncode:
            deaths.append(f"{start - 1}: ended with {done.returncode}: {done.stderr[-300:]}")
    faults = deaths + (folder / "faults").read_text().splitlines()
    assert not faults, f"{len(faults)} of {count}: {faults[:10]}"


def test_some_damaged_weights(tmp_path):
    in_a_process_of_its_own(24, tmp_path)


@pytest.mark.slow
@pytest.mark.fuzz
def test_hundreds_of_damaged_weights(tmp_path):
    in_a_process_of_its_own(400, tmp_path)
