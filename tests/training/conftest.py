"""A small run with corrections, and simulated tiles to rehearse."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cryoglean.corrections import Added, Corrections, Deleted
from cryoglean.corrections.files import write_corrections
from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.records import read_record
from cryoglean.io import write_mrc
from cryoglean.pickers.settings import PickConfig
from cryoglean.select import select
from cryoglean.simulate.settings import SimulationConfig, TileConfig
from cryoglean.simulate.shards import ShardPlan, write_shards
from tests.engine.session_files import draw_micrograph

NAMES = [f"mic{number}" for number in range(4)]


@pytest.fixture(scope="session")
def micrographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Micrographs of discs, 24 pixels or 96 Å across."""
    folder = tmp_path_factory.mktemp("taught") / "micrographs"
    for seed, name in enumerate(NAMES):
        image = draw_micrograph(np.random.default_rng(seed), particles=14 + seed)
        write_mrc(folder / f"{name}.mrc", image, pixel_size=4.0)
    return folder


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some small simulated tiles, for training and validation."""
    tiles = TileConfig(size=96, views=4, procedural=6, shard=12, validation=0.4, test=0.0)
    plan = ShardPlan(SimulationConfig(tiles=tiles), (), tiles=24, seed=1)
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder, plan)
    return folder


@pytest.fixture
def run(micrographs: Path, tmp_path: Path) -> RunFolder:
    """A run over the micrographs, picked with a network, with nothing corrected."""
    config = PickConfig(method="network", diameter=96.0, contrast="dark")
    folder = RunFolder(tmp_path / "run")
    pick(Run([micrographs / f"{name}.mrc" for name in NAMES], folder, config), lambda _: None)
    return folder


Correct = Callable[..., Corrections]


@pytest.fixture
def correct(run: RunFolder) -> Correct:
    """Delete the first pick of a micrograph, and add one."""

    def correct(name: str, **more: object) -> Corrections:
        record = read_record(run.record(name))
        assert record is not None
        assert record.candidates is not None
        picks = select(record.candidates, record.selection)
        made = Corrections(
            micrograph=name,
            revision=2,
            added=(Added(id="new", x=100.0, y=101.0),),
            deleted=(Deleted(x=picks.xy[0, 0], y=picks.xy[0, 1], score=picks.score[0]),),
        ).changed(**more)
        write_corrections(run.correction(name), made)
        return made

    return correct
