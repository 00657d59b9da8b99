"""RELION, given our micrographs and our STAR files, finds the structure that was put in."""

import shutil
import subprocess

import mrcfile
import numpy as np
import pytest
from scipy import ndimage

from cryoglean.simulate import SeriesPlan, write_series
from cryoglean.simulate.projection import Grid, potential_map
from cryoglean.simulate.settings import SimulationConfig

BOX, PIXEL = 64, 3.0


@pytest.mark.external
@pytest.mark.slow
def test_relion_reconstructs_the_structure(complex_, tmp_path):
    if shutil.which("relion_reconstruct") is None:
        pytest.skip("RELION is not installed")
    config = SimulationConfig.model_validate(
        {
            "size": (600, 600),
            "pixel_size": (PIXEL, PIXEL),
            "dose": (200, 200),
            "coverage": (0.35, 0.35),
            "contamination": 0,
            "crowd": {"overlap": 0, "clustering": 0, "preference": 0, "empty": 0},
            "optics": {"phase_shift": 0, "astigmatism": 2000},
            "exposure": {"hot_pixels": 0, "flattening": 0},
        }
    )
    write_series(tmp_path, SeriesPlan(complex_, config, count=3, seed=1))
    extract = "relion_preprocess --i micrographs.star --reextract_data_star particles.star --extract --norm"
    extract += (
        f" --part_star found.star --part_dir Extract/ --extract_size {BOX} --bg_radius 26 --invert_contrast"
    )
    reconstruct = "relion_reconstruct --i found.star --o map.mrc --ctf --maxres 9"
    for command in (extract, reconstruct):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    found = ndimage.gaussian_filter(mrcfile.read(tmp_path / "map.mrc"), 1)
    put_in = ndimage.gaussian_filter(potential_map(complex_.body, Grid(BOX, PIXEL)).data, 1)
    ball = sum(axis**2 for axis in np.mgrid[-32:32, -32:32, -32:32]) < 22**2

    def similarity(other):
        return np.corrcoef(other[ball], put_in[ball])[0, 1]

    # A wrong hand, angle, offset or sign of the transfer would leave nothing of this.
    assert similarity(found) > 0.88
    assert similarity(found[::-1]) < 0.6
    for axis in range(3):
        assert max(similarity(np.roll(found, step, axis)) for step in (-1, 1)) < similarity(found)
