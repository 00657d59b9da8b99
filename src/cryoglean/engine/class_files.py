"""The files of a run's 2D class averages: written whole or not at all, and read again."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cryoglean.classes.judgement import Judgement, Measures
from cryoglean.classes.run_classes import RunClasses
from cryoglean.engine.folder import RunFolder
from cryoglean.errors import CryogleanError
from cryoglean.io import write_mrc
from cryoglean.io.formats.relion import CLASS, PSI, write_class_averages, write_particles
from cryoglean.io.limits import open_file, read_file
from cryoglean.io.mrc import read_frames, read_header
from cryoglean.io.writing import complete_or_absent, writing
from cryoglean.types import FloatImage, Picks


@dataclass(frozen=True, eq=False)
class ClassesMade:
    """The class averages of a run, as they were made.

    Parameters
    ----------
    classes : RunClasses
        The classes.
    picks : tuple of Picks
        What was sorted, by micrograph, in the order of `classes`.
    unit : float
        Å per pixel of the averages; micrograph pixels, where the size of these is not known.
    total : int
        Number of picks of the run.
    failures : tuple of CryogleanError
        Micrographs that can no longer be read; their picks are not sorted.
    """

    classes: RunClasses
    picks: tuple[Picks, ...]
    unit: float
    total: int
    failures: tuple[CryogleanError, ...] = ()

    @property
    def pixel_size(self) -> float | None:
        """Å per pixel of the averages; None where that of the micrographs is not known."""
        known = all(part.pixel_size is not None for part in self.picks)
        return self.unit if known else None


@dataclass(frozen=True, eq=False)
class KeptClass:
    """One class of a run, as the run's folder keeps it.

    Parameters
    ----------
    image : ndarray of float32, shape (side, side)
        The average, particles bright.
    measures : Measures
        What was measured of it.
    judgement : Judgement
        What it shows.
    """

    image: FloatImage
    measures: Measures
    judgement: Judgement


@dataclass(frozen=True, eq=False)
class KeptClasses:
    """The classes that a run's folder keeps.

    Parameters
    ----------
    classes : tuple of KeptClass
        The largest first.
    picks : int
        How many picks were sorted.
    total : int
        Number of picks that the run had.
    current : bool
        Whether the run has the same picks now.
    """

    classes: tuple[KeptClass, ...]
    picks: int
    total: int
    current: bool


def remove_classes(folder: RunFolder) -> None:
    """Remove the class averages that a run's folder keeps.

    Raises
    ------
    OutputError
        They cannot be removed.
    """
    # What says that there are classes goes first.
    for stale in (
        folder.class_table,
        folder.class_picture,
        folder.class_star,
        folder.class_particles,
        folder.class_averages,
    ):
        with writing(stale):
            stale.unlink(missing_ok=True)


def write_classes(folder: RunFolder, made: ClassesMade) -> None:
    """Write class averages, their list for RELION, the class of every pick, and what each class shows.

    Raises
    ------
    OutputError
        They cannot be written.
    """
    classes = made.classes
    write_mrc(folder.class_averages, classes.images, pixel_size=made.pixel_size)
    write_particles(_with_classes(made), folder.class_particles)
    write_class_averages(folder.class_star, folder.class_averages, counts=classes.counts)
    # What says that there are classes comes last.
    stored = _StoredClasses(
        picks=made.total,
        sorted_picks=len(classes.members),
        picks_digest=_digest(folder),
        pixel_size=made.pixel_size,
        classes=tuple(
            _StoredClass(number=number, judgement=judgement, measures=measures)
            for number, (judgement, measures) in enumerate(
                zip(classes.judgements, classes.measures, strict=True), 1
            )
        ),
    )
    with complete_or_absent(folder.class_table) as partial:
        partial.write_text(stored.model_dump_json(indent=2) + "\n", encoding="utf-8")


def kept_classes(folder: RunFolder) -> KeptClasses | None:
    """Read the class averages that a run's folder keeps; None where there are none that can be used."""
    with suppress(OSError, ValueError, CryogleanError):
        stored = _StoredClasses.model_validate_json(read_file(folder.class_table))
        images = np.stack(list(read_frames(read_header(folder.class_averages)))).astype(np.float32)
        classes = tuple(
            KeptClass(image, one.measures, one.judgement)
            for image, one in zip(images, stored.classes, strict=True)
        )
        return KeptClasses(classes, stored.sorted_picks, stored.picks, stored.picks_digest == _digest(folder))
    return None


class _StoredClass(BaseModel):
    """A class as it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    number: int = Field(ge=1)
    judgement: Judgement
    measures: Measures


class _StoredClasses(BaseModel):
    """The classes of a run as they are written."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    picks: int = Field(ge=1)
    sorted_picks: int = Field(ge=1)
    picks_digest: str
    pixel_size: float | None
    classes: tuple[_StoredClass, ...]


def _with_classes(made: ClassesMade) -> list[Picks]:
    """Put into picks what was found of each, by RELION's names: classes are counted from 1."""
    classes, poses = made.classes, made.classes.poses
    # What is to be taken from a coordinate to reach the centre of the particle: in Å, or in pixels of the
    # micrograph where these have no size, as RELION had it up to 3.0.
    origin = np.round(0.0 - poses.shift * made.unit, 3)
    unit = "" if made.pixel_size is None else "Angst"
    columns: dict[str, NDArray[Any]] = {
        CLASS: classes.members + 1,
        PSI: poses.angle,
        f"rlnOriginX{unit}": origin[:, 0],
        f"rlnOriginY{unit}": origin[:, 1],
        "cryogleanMirrored": poses.mirrored.astype(np.int64),
        "cryogleanClassCorrelation": np.round(classes.correlation.astype(np.float64), 4),
    }
    described, start = [], 0
    for part in made.picks:
        own = slice(start, start + len(part))
        start += len(part)
        found = {label: values[own] for label, values in columns.items()}
        described.append(replace(part, extra={**part.extra, **found}))
    return described


def _digest(folder: RunFolder) -> str:
    """Return the digest of the run's picks, by which class averages of former picks are known."""
    try:
        with open_file(folder.table) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        # A run that was stopped has none yet.
        return ""
