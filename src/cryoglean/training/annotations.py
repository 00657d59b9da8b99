"""Annotations: a user's micrographs with picks, or with corrections of a run, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoglean.corrections.application import judge, places_by_hand
from cryoglean.corrections.files import read_corrections
from cryoglean.engine import RunFolder
from cryoglean.engine.ledger import Record
from cryoglean.engine.picks import read_picks_or_run
from cryoglean.engine.records import record_of
from cryoglean.engine.register import read_jobs
from cryoglean.engine.size import is_needed, measure_run
from cryoglean.errors import UsageError
from cryoglean.image.defects import sound_part
from cryoglean.io import expand_inputs, read_header, read_micrograph
from cryoglean.io.formats.frames import onto
from cryoglean.io.formats.naming import distinct_names, pair_micrographs
from cryoglean.io.formats.pixel_size import completed_by
from cryoglean.networks.runtime import Networks
from cryoglean.pickers.pixer.working import working_image
from cryoglean.pickers.settings import PickConfig
from cryoglean.select import select
from cryoglean.training.labelling import Annotation, LabelledMicrograph, label_image
from cryoglean.types import MicrographFile, ParticleSize

_MULTIPLE = 8
"""The networks halve the resolution three times."""


@dataclass(frozen=True, eq=False)
class AnnotatedMicrograph:
    """A micrograph of a user's and what is known of it.

    Parameters
    ----------
    name : str
        Its name.
    file : MicrographFile
        Which it is.
    annotation : Annotation
        In pixels of the micrograph.
    """

    name: str
    file: MicrographFile
    annotation: Annotation


@dataclass(frozen=True, eq=False)
class Annotations:
    """All that a user annotated, and the size of the particles.

    Parameters
    ----------
    micrographs : tuple of AnnotatedMicrograph
        In the order of the run or of the files.
    size : ParticleSize
        Of the particles.
    pixel_size : float, optional
        Å per pixel where the files do not say it.
    """

    micrographs: tuple[AnnotatedMicrograph, ...]
    size: ParticleSize
    pixel_size: float | None = None

    @property
    def description(self) -> str:
        """What it is, in words for a card."""
        sure, weak, refuted = (
            sum(len(getattr(one.annotation, what)) for one in self.micrographs)
            for what in ("sure", "weak", "refuted")
        )
        parts = [f"{sure} particles"]
        parts += [f"{weak} picks that nobody looked at"] if weak else []
        parts += [f"{refuted} deleted picks"] if refuted else []
        return f"{', '.join(parts)} in {len(self.micrographs)} micrographs"


def annotations_of_run(folder: RunFolder) -> Annotations:
    """Gather the corrections of a run.

    Micrographs that were corrected or looked at count, unless they are rejected. Added and moved picks are
    sure, and deleted ones refuted. Where the user has looked at a micrograph, what was left untouched is as
    sure, and the rest background; elsewhere it is weak, and the rest simply not labelled.

    Parameters
    ----------
    folder : RunFolder
        The run.

    Raises
    ------
    FileError
        The folder is not that of a run, or a file of corrections is damaged.
    UsageError
        Nothing was corrected, or the particles' diameter is not known.
    """
    found, configs = [], []
    for job in read_jobs(folder):
        record = record_of(job, folder)
        if record is not None and record.candidates is not None:
            annotation = _annotation_of(record, folder)
            if annotation is not None:
                found.append(AnnotatedMicrograph(job.name, job.micrograph, annotation))
                configs.append(record.config)
    if not found:
        raise UsageError(
            f"{folder.root} has no corrections to learn from: open it with `cryoglean view {folder.root}`, "
            "add what was missed, delete what is wrong, and mark micrographs as looked at"
        )
    # A record knows the diameter that the whole run was picked with, given or measured.
    config = configs[0]
    return Annotations(tuple(found), _size([one.file for one in found], config), config.angpix)


def annotations_of_picks(
    files: Sequence[Path],
    micrographs: Sequence[str | Path],
    *,
    config: PickConfig,
    complete: bool,
) -> Annotations:
    """Gather picks of any program, and the micrographs they belong to.

    Parameters
    ----------
    files : sequence of Path
        Files or folders of picks in any format.
    micrographs : sequence of str or Path
        Files, folders, globs and lists; micrographs without picks are left out.
    config : PickConfig
        Diameter, contrast and pixel size where they are known.
    complete : bool
        Whether every particle of these micrographs is picked.

    Raises
    ------
    CoordinateError, MicrographError
        A file cannot be read.
    UsageError
        No pick belongs to a micrograph, or the particles' diameter is not known.
    """
    picks = [
        one for file in files for one in read_picks_or_run(file, pixel_size=config.angpix, fractions=True)
    ]
    known = {one.location: one for one in expand_inputs(list(micrographs))}
    called = distinct_names(known)
    pairing = pair_micrographs([one.micrograph for one in picks], known)
    if pairing.ambiguous:
        raise UsageError(pairing.why_not(next(iter(pairing.ambiguous))))
    xy: dict[str, list[NDArray[np.float64]]] = {}
    for one in picks:
        place = pairing.pairs.get(one.micrograph)
        if place is not None:
            if min(one.shape):
                one = onto(one, read_header(known[place].path).shape)
            xy.setdefault(place, []).append(one.xy)
            known[place] = completed_by(known[place], one)
    found = [
        AnnotatedMicrograph(
            called[place], file, Annotation(np.concatenate(xy[place]), _NONE, _NONE, complete)
        )
        for place, file in known.items()
        if place in xy and (complete or any(len(part) > 0 for part in xy[place]))
    ]
    if not found:
        named = (
            f"; picks are about {picks[0].micrograph!r}, micrographs are {min(known)!r} and the like"
            if picks
            else ""
        )
        raise UsageError(f"no micrograph has picks{named}; files pair by the name of the micrograph")
    if config.diameter is None:
        sizes = np.concatenate([np.zeros(0), *(one.diameter_angstrom for one in picks)])
        sizes = sizes[np.isfinite(sizes)]
        if len(sizes):
            config = config.changed(diameter=float(np.median(sizes)))
    return Annotations(tuple(found), _size([one.file for one in found], config), config.angpix)


def labelled_micrograph(
    annotated: AnnotatedMicrograph, annotations: Annotations, networks: Networks
) -> LabelledMicrograph:
    """Bring a micrograph to the networks' scale, and label it by what is known and what the networks see.

    Raises
    ------
    MicrographError
        It cannot be read.
    UsageError
        Picks lie outside it: they are of another micrograph, or of another binning.
    """
    micrograph = read_micrograph(annotated.file, pixel_size=annotations.pixel_size)
    annotation = annotated.annotation
    _require_inside(annotation.centres, micrograph.shape, annotated)
    particle_px = networks.weights.card.architecture.particle_px
    part = sound_part(micrograph)
    working = working_image(part.micrograph, annotations.size, particle_px)
    rows, columns = working.data.shape
    level = np.pad(working.data, [(0, -rows % _MULTIPLE), (0, -columns % _MULTIPLE)])
    sure, weak, refuted = (
        working.from_micrograph(xy - np.array(part.corner[::-1]))
        for xy in (annotation.sure, annotation.weak, annotation.refuted)
    )
    # The margin's width follows from where the micrograph's own first and last pixels came to lie.
    ny, nx = part.micrograph.shape
    first = np.rint(working.from_micrograph([[-0.5, -0.5]]) + 0.5).astype(int)[0]
    last = np.rint(working.from_micrograph([[nx - 0.5, ny - 0.5]]) + 0.5).astype(int)[0]
    return label_image(
        level,
        Annotation(
            sure,
            weak,
            refuted,
            annotation.complete,
        ),
        networks.segment(level).particle,
        particle_px=particle_px,
        inner=(slice(first[1], last[1]), slice(first[0], last[0])),
        name=annotated.name,
    )


_NONE = np.zeros((0, 2))


def _annotation_of(record: Record, folder: RunFolder) -> Annotation | None:
    """Gather what a user knows of a micrograph of a run; None where nothing, or where it is rejected."""
    corrections = read_corrections(folder.correction(record.key), record.name)
    if corrections.rejected or not (corrections.digest or corrections.looked_at):
        return None
    assert record.candidates is not None
    picks = select(record.candidates, record.selection)
    untouched = picks[judge(picks, corrections, record.candidates).stays].xy
    by_hand = places_by_hand(corrections)
    deleted = np.array([(one.x, one.y) for one in corrections.deleted], np.float64).reshape(-1, 2)
    if corrections.looked_at:
        return Annotation(np.concatenate([by_hand, untouched]), _NONE, deleted, complete=True)
    return Annotation(by_hand, untouched, deleted, complete=False)


def _size(micrographs: Sequence[MicrographFile], config: PickConfig) -> ParticleSize:
    """Diameter and contrast: given, or else measured in the micrographs."""
    diameter, contrast = config.known_diameter, config.known_contrast
    if is_needed(config):
        found = measure_run(micrographs, config, lambda one: read_micrograph(one, pixel_size=config.angpix))
        diameter = diameter or found.diameter
        contrast = found.contrast or "dark"
    if diameter is None:
        raise UsageError("the particles' size cannot be measured in these micrographs; give --diameter, in Å")
    return ParticleSize(diameter, contrast or "dark")


def _require_inside(xy: NDArray[np.float64], shape: tuple[int, int], annotated: AnnotatedMicrograph) -> None:
    far = np.array(shape[::-1]) - 0.5
    outside = int(np.any((xy < -0.5) | (xy > far), axis=1).sum())
    # A few centres beyond the border are particles that it cuts.
    if outside > max(2, len(xy) // 4):
        raise UsageError(
            f"{annotated.file}: {outside} of {len(xy)} picks lie outside its {shape[1]} × {shape[0]} pixels; "
            "give the micrographs that the picks were made on"
        )
