"""A small refined data set, which every test here may use."""

from pathlib import Path

import numpy as np
import pytest

from cryoglean.io import write_mrc
from cryoglean.simulate import procedural_structure, simulate_micrograph
from cryoglean.simulate.projection import Grid, potential_map
from cryoglean.simulate.settings import CrowdRanges, SimulationConfig
from tests.labels.refined import IMAGE_PIXEL, MICROGRAPH_PIXEL, DataSet, write_relion_3_0, write_relion_3_1

SHIFT = 9.0
"""How far extraction missed the centres, at most, Å."""


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    folder = tmp_path_factory.mktemp("refined")
    structure = procedural_structure("oligomer", 3)
    config = SimulationConfig(
        size=(384, 448),
        pixel_size=(MICROGRAPH_PIXEL,) * 2,
        coverage=(0.25, 0.25),
        contamination=0,
        crowd=CrowdRanges(empty=0),
    )
    rng = np.random.default_rng(8)
    simulated = [simulate_micrograph(structure, config, seed=seed, name=f"field_{seed}") for seed in (1, 2)]
    for one in simulated:
        write_mrc(
            folder / "micrographs" / f"{one.micrograph.name}.mrc",
            one.micrograph.data,
            pixel_size=MICROGRAPH_PIXEL,
        )
    box = 2 * int(np.ceil(1.3 * structure.body.extent.radius / IMAGE_PIXEL))
    density = potential_map(structure.body, Grid(box, IMAGE_PIXEL))
    write_mrc(folder / "refined.mrc", density.data, pixel_size=IMAGE_PIXEL)
    origins = [rng.uniform(-SHIFT, SHIFT, (len(one.truth), 2)) for one in simulated]
    return DataSet(folder, structure, simulated, origins)


@pytest.fixture(params=[write_relion_3_1, write_relion_3_0], ids=["relion-3.1", "relion-3.0"])
def particles(request: pytest.FixtureRequest, data_set: DataSet, tmp_path: Path) -> Path:
    return request.param(data_set, tmp_path / "run_data.star")
