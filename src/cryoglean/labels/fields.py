"""Where labels are painted: micrographs found by name, with their pixel size and contamination."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.contamination import KINDS
from cryoglean.errors import CoordinateError, CryogleanError, MicrographError
from cryoglean.io import Header, micrograph_name, read_header
from cryoglean.io.formats.naming import Pairing, pair_micrographs
from cryoglean.io.headers import believed_pixel_size
from cryoglean.io.micrographs import read_image
from cryoglean.labels.painting import Field
from cryoglean.labels.poses import RefinedParticles
from cryoglean.labels.settings import LabelConfig
from cryoglean.types import MicrographFile

_AGREEMENT = 0.05
"""Relative difference of two statements of one pixel size that calibration explains."""

_MAX_OUTSIDE = 0.1
"""Share of coordinates beyond the border that is left to mistakes."""

_SEPARATOR = re.compile(r"[_.-]")

_USUAL_KIND = "ice"
"""What a mask that does not say its kind is taken for; most of what people mask is ice."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """The particles of one micrograph, its file, and the masks of its contamination by kind, as bits."""

    particles: RefinedParticles
    file: MicrographFile
    masks: tuple[tuple[Path, int], ...] = ()


def find_micrographs(
    refined: Sequence[RefinedParticles],
    micrographs: Sequence[MicrographFile],
    masks: Sequence[MicrographFile],
    *,
    listed_in: Path,
) -> tuple[list[Labelled], list[CryogleanError]]:
    """Find the micrograph of each set of particles, and its masks of contamination if there are some.

    Parameters
    ----------
    refined : sequence of RefinedParticles
        One for each micrograph.
    micrographs : sequence of MicrographFile
        Files to choose from; names may differ by what programs put about them.
    masks : sequence of MicrographFile
        Files called after the micrograph, with anything behind it: ``NAME_ice.mrc`` masks ice. A word that
        is none of `contamination.KINDS` leaves the kind open. Of micrographs of one name the mask belongs to
        the one whose folder is called as its own.
    listed_in : Path
        The file of the particles, for messages.

    Returns
    -------
    list of Labelled
        Those that were found.
    list of CryogleanError
        One for each micrograph that was not.
    """
    files = {one.location: one for one in micrographs}
    pairing = pair_micrographs([part.micrograph for part in refined], files)
    covers, doubtful = _masks_of(masks, files, pairing)
    found, missing = [], doubtful
    for part in refined:
        location = pairing.pairs.get(part.micrograph)
        if location is None:
            missing.append(CoordinateError(listed_in, pairing.why_not(part.micrograph)))
            continue
        file = files[location]
        try:
            placed = part.onto(read_header(file.path).shape)
        except (CoordinateError, MicrographError) as error:
            missing.append(error)
            continue
        found.append(Labelled(placed, file, tuple(covers[location])))
    return found, missing


def _masks_of(
    masks: Sequence[MicrographFile], files: Iterable[str], pairing: Pairing
) -> tuple[dict[str, list[tuple[Path, int]]], list[CryogleanError]]:
    """Sort masks by the micrographs, by location, of the longest known name that theirs begins with."""
    sharing: dict[str, set[str]] = defaultdict(set)
    for location in files:
        sharing[micrograph_name(location)].add(location)
    for name, location in pairing.pairs.items():
        sharing[micrograph_name(name)].add(location)
    found: dict[str, list[tuple[Path, int]]] = defaultdict(list)
    doubtful: list[CryogleanError] = []
    for mask in masks:
        full = micrograph_name(mask.path)
        cuts = [len(full), *(m.start() for m in reversed(list(_SEPARATOR.finditer(full))))]
        owner = next((full[:cut] for cut in cuts if full[:cut] in sharing), None)
        if owner is None:
            continue
        kind = full[len(owner) + 1 :].lower()
        covered = (mask.path, KINDS.index(kind if kind in KINDS else _USUAL_KIND))
        places = sorted(sharing[owner])
        if len(places) > 1:
            # Of several of one name it is the one in a folder like the mask's.
            called = str(Path(mask.location).with_name(Path(places[0]).name))
            likely = pair_micrographs([called], places)
            places = list(likely.pairs.values())
            if not places:
                doubtful.append(MicrographError(mask.path, f"as a mask, {likely.why_not(called)}"))
        for location in places:
            found[location].append(covered)
    return found, doubtful


def field_of(labelled: Labelled, config: LabelConfig) -> Field:
    """Read what is needed of a micrograph to paint its labels; its pixels are not.

    Raises
    ------
    MicrographError
        The micrograph cannot be read, its pixel size is not known or stated differently in two places, or the
        coordinates are those of a micrograph of another binning.
    """
    header = read_header(labelled.file.path)
    pixel_size = _agreed_pixel_size(labelled, header, config.angpix)
    xy = labelled.particles.xy
    outside = np.any((xy < 0) | (xy > header.shape[::-1]), axis=1)
    if float(np.mean(outside)) > _MAX_OUTSIDE:
        ny, nx = header.shape
        farthest = xy.max(axis=0)
        cause = (
            f"{int(outside.sum())} of {len(xy)} coordinates lie outside its {nx} × {ny} pixels, "
            f"up to x = {farthest[0]:.0f}, y = {farthest[1]:.0f}"
        )
        raise MicrographError(
            labelled.file.path, cause, "give the micrographs that the particles were picked on"
        )
    contamination = np.zeros(header.shape, np.uint8)
    for path, bit in labelled.masks:
        contamination |= _read_mask(path, header.shape).astype(np.uint8) << np.uint8(bit)
    return Field(header.shape, pixel_size, contamination)


def _agreed_pixel_size(labelled: Labelled, header: Header, angpix: float | None) -> float:
    particles = labelled.particles
    stated = None if particles.before_binning else particles.pixel_size
    of_movie = labelled.file.movie_pixel_size or (particles.pixel_size if particles.before_binning else None)
    file = replace(labelled.file, movie_pixel_size=of_movie)
    known = believed_pixel_size(header, file, given=angpix).angstrom
    if angpix is None and stated and known and abs(stated / known - 1) > _AGREEMENT:
        cause = f"pixels of {known:.4g} Å by its own files, but of {stated:.4g} Å by the particles' file"
        raise MicrographError(labelled.file.path, cause, "give the right one with --angpix")
    size = angpix or stated or known
    if not size:
        raise MicrographError(labelled.file.path, "its pixel size is not known", "give it with --angpix")
    return size


def _read_mask(path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Read where contamination is: above 0.5 in a map of probabilities, above 0 in an image of integers."""
    header = read_header(path)
    mask = (read_image(header) > (0.5 if header.dtype.startswith("float") else 0)).astype(np.uint8)
    if abs(mask.shape[0] / mask.shape[1] / (shape[0] / shape[1]) - 1) > _AGREEMENT:
        cause = (
            f"a mask of {mask.shape[1]} × {mask.shape[0]} pixels for a micrograph of {shape[1]} × {shape[0]}"
        )
        raise MicrographError(path, cause, "give masks of the whole micrograph, at any scale")
    return np.asarray(cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST) > 0)
