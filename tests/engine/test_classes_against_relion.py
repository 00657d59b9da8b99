"""RELION reads what is said of a pick: its angle and its shift bring it onto its class average."""

import shutil
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoglean.classes.run_classes import BOX_PX, CROP_PX, PARTICLE_PX, classify
from cryoglean.engine import RunFolder
from cryoglean.engine.class_files import ClassesMade, write_classes
from cryoglean.io import write_mrc
from cryoglean.types import Picks
from tests.classes.particles import draw_particles

pytestmark = pytest.mark.external
EVEN = CROP_PX - 1


def test_angle_and_origin_are_those_of_relion(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("relion_stack_create") is None:
        pytest.skip("RELION is not installed")
    monkeypatch.chdir(tmp_path)
    drawn = draw_particles(rng, 120, side=CROP_PX, noise=0.3)
    made = classify(drawn.crops, np.ones(120), classes=4)
    write_mrc("crops.mrcs", drawn.crops[:, :EVEN, :EVEN], pixel_size=2.0)
    images = {
        "rlnImageName": np.array([f"{number:06d}@crops.mrcs" for number in range(1, 121)]),
        "rlnImagePixelSize": np.full(120, 2.0),
        "rlnImageSize": np.full(120, EVEN),
        "rlnImageDimensionality": np.full(120, 2),
        "rlnVoltage": np.full(120, 300.0),
        "rlnSphericalAberration": np.full(120, 2.7),
    }
    picks = Picks(np.zeros((120, 2)), name="mic", pixel_size=2.0, diameter=2 * PARTICLE_PX, extra=images)
    folder = RunFolder(tmp_path / "run")
    write_classes(folder, ClassesMade(made, (picks,), 2.0, 120))
    command = ["relion_stack_create", "--i", folder.class_particles, "--o", "turned"]
    subprocess.run([*command, "--apply_transformation"], check=True, capture_output=True)
    start = (EVEN - BOX_PX) // 2
    turned = mrcfile.read("turned.mrcs")[:, start : start + BOX_PX, start : start + BOX_PX]
    y, x = np.mgrid[:BOX_PX, :BOX_PX] - BOX_PX // 2
    disc = np.hypot(x, y) < PARTICLE_PX / 2
    for number, average in enumerate(made.images):
        own = (made.members == number) & ~made.poses.mirrored
        if own.sum() >= 8:
            same = np.corrcoef(turned[own].mean(axis=0)[disc], average[disc])[0, 1]
            assert same > 0.95
