"""A small session of micrographs, and what a run leaves of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cryoglean.engine import RunFolder
from cryoglean.io import write_mrc
from cryoglean.pickers.settings import PickConfig
from tests.engine.session_files import draw_micrograph

MICROGRAPHS = 6


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Micrographs of discs, 24 pixels or 96 Å across."""
    folder = tmp_path_factory.mktemp("drawn")
    paths = [folder / f"mic{number:02d}.mrc" for number in range(MICROGRAPHS)]
    for seed, path in enumerate(paths):
        write_mrc(path, draw_micrograph(np.random.default_rng(seed), particles=9 + seed), pixel_size=4.0)
    return paths


@pytest.fixture
def session(tmp_path: Path, drawn: list[Path]) -> list[Path]:
    """A folder of micrographs of one's own, which a test may spoil."""
    return copies(drawn, tmp_path / "data", MICROGRAPHS)


@pytest.fixture
def many(tmp_path: Path, drawn: list[Path]) -> Callable[[int], list[Path]]:
    """Make as many micrographs as are wanted; some are alike."""
    return lambda number: copies(drawn, tmp_path / "data", number)


@pytest.fixture
def out(tmp_path: Path) -> RunFolder:
    """A folder for a run."""
    return RunFolder(tmp_path / "run")


@pytest.fixture
def known() -> PickConfig:
    """A configuration that leaves nothing to measure and learns nothing."""
    return PickConfig(diameter=96.0, contrast="dark", learn=False)


def copies(drawn: list[Path], folder: Path, number: int) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"mic{k:04d}.mrc" for k in range(number)]
    for k, path in enumerate(paths):
        path.write_bytes(drawn[k % len(drawn)].read_bytes())
    return paths
