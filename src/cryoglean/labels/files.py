"""Label images and their tables on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cryoglean.errors import OutputError
from cryoglean.io import write_mrc, write_png
from cryoglean.io.spreadsheets import write_table
from cryoglean.io.writing import complete_or_absent
from cryoglean.labels.painting import CLASSES, LabelImage

LabelFormat = Literal["npz", "mrc", "png"]


def write_labels(labels: LabelImage, folder: Path, *, format: LabelFormat) -> None:  # noqa: A002
    """Write the label images of one micrograph.

    Parameters
    ----------
    labels : LabelImage
        What to write.
    folder : Path
        Receives ``NAME.npz`` with arrays ``classes`` (uint8), ``instances`` (uint16) and ``pixel_size`` (Å);
        or ``NAME_classes`` and ``NAME_instances`` as MRC or PNG of 8 and 16 bits, whose grey level is the
        class or the instance itself.
    format : str
        'npz', 'mrc' or 'png'.

    Raises
    ------
    OutputError
        The files cannot be written, or there are more particles than 16 bits can count.
    """
    if len(labels) > np.iinfo(np.uint16).max:
        raise OutputError(folder, f"cannot hold {len(labels)} particles in one micrograph, 65535 at most")
    instances = labels.instances.astype(np.uint16)
    if format == "npz":
        with complete_or_absent(folder / f"{labels.name}.npz") as partial:
            np.savez_compressed(
                partial, classes=labels.classes, instances=instances, pixel_size=np.array(labels.pixel_size)
            )
        return
    classes_path, instances_path = (
        folder / f"{labels.name}_{kind}.{format}" for kind in ("classes", "instances")
    )
    if format == "mrc":
        write_mrc(classes_path, labels.classes.astype(np.int8), pixel_size=labels.pixel_size)
        write_mrc(instances_path, instances, pixel_size=labels.pixel_size)
    else:
        write_png(classes_path, labels.classes, bits=8, limits=(0, 255))
        write_png(instances_path, instances, bits=16, limits=(0, 65535))


@dataclass(frozen=True)
class LabelRows:
    """What the tables say of one micrograph; its images are not kept.

    Parameters
    ----------
    micrograph : list
        Its row in the table of micrographs.
    particles : list of list
        Rows in the table of particles.
    """

    micrograph: list[object]
    particles: list[list[object]]

    @classmethod
    def of(cls, image: LabelImage) -> LabelRows:
        """Describe a label image."""
        shares = [f"{image.share(kind):.5f}" for kind in CLASSES]
        micrograph = [image.name, len(image), f"{image.pixel_size:.5g}", f"{image.diameter:.4g}", *shares]
        places = np.column_stack([image.xy, image.euler])
        particles: list[list[object]] = [
            [image.name, i, *(f"{v:.3f}" for v in place), int(area), f"{visible:.4f}"]
            for i, (place, area, visible) in enumerate(zip(places, image.area, image.visible, strict=True), 1)
        ]
        return cls(micrograph, particles)


def write_tables(rows: Sequence[LabelRows], folder: Path) -> None:
    """Write ``labels.csv``, one row a micrograph, and ``particles.csv``, one row a particle.

    Coordinates are the particles' centres after refinement, in pixels of the micrograph.
    """
    head = ["micrograph", "particles", "pixel_size", "diameter", *(f"{kind}_share" for kind in CLASSES)]
    write_table(folder / "labels.csv", head, (row.micrograph for row in rows))
    head = ["micrograph", "instance", "x", "y", "rot", "tilt", "psi", "area_px", "visible"]
    write_table(folder / "particles.csv", head, (particle for row in rows for particle in row.particles))
