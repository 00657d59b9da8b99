"""A RELION project with micrographs that hold something to pick."""

from pathlib import Path

import numpy as np
import pytest

from cryoglean.io import write_mrc

NAMES = ("mic_01", "mic_02", "mic_03")

OPTICS = """
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
all 1 2.0 300.0 2.7 0.1

# version 30001

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
"""


def write_micrograph(path: Path, rng: np.random.Generator) -> None:
    """Write 20 dark discs of 30 pixels in noise; the header says nothing of the pixel size."""
    image = rng.normal(100, 5, (320, 400)).astype(np.float32)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(4)), -1).reshape(-1, 2) * 75.0 + 45
    rows, columns = np.indices(image.shape)
    for x, y in grid + rng.uniform(-12, 12, grid.shape):
        image -= 12 * ((columns - x) ** 2 + (rows - y) ** 2 < 15**2)
    write_mrc(path, image, pixel_size=1.0)


@pytest.fixture
def project(tmp_path, rng, monkeypatch) -> Path:
    """Make a project folder, the current one, with Import/job001/micrographs.star."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        write_micrograph(tmp_path / f"Movies/{name}.mrc", rng)
    rows = "".join(f"Movies/{name}.mrc 1\n" for name in NAMES)
    (tmp_path / "Import/job001").mkdir(parents=True)
    (tmp_path / "Import/job001/micrographs.star").write_text(OPTICS + rows)
    return tmp_path
