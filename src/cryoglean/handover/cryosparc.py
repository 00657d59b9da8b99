"""Picking as an External job of cryoSPARC, through its own cryosparc-tools.

The package reads where cryoSPARC is, and who asks, from its own settings (``python -m cryosparc.tools
login``, or the CRYOSPARC_… variables); nothing of that passes through here. Micrographs are read from the
project's folder, so this runs where that folder is.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.events import Reporter
from cryoglean.engine.settings import EngineConfig
from cryoglean.errors import CoordinateError, UsageError
from cryoglean.io.formats import read_picks
from cryoglean.io.formats.cryosparc import MICROGRAPH_UID, OWN, UID, fields_of_picks
from cryoglean.io.formats.text import as_fixed_text, as_text
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import MicrographFile, Picks

INPUT, OUTPUT = "micrographs", "picked_particles"
SLOTS = ["location", "pick_stats"]


@dataclass(frozen=True)
class Source:
    """The micrographs to pick.

    Parameters
    ----------
    workspace : str
        Where the new job shall be, such as 'W1'.
    job : str
        The job that has the micrographs, such as 'J12'.
    output : str
        Name of its output.
    """

    workspace: str
    job: str
    output: str = "micrographs"


@dataclass(frozen=True)
class Exposure:
    """A micrograph of a cryoSPARC project.

    Parameters
    ----------
    uid : int
        Its number.
    path : str
        Its file, from the project's folder.
    shape : tuple of int
        Rows and columns.
    pixel_size : float
        Å per pixel.
    """

    uid: int
    path: str
    shape: tuple[int, int]
    pixel_size: float


def connect(project: str) -> Any:
    """Find a project of the cryoSPARC that cryosparc-tools is logged in to.

    Raises
    ------
    UsageError
        cryosparc-tools is not installed, not logged in, or does not know the project.
    """
    try:
        from cryosparc.tools import CryoSPARC
    except ImportError:
        raise UsageError("this needs cryosparc-tools: pip install 'cryoglean[cryosparc]'") from None
    try:
        return CryoSPARC().find_project(project)
    except Exception as error:  # noqa: BLE001 - the package raises bare and foreign exceptions
        raise UsageError(f"cryoSPARC's project {project}: {str(error).splitlines()[0]}") from None


def pick_for_cryosparc(
    project: Any,
    source: Source,
    *,
    config: PickConfig,
    engine: EngineConfig,
    report: Reporter,
    stop: threading.Event,
) -> str:
    """Pick micrographs of a cryoSPARC project as a new External job of it.

    Parameters
    ----------
    project : cryosparc.controllers.project.ProjectController
        From `connect`.
    source : Source
        Which micrographs, and where the job shall be.
    config : PickConfig
        How to pick.
    engine : EngineConfig
        How the work is spread.
    report : callable
        Called with each event as it happens.
    stop : Event
        Ends the job when it is set.

    Returns
    -------
    str
        The job's number. It has the output ``picked_particles``.

    Raises
    ------
    CryogleanError
        Nothing could be done; cryoSPARC shows the job as failed.
    """
    job = project.create_external_job(source.workspace, title="cryoglean picking")
    job.connect(INPUT, source.job, source.output, slots=["micrograph_blob"], title="Micrographs to pick")
    job.add_output("particle", OUTPUT, slots=SLOTS, title="Picked particles")
    with job.run():
        exposures = exposures_of(job.load_input(INPUT, ["micrograph_blob"]))
        root = _folder(project)
        folder = RunFolder(root / job.uid / "cryoglean")
        micrographs = [
            MicrographFile(root / one.path, pixel_size=one.pixel_size if one.pixel_size > 0 else None)
            for one in exposures
        ]
        ended = pick(Run(micrographs, folder, config, engine), report, stop)
        if ended.stopped or ended.summary is None:
            raise CoordinateError(folder.root, "the job was stopped")
        if not ended.summary.done:
            raise CoordinateError(
                folder.root, f"no micrograph could be picked: {ended.summary.failures[0].error}"
            )
        fields = particle_fields(
            read_picks(folder.star_list), dict(zip(map(str, micrographs), exposures, strict=True))
        )
        particles = job.alloc_output(OUTPUT, fields[UID])
        for name, values in fields.items():
            if name in particles:
                particles[name] = values
        job.save_output(OUTPUT, particles)
    return str(job.uid)


def exposures_of(micrographs: Mapping[str, Any]) -> list[Exposure]:
    """Read a data set of exposures with their ``micrograph_blob``.

    Raises
    ------
    UsageError
        It has no such fields.
    """
    names = (UID, *(f"micrograph_blob/{field}" for field in ("path", "shape", "psize_A")))
    missing = [name for name in names if name not in micrographs]
    if missing:
        raise UsageError(f"these are no micrographs: the fields {', '.join(missing)} are missing")
    columns = (micrographs[name] for name in names)
    return [
        Exposure(int(uid), _text(path).lstrip(">"), (int(shape[-2]), int(shape[-1])), float(pixel_size))
        for uid, path, shape, pixel_size in zip(*columns, strict=True)
    ]


def particle_fields(picks: Sequence[Picks], exposures: Mapping[str, Exposure]) -> dict[str, NDArray[Any]]:
    """Return the fields of a data set of picked particles.

    Parameters
    ----------
    picks : sequence of Picks
        With the path of their micrograph.
    exposures : mapping of str to Exposure
        By that path.

    Returns
    -------
    dict of str to ndarray
        ``uid`` and the fields of ``location`` and ``pick_stats``.
    """
    placed = []
    for one in picks:
        if not len(one):
            continue
        exposure = exposures[one.path]
        columns = {MICROGRAPH_UID: np.uint64(exposure.uid)}
        placed.append(
            replace(
                one,
                path=exposure.path,
                shape=exposure.shape,
                pixel_size=exposure.pixel_size,
                extra={label: np.full(len(one), value) for label, value in columns.items()},
            )
        )
    fields = {name: values for name, values in fields_of_picks(placed).items() if not name.startswith(OWN)}
    return {
        name: as_fixed_text(as_text(values)) if values.dtype.kind not in "iuf" else values
        for name, values in fields.items()
    }


def _folder(project: Any) -> Path:
    """Return the project's folder, which cryosparc-tools 4 gives by a method and 5 by a property."""
    folder = Path(project.dir() if callable(project.dir) else project.dir)
    if not folder.is_dir():
        raise UsageError(
            f"the project's folder {folder} is not on this machine: run this where cryoSPARC's files are"
        )
    return folder


def _text(word: str | bytes) -> str:
    return word.decode() if isinstance(word, bytes) else word
