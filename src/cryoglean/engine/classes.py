"""2D class averages of a run: from its records and micrographs to the files in ``classes/``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.classes.crops import cut_crops
from cryoglean.classes.judgement import Judgement, Measures
from cryoglean.classes.run_classes import CROP_PX, PARTICLE_PX, RunClasses, classify
from cryoglean.classes.settings import ClassesConfig
from cryoglean.engine.folder import RunFolder
from cryoglean.engine.lock import locked
from cryoglean.engine.plan import plan_jobs, read_inputs
from cryoglean.engine.resources import cores_given, threads
from cryoglean.engine.results import read_config, read_results
from cryoglean.errors import CryogleanError
from cryoglean.io import read_micrograph, write_mrc
from cryoglean.io.formats.relion import CLASS, MICROGRAPH, PSI, write_class_averages, write_particles
from cryoglean.io.writing import complete_or_absent, writing
from cryoglean.pickers.pixer.working import working_image
from cryoglean.types import FloatImage, ParticleSize, Picks

MIN_MICROGRAPHS = 50
"""Of larger runs, picks of so many micrographs at least are sorted."""

Progress = Callable[[str, int, int | None], None]
"""Called with what is done, how much of it is done, and how much there is; None where nobody knows."""


@dataclass(frozen=True, eq=False)
class ClassesMade:
    """The class averages of a run, as they were made.

    Parameters
    ----------
    classes : RunClasses, optional
        None where the run has no pick.
    picks : tuple of Picks
        What was sorted, by micrograph, in the order of `classes`.
    pixel_size : float
        Å per pixel of the averages.
    total : int
        Number of picks of the run.
    failures : tuple of CryogleanError
        Micrographs that can no longer be read; their picks are not sorted.
    """

    classes: RunClasses | None
    picks: tuple[Picks, ...]
    pixel_size: float
    total: int
    failures: tuple[CryogleanError, ...] = ()


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


@dataclass(frozen=True, eq=False)
class _Source:
    """A micrograph, its picks that are sorted, and how it was read for picking."""

    path: Path
    picks: Picks
    pixel_size: float | None


def make_classes(
    folder: RunFolder, config: ClassesConfig | None = None, progress: Progress | None = None
) -> ClassesMade:
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
    ClassesMade
        What was made; nothing is written of a run without picks.

    Raises
    ------
    FileError
        The folder is not that of a run, or none of its micrographs can be read any more.
    OutputError
        Results cannot be written, or a run works in the folder.
    """
    config = config or ClassesConfig()
    progress = progress or (lambda what, done, total: None)
    with locked(folder.lock):
        _remove(folder)
        run = read_config(folder.config)
        sources, total = _sources(folder, config.max_particles, run.angpix)
        size = _size_of(run.diameter, run.known_contrast or "dark", sources)
        if size is None:
            return ClassesMade(None, (), 1.0, total)
        crops, picks, failures = _crops(sources, size, progress)
        if not picks:
            raise failures[0]
        score = np.concatenate([part.score for part in picks])
        progress(f"Sorting {len(score):,} picks", 0, None)
        with threads(cores_given()):
            classes = classify(crops, score, classes=config.classes)
        made = ClassesMade(classes, picks, size.diameter / PARTICLE_PX, total, failures)
        _write(folder, made, _digest(folder))
    return made


def kept_classes(folder: RunFolder) -> KeptClasses | None:
    """Read the class averages that a run's folder keeps; None where there are none that can be used."""
    import mrcfile

    try:
        stored = json.loads(folder.class_table.read_bytes())
        images = np.asarray(mrcfile.read(folder.class_averages), np.float32)
        classes = tuple(
            KeptClass(image, Measures(**one["measures"]), Judgement(**one["judgement"]))
            for image, one in zip(images, stored["classes"], strict=True)
        )
        current = stored["picks_digest"] == _digest(folder)
        return KeptClasses(classes, stored["sorted"], stored["picks"], current)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sources(folder: RunFolder, most: int, angpix: float | None) -> tuple[list[_Source], int]:
    """Choose which picks of a run are sorted: of micrographs spread evenly over it, evenly spread.

    A run of ten thousand micrographs is not read whole for two picks of each.
    """
    jobs = plan_jobs(read_inputs(folder))
    counts = np.array([len(picks) for _, picks in read_results(jobs, folder)], np.int64)
    picked = np.flatnonzero(counts)
    total = int(counts.sum())
    if not total:
        return [], 0
    wanted = max(MIN_MICROGRAPHS, int(np.ceil(most / (total / len(picked)))))
    chosen = set(_evenly(picked, wanted).tolist())
    kept = _evenly(np.arange(counts[sorted(chosen)].sum()), most)
    sources, start = [], 0
    for number, (record, picks) in enumerate(read_results(jobs, folder)):
        if number not in chosen:
            continue
        own = kept[(kept >= start) & (kept < start + len(picks))] - start
        start += len(picks)
        if len(own):
            part = replace(picks[own], extra={MICROGRAPH: np.full(len(own), record.path)})
            sources.append(_Source(Path(record.path), part, angpix))
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
        micrograph = read_micrograph(source.path, pixel_size=source.pixel_size)
    except CryogleanError as error:
        return error
    image = working_image(micrograph, size, PARTICLE_PX)
    return cut_crops(image.data, image.from_micrograph(source.picks.xy), CROP_PX)


def _remove(folder: RunFolder) -> None:
    for stale in (
        folder.class_table,
        folder.class_picture,
        folder.class_star,
        folder.class_particles,
        folder.class_averages,
    ):
        with writing(stale):
            stale.unlink(missing_ok=True)


def _write(folder: RunFolder, made: ClassesMade, digest: str) -> None:
    classes = made.classes
    assert classes is not None
    write_mrc(folder.class_averages, classes.images, pixel_size=made.pixel_size)
    write_particles(_with_classes(made.picks, classes, made.pixel_size), folder.class_particles)
    write_class_averages(folder.class_star, folder.class_averages, counts=classes.counts)
    # What says that there are classes comes last.
    stored = {
        "picks": made.total,
        "sorted": len(classes.members),
        "picks_digest": digest,
        "pixel_size": round(made.pixel_size, 4),
        "classes": [
            {"number": number, "judgement": asdict(judgement), "measures": asdict(measures)}
            for number, (judgement, measures) in enumerate(
                zip(classes.judgements, classes.measures, strict=True), 1
            )
        ],
    }
    with complete_or_absent(folder.class_table) as partial:
        partial.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")


def _with_classes(picks: Sequence[Picks], classes: RunClasses, pixel_size: float) -> list[Picks]:
    """Put into picks what was found of each, by RELION's names: classes count from 1, shifts are in Å."""
    poses, start, described = classes.poses, 0, []
    for part in picks:
        own = slice(start, start + len(part))
        start += len(part)
        # RELION's origin is what to take from a coordinate to reach the particle's centre.
        origin = -poses.shift[own] * pixel_size
        columns: dict[str, NDArray[Any]] = {
            CLASS: classes.members[own] + 1,
            PSI: poses.angle[own],
            "rlnOriginXAngst": origin[:, 0],
            "rlnOriginYAngst": origin[:, 1],
            "cryogleanMirrored": poses.mirrored[own].astype(np.int64),
            "cryogleanClassCorrelation": np.round(classes.correlation[own].astype(np.float64), 4),
        }
        described.append(replace(part, extra={**part.extra, **columns}))
    return described


def _digest(folder: RunFolder) -> str:
    """Return the digest of the run's picks, by which class averages of former picks are known."""
    try:
        return hashlib.sha256(folder.table.read_bytes()).hexdigest()
    except FileNotFoundError:
        # A run that was stopped has none yet.
        return ""
