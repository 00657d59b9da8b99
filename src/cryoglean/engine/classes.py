"""2D class averages of a run: from its records and micrographs to the files in ``classes/``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cryoglean.classes.crops import cut_crops
from cryoglean.classes.run_classes import CROP_PX, PARTICLE_PX, classify
from cryoglean.classes.settings import ClassesConfig
from cryoglean.engine.class_files import ClassesMade, remove_classes, write_classes
from cryoglean.engine.folder import RunFolder
from cryoglean.engine.lock import locked
from cryoglean.engine.register import read_jobs
from cryoglean.engine.resources import cores_given, threads
from cryoglean.engine.results import read_config, read_results
from cryoglean.errors import CryogleanError
from cryoglean.io import read_micrograph
from cryoglean.pickers.pixer.working import working_image
from cryoglean.types import FloatImage, MicrographFile, ParticleSize, Picks

MIN_MICROGRAPHS = 50
"""Of larger runs, picks of so many micrographs at least are sorted."""

Progress = Callable[[str, int, int | None], None]
"""Called with what is done, how much of it is done, and how much there is; None where nobody knows."""


@dataclass(frozen=True, eq=False)
class _Source:
    """A micrograph, its picks that are sorted, and how it was read for picking."""

    file: MicrographFile
    picks: Picks
    pixel_size: float | None


def make_classes(
    folder: RunFolder, config: ClassesConfig | None = None, progress: Progress | None = None
) -> ClassesMade | None:
    """Sort the picks of a run into 2D classes, and write their averages into its folder.

    Earlier class averages of the run are removed first. The same picks and micrographs give the same bytes.

    Parameters
    ----------
    folder : RunFolder
        The run; its picks are those of its records, selected and corrected.
    config : ClassesConfig, optional
        How many classes, of how many picks.
    progress : callable, optional
        Called as the work goes on.

    Returns
    -------
    ClassesMade or None
        What was made and written; None where the run has no picks.

    Raises
    ------
    FileError
        The folder is not that of a run, or none of its micrographs can be read any more.
    OutputError
        Results cannot be written, or a run works in the folder.
    """
    with locked(folder.lock):
        folder.require_own_folders()
        return sort_picks(folder, config, progress)


def sort_picks(
    folder: RunFolder, config: ClassesConfig | None = None, progress: Progress | None = None
) -> ClassesMade | None:
    """Do as `make_classes`, for a run that holds the lock of its folder already."""
    config = config or ClassesConfig()
    progress = progress or (lambda what, done, total: None)
    remove_classes(folder)
    run = read_config(folder.config)
    sources, total = _sources(folder, config.max_particles, run.angpix)
    size = _size_of(run.known_diameter, run.known_contrast or "dark", sources)
    if size is None:
        return None
    crops, picks, failures = _crops(sources, size, progress)
    if not picks:
        raise failures[0]
    score = np.concatenate([part.score for part in picks])
    progress(f"Sorting {len(score):,} picks", 0, None)
    with threads(cores_given()):
        classes = classify(crops, score, classes=config.classes)
    made = ClassesMade(classes, picks, size.diameter / PARTICLE_PX, total, failures)
    write_classes(folder, made)
    return made


def _sources(folder: RunFolder, most: int, angpix: float | None) -> tuple[list[_Source], int]:
    """Choose which picks of a run are sorted: of micrographs spread evenly over it, evenly spread.

    A run of ten thousand micrographs is not read whole for two picks of each.
    """
    jobs = read_jobs(folder)
    counts = np.array([len(picks) for _, _, picks in read_results(jobs, folder)], np.int64)
    picked = np.flatnonzero(counts)
    total = int(counts.sum())
    if not total:
        return [], 0
    wanted = max(MIN_MICROGRAPHS, int(np.ceil(most / (total / len(picked)))))
    chosen = set(_evenly(picked, wanted).tolist())
    kept = _evenly(np.arange(counts[sorted(chosen)].sum()), most)
    sources, start = [], 0
    for number, (job, _, picks) in enumerate(read_results(jobs, folder)):
        if number not in chosen:
            continue
        own = kept[(kept >= start) & (kept < start + len(picks))] - start
        start += len(picks)
        if len(own):
            part = replace(picks[own], path=job.micrograph.listed, extra={})
            sources.append(_Source(job.micrograph, part, angpix))
    return sources, total


def _evenly(values: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Choose at most so many values, evenly spread."""
    if len(values) <= number:
        return values
    return values[((np.arange(number) + 0.5) * len(values) / number).astype(np.int64)]


def _size_of(diameter: float | None, contrast: str, sources: Sequence[_Source]) -> ParticleSize | None:
    """Return the size of the run's particles; that of the typical pick where the run has none."""
    known = np.concatenate([np.zeros(0), *(source.picks.diameter for source in sources)])
    known = known[np.isfinite(known)]
    if not sources or (diameter is None and not len(known)):
        return None
    return ParticleSize(
        diameter or float(np.median(known)), contrast="bright" if contrast == "bright" else "dark"
    )


def _crops(
    sources: Sequence[_Source], size: ParticleSize, progress: Progress
) -> tuple[FloatImage, tuple[Picks, ...], tuple[CryogleanError, ...]]:
    """Cut the picks out of their micrographs, in the order of the run; a micrograph in every thread."""
    crops: list[FloatImage] = []
    picks: list[Picks] = []
    failures: list[CryogleanError] = []
    with ThreadPoolExecutor(cores_given()) as pool:
        for number, cut in enumerate(pool.map(lambda source: _cut(source, size), sources)):
            if isinstance(cut, CryogleanError):
                failures.append(cut)
            else:
                crops.append(cut)
                picks.append(sources[number].picks)
            progress("Reading micrographs", number + 1, len(sources))
    cut_all = np.concatenate(crops) if crops else np.zeros((0, CROP_PX, CROP_PX), np.float32)
    return cut_all, tuple(picks), tuple(failures)


def _cut(source: _Source, size: ParticleSize) -> FloatImage | CryogleanError:
    try:
        micrograph = read_micrograph(source.file, pixel_size=source.pixel_size)
    except CryogleanError as error:
        return error
    image = working_image(micrograph, size, PARTICLE_PX)
    return cut_crops(image.data, image.from_micrograph(source.picks.xy), CROP_PX)
