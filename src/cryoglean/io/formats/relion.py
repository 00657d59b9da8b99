"""RELION's STAR files of coordinates: one per micrograph, lists of those, and particles with optics groups.

``_rlnCoordinateX/Y`` is the centre of a particle in pixels of the full micrograph, 0-based, y along the
stored rows of the MRC file: our own frame. RELION joins coordinate files only where ``_rlnClassNumber`` and
``_rlnAnglePsi`` stand in them. A diameter goes into ``_rlnParticleDiameter`` (Å), a label that RELION knows
in other tables.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.naming import distinct_names
from cryoglean.io.formats.rows import (
    MICROGRAPH_PATH,
    Rows,
    by_micrograph,
    joined_extra,
    micrograph_names,
    require_centres,
)
from cryoglean.io.formats.star import Block, find_block, read_star, write_star
from cryoglean.io.formats.text import as_floats, as_text, read_text, runs, typed
from cryoglean.io.micrographs import micrograph_name
from cryoglean.types import Picks

X, Y = "rlnCoordinateX", "rlnCoordinateY"
SCORE, CLASS, PSI = "rlnAutopickFigureOfMerit", "rlnClassNumber", "rlnAnglePsi"
DIAMETER, KIND = "rlnParticleDiameter", "cryogleanKind"
MICROGRAPH, COORDINATES = MICROGRAPH_PATH, "rlnMicrographCoordinates"
GROUP, GROUP_NAME = "rlnOpticsGroup", "rlnOpticsGroupName"
MAGNIFICATION, DETECTOR_PIXEL = "rlnMagnification", "rlnDetectorPixelSize"
#: Where the pixel size of the micrograph stands in a table of optics groups, most trusted first.
PIXEL_SIZES = ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize", "rlnImagePixelSize")
#: What RELION 3.1 and later keep once for an optics group, where 3.0 repeats it for each particle.
OPTICS = (
    GROUP_NAME,
    *PIXEL_SIZES,
    "rlnVoltage",
    "rlnSphericalAberration",
    "rlnAmplitudeContrast",
    "rlnImageSize",
    "rlnImageDimensionality",
    "rlnCtfDataAreCtfPremultiplied",
    "rlnMtfFileName",
    "rlnBeamTiltX",
    "rlnBeamTiltY",
    "rlnOddZernike",
    "rlnEvenZernike",
    *(f"rlnMagMat{i}{j}" for i in "01" for j in "01"),
)
VERSION = "version 30001"
AUTOPICK = "_autopick"
SUFFIX_FILE = "coords_suffix_"


def read_relion(path: Path, pixel_size: float | None = None) -> list[Picks]:
    """Read any STAR file of coordinates that RELION writes.

    Parameters
    ----------
    path : Path
        The coordinates of one micrograph, a list of such files (RELION ≥ 4), a ``coords_suffix_….star``
        (RELION < 4), or particles of many micrographs, with or without optics groups.
    pixel_size : float, optional
        Å per pixel of the micrographs; wins over the file.

    Raises
    ------
    CoordinateError
        Not such a file, or one that it lists is not there.
    """
    if path.name.startswith(SUFFIX_FILE):
        return _read_suffix_file(path, pixel_size)
    blocks = read_star(path)
    listing = find_block(blocks, MICROGRAPH, COORDINATES)
    if listing is not None:
        return _read_listed(listing, pixel_size)
    return _read_blocks(blocks, path, pixel_size)


def read_micrographs(path: Path) -> dict[str, dict[str, Any]]:
    """Read what a STAR file of micrographs says of their optics, by name of the micrograph.

    Returns
    -------
    dict of str to dict
        Label and value: ``rlnMicrographName`` as the file has it, ``rlnOpticsGroup`` and the columns of its
        group; the names alone where there are no optics groups.

    Raises
    ------
    CoordinateError
        No STAR file, or a group that it has not.
    """
    blocks = read_star(path)
    listed = next((block for block in blocks if MICROGRAPH in block and COORDINATES not in block), None)
    if listed is None:
        return {}
    optics = next((block for block in blocks if GROUP in block and block is not listed), None)
    columns = {MICROGRAPH: listed.text(MICROGRAPH)} | _optics_of_rows(listed, optics)
    if GROUP in listed:
        columns[GROUP] = listed.text(GROUP)
    values = {label: typed(column).tolist() for label, column in columns.items()}
    paths = listed.text(MICROGRAPH).tolist()
    named = distinct_names(paths)
    return {
        named[path]: {label: column[row] for label, column in values.items()}
        for row, path in enumerate(paths)
    }


def pixel_size_of(optics: Mapping[str, Any]) -> float | None:
    """Å per pixel of a micrograph by its optics; None where they do not say."""
    known = (optics[label] for label in PIXEL_SIZES if label in optics)
    return next(
        (float(size) for size in known if isinstance(size, int | float) and 0 < size < math.inf), None
    )


def write_coordinates(picks: Picks, path: Path) -> None:
    """Write the picks of one micrograph as RELION's auto-picking does."""
    write_star(path, [Block("", _columns([picks], without=(MICROGRAPH,)), comment=VERSION)])


def write_coordinate_list(path: Path, files: Mapping[str, Path]) -> None:
    """Write the list file by which RELION ≥ 4 finds coordinate files.

    Parameters
    ----------
    path : Path
        Usually ``autopick.star``.
    files : mapping of str to Path
        Coordinate file of each micrograph, by the name that the micrograph has in RELION's own STAR files.
        RELION looks for them from its project folder, which is taken to be the current one: a file below it
        is listed relative to it, any other by its full path.
    """
    listed = [_from_project(file) for file in files.values()]
    columns = {MICROGRAPH: as_text(list(files)), COORDINATES: as_text(listed)}
    write_star(path, [Block("coordinate_files", columns, comment=VERSION)])


def write_particles(picks: Sequence[Picks], path: Path) -> None:
    """Write picks of many micrographs as particles with optics groups, as RELION 3.1 to 5 have them.

    Picks of one pixel size and the same ``rln…`` columns of optics form one group.
    """
    columns = _columns(picks, pixel_sizes=PIXEL_SIZES[:1])
    columns.setdefault("rlnImagePixelSize", columns[PIXEL_SIZES[0]])
    optics = {label: columns.pop(label) for label in OPTICS if label in columns}
    numbers = columns.pop(GROUP, np.ones(len(columns[X]), np.int64))
    groups, rows = _optics_groups(numbers, optics)
    particles = columns | {GROUP: rows}
    write_star(
        path, [Block("optics", groups, comment=VERSION), Block("particles", particles, comment=VERSION)]
    )


def write_particles_3_0(picks: Sequence[Picks], path: Path) -> None:
    """Write picks of many micrographs as one block with magnification and detector pixel, as RELION 3.0."""
    columns = _columns(picks, without=(GROUP, GROUP_NAME, *PIXEL_SIZES), pixel_sizes=(DETECTOR_PIXEL,))
    magnification = columns.setdefault(MAGNIFICATION, np.full(len(columns[X]), 10_000.0))
    # The detector's pixel is in µm.
    columns[DETECTOR_PIXEL] = columns[DETECTOR_PIXEL] * magnification / 1e4
    write_star(path, [Block("", columns)])


def _from_project(file: Path) -> str:
    absolute, project = file.absolute(), Path.cwd()
    return str(absolute.relative_to(project) if absolute.is_relative_to(project) else absolute)


def bare_name(path: Path) -> str:
    """Return the micrograph's name from that of its coordinate file."""
    name = micrograph_name(path.name.removesuffix(".star"))
    for suffix in (AUTOPICK, "_manualpick", "_picks"):
        name = name.removesuffix(suffix)
    return name


def _read_blocks(blocks: Sequence[Block], path: Path, pixel_size: float | None) -> list[Picks]:
    """Make picks of a table of coordinates, of one micrograph or of many."""
    with_coordinates = [block for block in blocks if X in block and Y in block]
    if len(with_coordinates) > 1:
        called = " and ".join(f"data_{block.name}" for block in with_coordinates)
        raise CoordinateError(
            path, f"coordinates in several blocks, {called}", "keep one of them in the file"
        )
    if blocks and not with_coordinates:
        found = "; ".join(
            f"data_{block.name} with {', '.join(list(block.columns)[:4])}" for block in blocks[:4]
        )
        raise CoordinateError(path, f"no block with _{X} and _{Y}, only {found}")
    block = with_coordinates[0] if blocks else None
    if block is None or (MICROGRAPH not in block and not len(block)):
        return [Picks(np.empty((0, 2)), name=bare_name(path), pixel_size=pixel_size or 1.0)]
    optics = next((other for other in blocks if GROUP in other and other is not block), None)
    columns = _optics_of_rows(block, optics) | dict(block.columns)
    if MICROGRAPH in block:
        names = micrograph_names(block.text(MICROGRAPH), path)
    else:
        names = np.repeat(as_text([bare_name(path)]), len(block))
    rows = Rows(
        names,
        require_centres(np.column_stack([block.floats(X), block.floats(Y)]), path),
        score=block.floats(SCORE) if SCORE in block else 1.0,
        diameter=block.floats(DIAMETER) if DIAMETER in block else np.nan,
        kind=block.text(KIND) if KIND in block else "particle",
        pixel_size=pixel_size or _pixel_sizes(columns, path),
        extra={
            label: values for label, values in columns.items() if label not in (X, Y, SCORE, DIAMETER, KIND)
        },
    )
    return by_micrograph(rows)


def _optics_of_rows(block: Block, optics: Block | None) -> dict[str, NDArray[Any]]:
    """Give each particle the values of its optics group."""
    if optics is None or not len(optics) or GROUP not in block:
        return {}
    index = {group: row for row, group in enumerate(optics.text(GROUP).tolist())}
    starts, lengths = runs(block.text(GROUP))
    try:
        rows = np.repeat([index[group] for group in block.text(GROUP)[starts].tolist()], lengths)
    except KeyError as error:
        raise CoordinateError(
            block.path, f"a particle of optics group {error}, which data_optics has not"
        ) from None
    return {label: typed(optics.text(label))[rows] for label in optics.columns if label != GROUP}


def _pixel_sizes(columns: Mapping[str, NDArray[Any]], path: Path) -> ArrayLike:
    """Å per pixel of each row's micrograph; 1 where the file says nothing."""
    for label in PIXEL_SIZES:
        if label in columns:
            sizes = as_floats(columns[label], path, f"_{label}")
            break
    else:
        if MAGNIFICATION not in columns or DETECTOR_PIXEL not in columns:
            return 1.0
        # µm on the detector over the magnification, in Å (RELION 3.0).
        detector = as_floats(columns[DETECTOR_PIXEL], path, f"_{DETECTOR_PIXEL}")
        sizes = 1e4 * detector / as_floats(columns[MAGNIFICATION], path, f"_{MAGNIFICATION}")
    wrong = np.flatnonzero(~((sizes > 0) & np.isfinite(sizes)))
    if len(wrong):
        raise CoordinateError(path, f"the pixel size of row {wrong[0] + 1} is {sizes[wrong[0]]} Å")
    return sizes


def _read_listed(listing: Block, pixel_size: float | None) -> list[Picks]:
    picks = []
    bases = [Path(), *listing.path.absolute().parents]
    micrographs = listing.text(MICROGRAPH).tolist()
    named = distinct_names(micrographs)
    for micrograph, entry in zip(micrographs, listing.text(COORDINATES).tolist(), strict=True):
        found = _located(entry, bases)
        if found is None:
            remedy = "run this from RELION's project folder"
            raise CoordinateError(listing.path, f"lists {entry}, which is not there", remedy)
        blocks = read_star(found)
        if find_block(blocks, COORDINATES) is not None:
            raise CoordinateError(listing.path, f"lists {entry}, which is itself a list")
        for part in _read_blocks(blocks, found, pixel_size):
            extra = {**part.extra, MICROGRAPH: np.full(len(part), micrograph)}
            picks.append(replace(part, name=named[micrograph], extra=extra))
    return picks


def _located(entry: str, bases: list[Path]) -> Path | None:
    """Find a listed file from the current folder, the list's own, one above it, or moved with the list."""
    parts = Path(entry).parts
    as_listed = (base / entry for base in bases)
    moved = (bases[1].joinpath(*parts[i:]) for i in range(1, len(parts)))
    return next((file for file in chain(as_listed, moved) if file.is_file()), None)


def _read_suffix_file(path: Path, pixel_size: float | None) -> list[Picks]:
    """Read the coordinate files that a RELION < 4 job left below the folder of its ``coords_suffix`` file."""
    suffix = path.name.removeprefix(SUFFIX_FILE)
    if len(read_text(path).split("\n", 1)[0].split()) != 1:
        raise CoordinateError(
            path, "not a coords_suffix file: wanted the name of a micrographs STAR file in it"
        )
    below = [Path(folder) / name for folder, _, names in os.walk(path.parent) for name in sorted(names)]
    files = [file for file in below if file.name.endswith(f"_{suffix}") and file != path]
    # A file and a link to it are one.
    files = sorted({file.resolve(): file for file in files}.values())
    stems = [file.with_name(micrograph_name(file.name.removesuffix(f"_{suffix}"))) for file in files]
    places = [str(stem.relative_to(path.parent)) for stem in stems]
    named = distinct_names(places)
    return [
        replace(part, name=named[place])
        for file, place in zip(files, places, strict=True)
        for part in _read_blocks(read_star(file), file, pixel_size)
    ]


def _columns(
    picks: Sequence[Picks], *, without: tuple[str, ...] = (), pixel_sizes: tuple[str, ...] = ()
) -> dict[str, NDArray[Any]]:
    """Return the columns of RELION's table of these picks, those that every table has first."""
    extra = {re.sub(r"\s", "_", label): values for label, values in joined_extra(picks).items()}
    xy = np.concatenate([np.empty((0, 2)), *(part.xy for part in picks)])
    n = len(xy)
    columns: dict[str, NDArray[Any]] = {X: xy[:, 0], Y: xy[:, 1]}
    columns[SCORE] = _joined(part.score for part in picks)
    columns[CLASS] = extra.pop(CLASS, np.zeros(n, np.int64))
    columns[PSI] = extra.pop(PSI, np.zeros(n))
    diameter = _joined(part.diameter for part in picks)
    if np.isfinite(diameter).any():
        columns[DIAMETER] = diameter
    kind = as_text([kind for part in picks for kind in part.kind.tolist()])
    if (kind != "particle").any():
        columns[KIND] = kind
    if MICROGRAPH not in without:
        columns[MICROGRAPH] = _micrograph_paths(picks)
    for label in pixel_sizes:
        columns[label] = np.repeat(
            [part.pixel_size for part in picks] or [1.0], [len(p) for p in picks] or [0]
        )
    return columns | {
        label: values for label, values in extra.items() if label not in columns and label not in without
    }


def _joined(arrays: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([np.empty(0), *arrays])


def _micrograph_paths(picks: Sequence[Picks]) -> NDArray[Any]:
    paths = [part.extra.get(MICROGRAPH, [f"{part.name}.mrc"] * len(part)) for part in picks]
    return as_text([str(path) for part in paths for path in part])


def _optics_groups(
    numbers: NDArray[Any], optics: Mapping[str, NDArray[Any]]
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """Return the table of optics groups, and the group of each row.

    The numbers stay where each stands for one set of optics; otherwise, as after joining files that use one
    number for two things, groups are numbered from 1 in order of appearance.
    """
    seen: dict[tuple[Any, ...], int] = {}
    keys = zip(numbers.tolist(), *(as_text(values).tolist() for values in optics.values()), strict=True)
    rows = np.array([seen.setdefault(key, len(seen)) for key in keys], np.int64)
    first = np.unique(rows, return_index=True)[1]
    groups = {label: values[first] for label, values in optics.items()}
    groups.setdefault(GROUP_NAME, as_text([f"opticsGroup{i + 1}" for i in range(len(first))]))
    unique = numbers.dtype.kind in "iu" and len(set(numbers[first].tolist())) == len(first)
    called = numbers[first] if unique else np.arange(1, len(first) + 1)
    return {GROUP: called, **groups}, called[rows]
