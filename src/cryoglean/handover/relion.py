"""RELION's External job: what it asks of a program, and picking as such a job.

RELION starts ``PROGRAM --o External/job003/ --in_mics FILE.star --label value … --j N`` in its project
folder, and from then on looks at files alone: RELION_JOB_EXIT_SUCCESS, _FAILURE or _ABORTED say how the job
ended, RELION_OUTPUT_NODES.star says what other jobs can use, and RELION_JOB_ABORT_NOW asks the program to
stop.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.events import Reporter
from cryoglean.engine.settings import EngineConfig
from cryoglean.errors import CoordinateError, FileError, OutputError
from cryoglean.io import expand_inputs
from cryoglean.io.formats.relion import AUTOPICK, SUFFIX_FILE
from cryoglean.io.formats.star import Block, find_block, read_star, write_star
from cryoglean.io.formats.text import as_text
from cryoglean.io.writing import complete_or_absent
from cryoglean.pickers.settings import PickConfig

SUCCESS, FAILURE, ABORTED = (f"RELION_JOB_EXIT_{end}" for end in ("SUCCESS", "FAILURE", "ABORTED"))
ABORT_NOW = "RELION_JOB_ABORT_NOW"
OUTPUT_NODES = "RELION_OUTPUT_NODES.star"
COORDINATES_LABEL = "MicrographCoordsGroup.star.relion.autopick"
# What RELION 3 had instead of labels: NODE_MIC_COORDS.
COORDINATES_TYPE = 2
_SECONDS_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True)
class ExternalJob:
    """What RELION asks for.

    Parameters
    ----------
    folder : Path
        The job's folder, ``--o``.
    micrographs : Path
        STAR file of the micrographs, ``--in_mics``.
    config : PickConfig
        How to pick.
    engine : EngineConfig
        With how many processor cores.
    """

    folder: Path
    micrographs: Path
    config: PickConfig
    engine: EngineConfig


class Aborted(FileError):
    """RELION, or a signal, asked the job to stop."""


def pick_for_relion(job: ExternalJob, report: Reporter, stop: threading.Event) -> None:
    """Pick the micrographs of a RELION job, and leave in its folder what RELION wants to find.

    Parameters
    ----------
    job : ExternalJob
        What to do. The current folder is RELION's project.
    report : callable
        Called with each event as it happens.
    stop : Event
        Ends the job when it is set.

    Raises
    ------
    Aborted
        The job was stopped; its micrographs so far are kept, and RELION's Continue goes on from there.
    CryogleanError
        Nothing could be done.
    """
    with _abort_file_watched(job.folder, stop):
        micrographs = expand_inputs([job.micrographs])
        if is_relion_3(Path()):
            _places_for_relion_3(job, [one.listed for one in micrographs])  # Refused before the work.
        ended = pick(Run(micrographs, RunFolder(job.folder), job.config, job.engine), report, stop)
    if ended.stopped:
        raise Aborted(job.folder, "the job was stopped", "Continue resumes it")
    summary = ended.summary
    if summary is not None and not summary.done:
        first = summary.failures[0].error if summary.failures else "there are none"
        raise CoordinateError(job.micrographs, f"no micrograph could be picked: {first}")
    if is_relion_3(Path()):
        node = _lay_out_for_relion_3(job)
        write_output_nodes(job.folder, node, {"rlnPipeLineNodeType": COORDINATES_TYPE})
    else:
        node = RunFolder(job.folder).star_list
        write_output_nodes(job.folder, node, {"rlnPipeLineNodeTypeLabel": COORDINATES_LABEL})


@contextmanager
def exit_files(folder: Path) -> Iterator[None]:
    """Leave the file that says how what is done inside ended: well, with an error, or stopped.

    Files of an earlier run go first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in (SUCCESS, FAILURE, ABORTED):
        (folder / name).unlink(missing_ok=True)
    end = FAILURE
    try:
        yield
        end = SUCCESS
    except (Aborted, KeyboardInterrupt):
        end = ABORTED
        raise
    finally:
        (folder / end).touch()


def mark_as_aborted(folder: Path) -> None:
    """Leave the file that says that the job was stopped, where `exit_files` does not come to it."""
    (folder / ABORTED).touch()


def write_output_nodes(folder: Path, node: Path, kind: Mapping[str, str | int]) -> None:
    """Write which file of the job other jobs can use, and what it is.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    columns = {"rlnPipeLineNodeName": as_text([str(node)])} | {
        label: np.array([value]) for label, value in kind.items()
    }
    write_star(folder / OUTPUT_NODES, [Block("output_nodes", columns)])


def is_relion_3(project: Path) -> bool:
    """Return whether a project is one of RELION before 4, which numbers the types of files.

    A project without pipeline is taken for a new one.
    """
    pipeline = project / "default_pipeline.star"
    if not pipeline.exists():
        return False
    blocks = read_star(pipeline)
    numbered = find_block(blocks, "rlnPipeLineNodeName", "rlnPipeLineNodeType")
    return numbered is not None and "rlnPipeLineNodeTypeLabel" not in numbered


@contextmanager
def _abort_file_watched(folder: Path, stop: threading.Event) -> Iterator[None]:
    """Set `stop` when RELION leaves the file that asks for it, and take the file away."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_SECONDS_BETWEEN_LOOKS):
            if (folder / ABORT_NOW).exists():
                (folder / ABORT_NOW).unlink(missing_ok=True)
                stop.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _lay_out_for_relion_3(job: ExternalJob) -> Path:
    """Link coordinate files to where RELION 3 looks for them, and write the file that says their suffix.

    That is the job's folder with the micrograph's own folders below it, less those of the job that made it.
    """
    run = RunFolder(job.folder)
    listing = find_block(read_star(run.star_list), "rlnMicrographName", "rlnMicrographCoordinates")
    assert listing is not None
    micrographs = listing.text("rlnMicrographName").tolist()
    places = _places_for_relion_3(job, micrographs)
    for micrograph, coordinates in zip(micrographs, listing.text("rlnMicrographCoordinates"), strict=True):
        target = places[micrograph]
        if os.path.realpath(target) == os.path.realpath(coordinates) and not target.is_symlink():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        # A link, so that another selection in this run is what RELION reads too.
        target.symlink_to(os.path.relpath(coordinates, target.parent))
    node = job.folder / f"{SUFFIX_FILE}autopick.star"
    with complete_or_absent(node) as partial:
        partial.write_text(f"{job.micrographs}\n", encoding="utf-8")
    return node


def _places_for_relion_3(job: ExternalJob, micrographs: Iterable[str]) -> dict[str, Path]:
    """Return where RELION 3 looks for the coordinates of each micrograph.

    Raises
    ------
    CoordinateError
        It looks for those of two micrographs in one place, as where two jobs made them of movies of one name.
    OutputError
        That place is not in the folder of the job.
    """
    owners: dict[Path, str] = {}
    here = os.path.realpath(job.folder)
    for micrograph in micrographs:
        place = job.folder / below_job(Path(micrograph)).with_suffix("")
        place = place.with_name(f"{place.name}{AUTOPICK}.star")
        if not Path(os.path.realpath(place.parent)).is_relative_to(here):
            cause = "leads out of the folder of the job, and results stay within it"
            raise OutputError(place.parent, cause, "put the folder itself in the place of the link")
        other = owners.setdefault(place, micrograph)
        if other != micrograph:
            cause = f"RELION 3 does not tell the picks of {other} from those of {micrograph}"
            raise CoordinateError(
                job.micrographs, cause, "pick the micrographs of each job by themselves, or use RELION 4 or 5"
            )
    return {micrograph: place for place, micrograph in owners.items()}


def below_job(path: Path) -> Path:
    """Return a path within a RELION project without the folders of the job that wrote it.

    ``MotionCorr/job002/Movies/a.mrc`` is ``Movies/a.mrc``; an absolute path is taken from its root.
    """
    parts = path.parts[1:] if path.is_absolute() else path.parts
    if len(parts) > 2 and parts[1].startswith("job") and parts[1][3:].isdecimal():
        parts = parts[2:]
    return Path(*parts)
