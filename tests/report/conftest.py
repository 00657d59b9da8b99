"""A run of eight micrographs, to report on."""

from pathlib import Path

import numpy as np
import pytest

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.settings import EngineConfig
from cryoglean.io import write_mrc
from cryoglean.pickers.settings import PickConfig
from tests.engine.session_files import draw_micrograph

KNOWN = PickConfig(diameter=96.0, contrast="dark", learn=False)
HERE = EngineConfig(workers=1)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Eight micrographs of 9 to 16 particles."""
    made = [tmp_path / "data" / f"mic{seed}.mrc" for seed in range(8)]
    for seed, path in enumerate(made):
        write_mrc(path, draw_micrograph(np.random.default_rng(seed), particles=9 + seed), pixel_size=4.0)
    return made


@pytest.fixture
def run(tmp_path: Path, paths: list[Path]) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    pick(Run(paths, folder, KNOWN, HERE), report=lambda event: None)
    return folder
