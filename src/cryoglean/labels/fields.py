"""Where labels are painted: micrographs found by name, with their pixel size and contamination."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.contamination import KINDS
from cryoglean.errors import CoordinateError, CryogleanError, MicrographError
from cryoglean.io import micrograph_name, read_header
from cryoglean.io.formats.naming import match_names
from cryoglean.io.micrographs import read_image
from cryoglean.labels.painting import Field
from cryoglean.labels.poses import RefinedParticles
from cryoglean.labels.settings import LabelConfig

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
    path: Path
    masks: tuple[tuple[Path, int], ...] = ()


def pair_micrographs(
    refined: Sequence[RefinedParticles],
    micrographs: Sequence[Path],
    masks: Sequence[Path],
    *,
    listed_in: Path,
) -> tuple[list[Labelled], list[CryogleanError]]:
    """Find the micrograph of each set of particles, and its masks of contamination if there are some.

    Parameters
    ----------
    refined : sequence of RefinedParticles
        One for each micrograph.
    micrographs : sequence of Path
        Files to choose from; names may differ by what programs put about them.
    masks : sequence of Path
        Files called after the micrograph, with anything behind it: ``NAME_ice.mrc`` masks that kind of
        contaminant, and a word that is none of `dataset.contamination.KINDS` does not say which.
    listed_in : Path
        The file of the particles, for messages.

    Returns
    -------
    list of Labelled
        Those that were found.
    list of CryogleanError
        One for each micrograph that was not.
    """
    files = {micrograph_name(path): path for path in micrographs}
    match = match_names([part.name for part in refined], list(files))
    covers = _masks_by_name(masks, {*files, *match.pairs})
    found, missing = [], list[CryogleanError]()
    for part in refined:
        if part.name in match.pairs:
            name = match.pairs[part.name]
            own = dict.fromkeys([*covers.get(name, ()), *covers.get(part.name, ())])
            found.append(Labelled(part, files[name], tuple(own)))
        else:
            several = match.ambiguous.get(part.name)
            cause = f"could be any of {', '.join(several[:3])}" if several else "is not among the micrographs"
            missing.append(CoordinateError(listed_in, f"the micrograph {part.name} {cause}"))
    return found, missing


def _masks_by_name(masks: Sequence[Path], known: Set[str]) -> dict[str, list[tuple[Path, int]]]:
    """Sort masks by the longest known name that theirs begins with."""
    found: dict[str, list[tuple[Path, int]]] = defaultdict(list)
    for path in masks:
        full = micrograph_name(path)
        cuts = [len(full), *(m.start() for m in reversed(list(_SEPARATOR.finditer(full))))]
        owner = next((full[:cut] for cut in cuts if full[:cut] in known), None)
        if owner is not None:
            kind = full[len(owner) + 1 :].lower()
            found[owner].append((path, KINDS.index(kind if kind in KINDS else _USUAL_KIND)))
    return found


def field_of(labelled: Labelled, config: LabelConfig) -> Field:
    """Read what is needed of a micrograph to paint its labels; its pixels are not.

    Raises
    ------
    MicrographError
        The micrograph cannot be read, its pixel size is not known or stated differently in two places, or the
        coordinates are those of a micrograph of another binning.
    """
    header = read_header(labelled.path)
    pixel_size = config.angpix or _agreed_pixel_size(labelled, header.pixel_size)
    xy = labelled.particles.xy
    outside = np.any((xy < 0) | (xy > header.shape[::-1]), axis=1)
    if float(np.mean(outside)) > _MAX_OUTSIDE:
        ny, nx = header.shape
        farthest = xy.max(axis=0)
        cause = (
            f"{int(outside.sum())} of {len(xy)} coordinates lie outside its {nx} × {ny} pixels, "
            f"up to x = {farthest[0]:.0f}, y = {farthest[1]:.0f}"
        )
        raise MicrographError(labelled.path, cause, "give the micrographs that the particles were picked on")
    contamination = np.zeros(header.shape, np.uint8)
    for path, bit in labelled.masks:
        contamination |= _read_mask(path, header.shape).astype(np.uint8) << np.uint8(bit)
    return Field(header.shape, pixel_size, contamination)


def _agreed_pixel_size(labelled: Labelled, in_header: float | None) -> float:
    stated = labelled.particles.pixel_size
    if stated and in_header and abs(stated / in_header - 1) > _AGREEMENT:
        cause = f"pixels of {in_header:.4g} Å by its header, but of {stated:.4g} Å by the particles' file"
        raise MicrographError(labelled.path, cause, "give the right one with --angpix")
    known = stated or in_header
    if not known:
        raise MicrographError(labelled.path, "its pixel size is not known", "give it with --angpix")
    return known


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
