"""A small data set as a refinement leaves it: micrographs, a map, and particles with angles and shifts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoglean.simulate import Simulated, Structure
from cryoglean.types import Picks

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
MICROGRAPH_PIXEL, IMAGE_PIXEL, IMAGE_BOX = 2.5, 4.0, 44


@dataclass(frozen=True)
class DataSet:
    """Simulated micrographs and the files that a refinement of them would have left."""

    folder: Path
    structure: Structure
    simulated: Sequence[Simulated]
    origin: Sequence[NDArray[np.float64]]
    """RELION's origins of each micrograph's particles, Å: coordinate minus origin is the true centre."""

    @property
    def map(self) -> Path:
        return self.folder / "refined.mrc"

    @property
    def micrographs(self) -> Path:
        return self.folder / "micrographs"

    def picks(self) -> list[Picks]:
        """What was extracted: the true centres, missed by the origins."""
        return [
            Picks(
                truth.xy + origin / MICROGRAPH_PIXEL,
                name=truth.name,
                shape=truth.shape,
                pixel_size=MICROGRAPH_PIXEL,
            )
            for truth, origin in zip((s.truth for s in self.simulated), self.origin, strict=True)
        ]

    def euler(self) -> list[NDArray[np.float64]]:
        return [np.column_stack([s.truth.extra[angle] for angle in ANGLES]) for s in self.simulated]


def write_relion_3_1(data: DataSet, path: Path) -> Path:
    """Write particles with an optics group, origins in Å and micrographs named as motion correction does."""
    lines = [
        "# version 30001\n\ndata_optics\n\nloop_",
        "_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n_rlnMicrographPixelSize #3",
        "_rlnImagePixelSize #4\n_rlnImageSize #5",
        f"1 opticsGroup1 {MICROGRAPH_PIXEL} {IMAGE_PIXEL} {IMAGE_BOX}\n",
        "# version 30001\n\ndata_particles\n\nloop_",
        "_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n_rlnAngleRot #4\n_rlnAngleTilt #5",
        "_rlnAnglePsi #6\n_rlnOriginXAngst #7\n_rlnOriginYAngst #8\n_rlnOpticsGroup #9\n_rlnImageName #10",
    ]
    for picks, euler, origin in zip(data.picks(), data.euler(), data.origin, strict=True):
        rows = np.column_stack([picks.xy, euler, origin])
        words = [" ".join(f"{v:.6f}" for v in row) for row in rows]
        lines += [f"MotionCorr/job002/{picks.name}.tiff {row} 1 1@a.mrcs" for row in words]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_relion_3_0(data: DataSet, path: Path) -> Path:
    """Write one block, origins in pixels of the particle images, whose size stands as magnification."""
    labels = ["MicrographName", "CoordinateX", "CoordinateY", "AngleRot", "AngleTilt", "AnglePsi"]
    labels += ["OriginX", "OriginY", "Magnification", "DetectorPixelSize", "ImageName"]
    lines = ["data_\n\nloop_", *(f"_rln{label} #{i}" for i, label in enumerate(labels, 1))]
    for picks, euler, origin in zip(data.picks(), data.euler(), data.origin, strict=True):
        for row in np.column_stack([picks.xy, euler, origin / IMAGE_PIXEL]):
            values = " ".join(f"{v:.6f}" for v in row)
            lines.append(f"Micrographs/{picks.name}.mrc {values} 10000 {IMAGE_PIXEL} 1@a.mrcs")
    path.write_text("\n".join(lines) + "\n")
    return path
