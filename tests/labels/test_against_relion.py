"""Angles and shifts as RELION itself means them: its own projections of the same map."""

import shutil
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoglean.io import write_mrc
from cryoglean.labels import read_refined
from cryoglean.labels.reprojection import Reprojector
from cryoglean.labels.settings import LabelConfig
from cryoglean.simulate.masks import particle_mask
from cryoglean.simulate.projection import Grid, MapProjector
from cryoglean.simulate.structures import DensityMap

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(shutil.which("relion_project") is None, reason="relion_project is not installed"),
]
BOX, PIXEL, VIEWS = 64, 1.5, 8


def _density() -> DensityMap:
    """Four unlike blobs, whose projection is like no other turn, mirror image or hand of it."""
    z, y, x = np.indices((BOX,) * 3) - BOX // 2
    blobs = [((5, -8, 3), 4, 1), ((-9, 2, 6), 3, 1.5), ((2, 10, -7), 5, 0.7), ((0, 0, 12), 2.5, 2)]
    data = sum(
        height * np.exp(-((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / 2 / width**2)
        for (cx, cy, cz), width, height in blobs
    )
    return DensityMap(np.asarray(data, np.float32), PIXEL)


@pytest.fixture(scope="module")
def relion(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """Particles with angles and shifts, and what RELION projects for them."""
    folder = tmp_path_factory.mktemp("relion")
    rng = np.random.default_rng(3)
    write_mrc(folder / "map.mrc", _density().data, pixel_size=PIXEL)
    angles = rng.uniform([-180, 0, -180], [180, 180, 180], (VIEWS, 3))
    origins = rng.uniform(-7, 7, (VIEWS, 2))
    labels = ["MicrographName", "CoordinateX", "CoordinateY", "AngleRot", "AngleTilt", "AnglePsi"]
    labels += ["OriginXAngst", "OriginYAngst", "OpticsGroup"]
    lines = [
        "data_optics\n\nloop_",
        *(f"_rln{name}" for name in ("OpticsGroup", "OpticsGroupName", "ImagePixelSize", "ImageSize")),
        *(f"_rln{name}" for name in ("ImageDimensionality", "Voltage", "SphericalAberration")),
        f"_rlnAmplitudeContrast\n1 one {PIXEL} {BOX} 2 300 2.7 0.1\n\ndata_particles\n\nloop_",
        *(f"_rln{label}" for label in labels),
        *(" ".join(map(str, ["m.mrc", 100, 200, *a, *o, 1])) for a, o in zip(angles, origins, strict=True)),
    ]
    (folder / "particles.star").write_text("\n".join(lines) + "\n")
    command = [
        "relion_project",
        "--i",
        "map.mrc",
        "--o",
        "out",
        "--ang",
        "particles.star",
        "--angpix",
        f"{PIXEL}",
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "particles.star", mrcfile.read(folder / "out.mrcs")


def test_projections_at_refined_angles_and_shifts_are_relions(relion: tuple[Path, np.ndarray]) -> None:
    path, stack = relion
    (part,) = read_refined(path)
    view = MapProjector(_density(), Grid(BOX, PIXEL))
    for rotation, shift, theirs in zip(part.rotation, part.shift / PIXEL, stack, strict=True):
        ours = view.project(rotation, (shift[0], shift[1]))
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] >= 0.99


def test_masks_lie_on_relions_projections(relion: tuple[Path, np.ndarray]) -> None:
    path, stack = relion
    (part,) = read_refined(path)
    config = LabelConfig()
    reprojector = Reprojector(_density(), config)
    sigma = config.smoothing * reprojector.extent.diameter / PIXEL
    for rotation, shift, theirs in zip(part.rotation, part.shift / PIXEL, stack, strict=True):
        centre = (BOX // 2 + shift[0], BOX // 2 + shift[1])
        patch = reprojector.mask(rotation, centre, pixel_size=PIXEL)
        ours = np.zeros((3 * BOX, 3 * BOX), bool)
        y, x = (BOX + start for start in patch.corner)
        ours[y : y + patch.mask.shape[0], x : x + patch.mask.shape[1]] = patch.mask
        expected = particle_mask(theirs, sigma)
        common = ours[BOX : 2 * BOX, BOX : 2 * BOX]
        assert np.sum(common & expected) / np.sum(common | expected) > 0.85
