"""RELION's STAR files of coordinates: one per micrograph, lists of those, and particles with optics groups.

``_rlnCoordinateX/Y`` is the centre of a particle in pixels of the full micrograph, 0-based, y along the
stored rows of the MRC file: our own frame. RELION joins coordinate files only where ``_rlnClassNumber`` and
``_rlnAnglePsi`` stand in them. A diameter goes into ``_rlnParticleDiameter`` (Å), a label that RELION knows
in other tables; one in pixels of unknown size into ``_cryogleanDiameterPixels``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import CoordinateError, UsageError
from cryoglean.io.formats.naming import distinct_names
from cryoglean.io.formats.pixel_size import (
    DETECTOR_PIXEL,
    GROUP,
    MAGNIFICATION,
    ORIGINAL_PIXEL_SIZE,
    PIXEL_SIZE,
    micrograph_pixel_sizes,
    movie_pixel_sizes,
    optics_of_rows,
)
from cryoglean.io.formats.rows import (
    MICROGRAPH_PATH,
    Rows,
    by_micrograph,
    diameters_in_pixels,
    has_depth,
    joined_extra,
    micrograph_paths,
    require_centres,
    require_micrographs,
    tomogram_error,
)
from cryoglean.io.formats.star import Block, find_block, read_star, write_star
from cryoglean.io.formats.text import as_text, read_text, typed
from cryoglean.io.limits import is_file
from cryoglean.io.locating import places_of
from cryoglean.io.micrographs import micrograph_name
from cryoglean.types import Picks

X, Y, Z = "rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ"
#: What only particles of tomograms have, in RELION 4 and 5.
TOMOGRAM_LABELS = ("rlnTomoName", "rlnTomoParticleName", "rlnCenteredCoordinateZAngst")
SCORE, CLASS, PSI = "rlnAutopickFigureOfMerit", "rlnClassNumber", "rlnAnglePsi"
DIAMETER, DIAMETER_PX, KIND = "rlnParticleDiameter", "cryogleanDiameterPixels", "cryogleanKind"
MICROGRAPH, COORDINATES = MICROGRAPH_PATH, "rlnMicrographCoordinates"
MOVIE = "rlnMicrographMovieName"
GROUP_NAME, IMAGE_PIXEL = "rlnOpticsGroupName", "rlnImagePixelSize"
#: What RELION 3.1 and later keep once for an optics group, where 3.0 repeats it for each particle.
OPTICS = (
    GROUP_NAME,
    PIXEL_SIZE,
    ORIGINAL_PIXEL_SIZE,
    IMAGE_PIXEL,
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
_OWN_FIELDS = (X, Y, SCORE, DIAMETER, DIAMETER_PX, KIND, MICROGRAPH)
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


@dataclass(frozen=True, eq=False)
class ListedMicrographs:
    """The micrographs of a STAR file, and what it says of their optics.

    Parameters
    ----------
    paths : tuple of str
        As the file has them; one that it says several pixel sizes of is there as often.
    pixel_sizes : tuple of array, shape (n,)
        Å per pixel of the micrographs, and of their movies before binning; NaN where it is not said.
    optics : mapping of str to array
        ``rlnOpticsGroup`` and the columns of the groups, n values each; empty where there are none.
    """

    paths: tuple[str, ...]
    pixel_sizes: tuple[NDArray[np.float64], NDArray[np.float64]]
    optics: Mapping[str, NDArray[Any]]


def read_micrographs(path: Path) -> ListedMicrographs | None:
    """Read which micrographs, or movies, a STAR file lists; None where it lists none.

    Particles name their micrograph once each, and count as such a list.

    Raises
    ------
    CoordinateError
        No STAR file, or a group that it has not.
    """
    blocks = read_star(path)
    labels = (MICROGRAPH, MOVIE)
    found = next(((block, label) for label in labels if (block := find_block(blocks, label))), None)
    if found is None:
        return None
    block, label = found
    paths = block.text(label).tolist()
    columns = dict(block.columns) | optics_of_rows(block, blocks)
    own, movie = (read(columns, len(block), path) for read in (micrograph_pixel_sizes, movie_pixel_sizes))
    said = zip(paths, np.nan_to_num(own).tolist(), np.nan_to_num(movie).tolist(), strict=True)
    first = np.array(list({each: row for row, each in reversed(list(enumerate(said)))}.values()), np.intp)
    first.sort()
    optics = {name: typed(columns[name])[first] for name in (GROUP, *OPTICS) if name in columns}
    return ListedMicrographs(tuple(paths[row] for row in first), (own[first], movie[first]), optics)


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

    Picks of one pixel size and the same ``rln…`` columns of optics form one group. A pixel size that is not
    known is not written.
    """
    columns = _columns(picks, pixel_size=PIXEL_SIZE)
    if PIXEL_SIZE in columns:
        columns.setdefault(IMAGE_PIXEL, columns[PIXEL_SIZE])
    optics = {label: columns.pop(label) for label in OPTICS if label in columns}
    numbers = columns.pop(GROUP, np.ones(len(columns[X]), np.int64))
    groups, rows = _optics_groups(numbers, optics)
    particles = columns | {GROUP: rows}
    write_star(
        path, [Block("optics", groups, comment=VERSION), Block("particles", particles, comment=VERSION)]
    )


def write_particles_3_0(picks: Sequence[Picks], path: Path) -> None:
    """Write picks of many micrographs as one block with magnification and detector pixel, as RELION 3.0."""
    others = (GROUP, GROUP_NAME, PIXEL_SIZE, ORIGINAL_PIXEL_SIZE, IMAGE_PIXEL)
    columns = _columns(picks, without=others, pixel_size=DETECTOR_PIXEL)
    if any(part.pixel_size for part in picks if len(part)):
        magnification = columns.setdefault(MAGNIFICATION, np.full(len(columns[X]), 10_000.0))
        # The detector's pixel is in µm.
        columns[DETECTOR_PIXEL] = columns[DETECTOR_PIXEL] * magnification / 1e4
    write_star(path, [Block("", columns)])


def write_class_averages(path: Path, stack: Path, *, counts: NDArray[np.int64]) -> None:
    """Write the list of class averages as RELION's 2D classification has it in its ``…_model.star``.

    Parameters
    ----------
    path : Path
        The STAR file.
    stack : Path
        The averages, which are listed as coordinate files are: by their place below the current folder,
        which is taken to be RELION's project.
    counts : ndarray of int, shape (k,)
        Number of particles in each class.
    """
    numbers = counts.astype(np.float64)
    images = [f"{number:06d}@{_from_project(stack)}" for number in range(1, len(numbers) + 1)]
    columns = {
        "rlnReferenceImage": as_text(images),
        "rlnClassDistribution": numbers / max(float(numbers.sum()), 1.0),
    }
    write_star(path, [Block("model_classes", columns, comment=VERSION)])


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
    of_tomograms = next((label for label in TOMOGRAM_LABELS for block in blocks if label in block), None)
    of_depth = [block for block in with_coordinates if Z in block and has_depth(block.floats(Z))]
    if of_tomograms or of_depth:
        raise tomogram_error(path, f"_{of_tomograms or Z}")
    if blocks and not with_coordinates:
        found = "; ".join(
            f"data_{block.name} with {', '.join(list(block.columns)[:4])}" for block in blocks[:4]
        )
        raise CoordinateError(path, f"no block with _{X} and _{Y}, only {found}")
    block = with_coordinates[0] if blocks else None
    if block is None or (MICROGRAPH not in block and not len(block)):
        return [Picks(np.empty((0, 2)), name=bare_name(path), pixel_size=pixel_size)]
    columns = optics_of_rows(block, list(blocks)) | dict(block.columns)
    if MICROGRAPH in block:
        micrographs = require_micrographs(block.text(MICROGRAPH), path)
    else:
        micrographs = np.repeat(as_text([bare_name(path)]), len(block))
    rows = Rows(
        micrographs,
        require_centres(np.column_stack([block.floats(X), block.floats(Y)]), path),
        score=block.floats(SCORE) if SCORE in block else 1.0,
        diameter=block.floats(DIAMETER) if DIAMETER in block else np.nan,
        diameter_px=block.floats(DIAMETER_PX) if DIAMETER_PX in block else np.nan,
        kind=block.text(KIND) if KIND in block else "particle",
        pixel_size=pixel_size or _pixel_sizes(columns, len(block), path),
        extra={label: values for label, values in columns.items() if label not in _OWN_FIELDS},
    )
    return by_micrograph(rows)


def _pixel_sizes(columns: Mapping[str, NDArray[Any]], n: int, path: Path) -> NDArray[np.float64]:
    """Å per pixel of each row's micrograph, or that of its movie where nothing else is said."""
    own = micrograph_pixel_sizes(columns, n, path)
    return np.where(np.isnan(own), movie_pixel_sizes(columns, n, path), own)


def _read_listed(listing: Block, pixel_size: float | None) -> list[Picks]:
    picks = []
    micrographs, entries = listing.text(MICROGRAPH).tolist(), listing.text(COORDINATES).tolist()
    named = distinct_names(micrographs)
    for micrograph, entry, places in zip(micrographs, entries, places_of(entries, listing.path), strict=True):
        found = _place_of(entry, places, listing.path)
        blocks = read_star(found)
        if find_block(blocks, COORDINATES) is not None:
            raise CoordinateError(listing.path, f"lists {entry}, which is itself a list")
        picks += [
            replace(part, name=named[micrograph], path=micrograph)
            for part in _read_blocks(blocks, found, pixel_size)
        ]
    return picks


def _place_of(entry: str, places: Sequence[Path], listing: Path) -> Path:
    """Choose the place of a coordinate file: beside the list before all others, also if both were moved.

    Raises
    ------
    CoordinateError
        It is not there, or could be either of two.
    """
    folder, parts = Path(os.path.realpath(listing.parent)), Path(entry).parts
    there = [place for place in places if is_file(place)]
    beside = [place for place in there if Path(os.path.realpath(place)).is_relative_to(folder)]
    moved = (folder.joinpath(*parts[i:]) for i in range(1, len(parts)))
    found = beside[:1] or there or [file for file in moved if is_file(file)][:1]
    if not found:
        remedy = "run this from RELION's project folder"
        raise CoordinateError(listing, f"lists {entry}, which is not there", remedy)
    if len(found) > 1:
        remedy = "run this from the project folder of the list"
        raise CoordinateError(listing, f"lists {entry}, which could be {found[0]} or {found[1]}", remedy)
    return found[0]


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
        replace(part, name=named[place], path=part.path or (place if place != named[place] else ""))
        for file, place in zip(files, places, strict=True)
        for part in _read_blocks(read_star(file), file, pixel_size)
    ]


def _columns(
    picks: Sequence[Picks], *, without: tuple[str, ...] = (), pixel_size: str = ""
) -> dict[str, NDArray[Any]]:
    """Return the columns of RELION's table of these picks, those that every table has first.

    The pixel size of the micrographs goes into the column of this label, where it is known of all.
    """
    extra = {re.sub(r"\s", "_", label): values for label, values in joined_extra(picks).items()}
    xy = np.concatenate([np.empty((0, 2)), *(part.xy for part in picks)])
    n = len(xy)
    columns: dict[str, NDArray[Any]] = {X: xy[:, 0], Y: xy[:, 1]}
    columns[SCORE] = _joined(part.score for part in picks)
    columns[CLASS] = extra.pop(CLASS, np.zeros(n, np.int64))
    columns[PSI] = extra.pop(PSI, np.zeros(n))
    diameter, in_pixels = _joined(part.diameter_angstrom for part in picks), diameters_in_pixels(picks)
    if np.isfinite(diameter).any():
        columns[DIAMETER] = diameter
    if in_pixels is not None:
        columns[DIAMETER_PX] = in_pixels
    kind = as_text([kind for part in picks for kind in part.kind.tolist()])
    if (kind != "particle").any():
        columns[KIND] = kind
    if MICROGRAPH not in without:
        columns[MICROGRAPH] = micrograph_paths(picks)
    parts = [part for part in picks if len(part)]
    sizes = [part.pixel_size for part in parts]
    if pixel_size and None not in sizes:
        columns[pixel_size] = np.repeat(np.array(sizes, np.float64), [len(part) for part in parts])
    elif pixel_size and any(sizes):
        unknown = next(part.micrograph for part in parts if part.pixel_size is None)
        cause = f"the pixel size of {unknown} is not known, that of others is"
        raise UsageError(f"{cause}: give --angpix, or the micrographs with --micrographs")
    return columns | {
        label: values for label, values in extra.items() if label not in columns and label not in without
    }


def _joined(arrays: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([np.empty(0), *arrays])


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
