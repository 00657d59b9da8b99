"""cryoSPARC's ``.cs`` files: arrays of named fields, with coordinates as fractions of the micrograph.

``location/center_x_frac`` times the columns of ``location/micrograph_shape`` (ny, nx) is x, and likewise y. A
job writes what changed into one file and what was passed through into another, with the same ``uid`` for one
particle. File names carry a long number before the name that the micrograph had.

Programs dispute the sense of y: the fraction is taken here to run along the stored rows of the MRC file,
while csparc2star of pyem by default takes it from the other edge. Look at the picks on a micrograph, or let
``cryoglean convert --flip-y auto`` look.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.frames import FRACTIONS
from cryoglean.io.formats.rows import (
    Rows,
    by_micrograph,
    diameters_in_pixels,
    joined_extra,
    micrograph_paths,
    require_centres,
    require_micrographs,
)
from cryoglean.io.formats.text import as_fixed_text, as_text, read_text, runs
from cryoglean.io.limits import open_file
from cryoglean.io.micrographs import micrograph_name
from cryoglean.io.writing import complete_or_absent
from cryoglean.types import Picks

UID = "uid"
X_FRACTION, Y_FRACTION = "location/center_x_frac", "location/center_y_frac"
SHAPE, PATH = "location/micrograph_shape", "location/micrograph_path"
PIXEL_SIZE, MICROGRAPH_UID = "location/micrograph_psize_A", "location/micrograph_uid"
SCORE = "pick_stats/ncc_score"
# Fields of our own, which cryoSPARC passes on untouched.
OWN = "cryoglean/"
DIAMETER, DIAMETER_PX, KIND = f"{OWN}diameter_A", f"{OWN}diameter_px", f"{OWN}kind"
GROUP_SUFFIX, PASSTHROUGH = ".csg", "passthrough"
_OF_EXPOSURES = frozenset(
    {"micrograph_blob", "movie_blob", "mscope_params", "background_blob", "rigid_motion"}
)
_OF_PARTICLES = frozenset({"location", "blob", "pick_stats", "alignments2D", "alignments3D", "sym_expand"})
_GROUP_TYPE = re.compile(r"^group:\s*\n(?:[ \t]+.*\n)*?[ \t]+type:[ \t]*['\"]?([^\s'\"]+)", re.MULTILINE)
_METAFILE = re.compile(r"^[ \t]+metafile:[ \t]*['\"]?>?([^'\"\n]+?)['\"]?[ \t]*$", re.MULTILINE)
_MAX_BESIDE = 20  # files in which fields of particles are looked for
_HEADER_LIMIT = 1_000_000  # characters; a particle data set has some ten thousand
# What NumPy lets through from the parsers that it gives a header to.
_BAD_HEADER = (ValueError, TypeError, SyntaxError, TokenError, MemoryError, RecursionError, OverflowError)
_UID_PREFIX = re.compile(r"^>?(\d{15,24})_(?=.)")


def read_cs(path: Path, pixel_size: float | None = None) -> list[Picks]:
    """Read the picks or particles of a cryoSPARC data set.

    Where the file has no coordinates, those of a passthrough file beside it are joined by ``uid``.

    Raises
    ------
    CoordinateError
        Not such a file, no coordinates to be found, or a field of the wrong type.
    """
    fields = _read_group(path) if path.suffix.lower() == GROUP_SUFFIX else read_fields(path)
    if X_FRACTION not in fields:
        fields |= _passed_through(fields, path)
    return picks_of_fields(fields, path, pixel_size)


def picks_of_fields(
    fields: Mapping[str, NDArray[Any]], path: Path, pixel_size: float | None = None
) -> list[Picks]:
    """Make picks of the fields of a data set; `path` is for messages.

    Raises
    ------
    CoordinateError
        A field is missing or of the wrong type, or coordinates are not finite.
    """
    fractions = np.column_stack([_numbers(fields, label, path) for label in (X_FRACTION, Y_FRACTION)])
    paths = require_micrographs(_words(fields, PATH, path), path)
    shape = _shapes(fields, paths, path)
    size: NDArray[np.float64] | float = pixel_size or np.nan
    if pixel_size is None and PIXEL_SIZE in fields:
        given = _numbers(fields, PIXEL_SIZE, path)
        size = np.where((given > 0) & np.isfinite(given), given, np.nan)
    rows = Rows(
        paths,
        require_centres(fractions * shape[:, ::-1], path),
        score=_numbers(fields, SCORE, path) if SCORE in fields else 1.0,
        diameter=_numbers(fields, DIAMETER, path) if DIAMETER in fields else np.nan,
        diameter_px=_numbers(fields, DIAMETER_PX, path) if DIAMETER_PX in fields else np.nan,
        kind=_words(fields, KIND, path) if KIND in fields else "particle",
        pixel_size=size,
        shape=shape,
        extra={
            label.removeprefix(OWN): as_fixed_text(as_text(values)) if values.dtype.kind == "S" else values
            for label, values in fields.items()
            if label
            not in (X_FRACTION, Y_FRACTION, SHAPE, PATH, PIXEL_SIZE, SCORE, DIAMETER, DIAMETER_PX, KIND)
        },
        bare_name=original_name,
    )
    return by_micrograph(rows)


def _shapes(fields: Mapping[str, NDArray[Any]], paths: NDArray[Any], path: Path) -> NDArray[np.int64]:
    """Return the shape of each row's micrograph: `FRACTIONS` where no row says it, as some programs write."""
    if SHAPE not in fields:
        return np.full((len(paths), 2), FRACTIONS)
    shape = _numbers(fields, SHAPE, path, width=2).astype(np.int64)
    known: dict[str, tuple[int, ...]] = {}
    said = np.asarray((shape > 0).all(axis=1))
    starts, lengths = runs(paths)
    for first, count in zip(starts.tolist(), lengths.tolist(), strict=True):
        own = shape[first : first + count][said[first : first + count]]
        for one in np.unique(own, axis=0).tolist():
            if known.setdefault(paths[first], tuple(one)) != tuple(one):
                cause = (
                    f"says that {paths[first]} has {known[paths[first]]} rows and columns, and {tuple(one)}"
                )
                raise CoordinateError(path, cause)
    each = [known.get(paths[first], FRACTIONS) for first in starts.tolist()]
    return np.repeat(np.array(each, np.int64).reshape(-1, 2), lengths, axis=0)


def write_cs(picks: Sequence[Picks], path: Path) -> None:
    """Write picks as a cryoSPARC data set of particles with their locations.

    Particles and micrographs keep the uid that they came with; others get one made from the micrograph's path
    and the row, so the same picks give the same file.

    Raises
    ------
    CoordinateError
        The shape of a micrograph is not known.
    """
    unknown = next((part.name for part in picks if len(part) and min(part.shape) <= 1), None)
    if unknown is not None:
        cause = f"cryoSPARC has coordinates as fractions, and the shape of {unknown} is not known"
        raise CoordinateError(path, cause, "give the micrographs with --micrographs")
    fields = {label: _storable(values) for label, values in fields_of_picks(picks).items()}
    table = np.zeros(
        len(fields[UID]), [(label, values.dtype, values.shape[1:]) for label, values in fields.items()]
    )
    for label, values in fields.items():
        table[label] = values
    with complete_or_absent(path) as partial, partial.open("wb") as file:
        npy.write_array(file, table, allow_pickle=False)


def fields_of_picks(picks: Sequence[Picks]) -> dict[str, NDArray[Any]]:
    """Return the fields of a cryoSPARC data set of these picks, by name, each of n values."""
    extra = joined_extra(picks)
    lengths = [len(part) for part in picks]
    shape = np.repeat(np.array([part.shape for part in picks], np.uint32).reshape(-1, 2), lengths, axis=0)
    xy = np.concatenate([np.empty((0, 2)), *(part.xy for part in picks)])
    nothing = np.zeros(len(xy), np.float32)
    fields: dict[str, NDArray[Any]] = {
        UID: np.concatenate([np.zeros(0, np.uint64), *(_uids(part.micrograph, len(part)) for part in picks)]),
        MICROGRAPH_UID: _repeated([_uids(part.micrograph, 1)[0] for part in picks], lengths, np.uint64),
        "location/exp_group_id": np.zeros(len(xy), np.uint32),
        PATH: micrograph_paths(picks),
        SHAPE: shape,
        X_FRACTION: (xy[:, 0] / shape[:, 1]).astype(np.float32),
        Y_FRACTION: (xy[:, 1] / shape[:, 0]).astype(np.float32),
        "location/min_dist_A": nothing,
        PIXEL_SIZE: _repeated([part.pixel_size or 0.0 for part in picks], lengths, np.float32),
        SCORE: np.concatenate([nothing[:0], *(part.score for part in picks)]).astype(np.float32),
        "pick_stats/power": nothing,
        "pick_stats/template_idx": np.zeros(len(xy), np.uint32),
        "pick_stats/angle_rad": nothing,
        DIAMETER: np.concatenate([nothing[:0], *(part.diameter_angstrom for part in picks)]).astype(
            np.float32
        ),
        KIND: as_text([kind for part in picks for kind in part.kind.tolist()]),
    }
    if np.isnan(fields[DIAMETER]).all():
        del fields[DIAMETER]
    in_pixels = diameters_in_pixels(picks)
    if in_pixels is not None:
        fields[DIAMETER_PX] = in_pixels.astype(np.float32)
    if (fields[KIND] == "particle").all():
        del fields[KIND]
    for label, values in extra.items():
        name = label if "/" in label or label == UID else OWN + label
        if name not in fields:
            fields[name] = values
        elif fields[name].dtype.kind != "u" or values.dtype.kind in "iu":
            # A uid that passed through a table without one for every pick is no longer a whole number.
            fields[name] = values.astype(fields[name].dtype)
    return fields


def read_fields(path: Path) -> dict[str, NDArray[Any]]:
    """Read the fields of a ``.cs`` file by name, without any code in it being run.

    Raises
    ------
    CoordinateError
        Not such a file, cut short, or with Python objects in it.
    """
    try:
        with open_file(path) as file:
            dtype, n = _read_header(file, path)
            # Checked before any memory is asked for: a damaged header may claim any number of rows.
            left = os.fstat(file.fileno()).st_size - file.tell()
            if left < n * dtype.itemsize:
                cause = f"cut short: {n} rows of {dtype.itemsize} bytes were promised, {left} bytes follow"
                raise CoordinateError(path, cause)
            raw = file.read(n * dtype.itemsize)
    except OSError as error:
        raise CoordinateError(path, f"cannot be read: {error.strerror or error}") from None
    table = np.frombuffer(raw, dtype, n)
    return {label: table[label] for label in dtype.names or ()}


def _read_header(file: BinaryIO, path: Path) -> tuple[np.dtype[Any], int]:
    """Return the type and the number of the rows, which begin where the file is left."""
    start = file.read(6)
    file.seek(0)
    if start == b"\x95CSDAT":
        raise CoordinateError(
            path, "a compressed stream of cryoSPARC", "export the job's outputs from cryoSPARC"
        )
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:
            raise ValueError(f"version {version} of NumPy's file format")
        shape, _, dtype = read(file, max_header_size=_HEADER_LIMIT)
    except _BAD_HEADER as error:
        raise CoordinateError(path, f"not a cryoSPARC .cs file: {str(error)[:100]}") from None
    if dtype.hasobject:
        raise CoordinateError(path, "holds pickled Python objects, which are never read", "export it again")
    if dtype.names is None or len(shape) != 1 or shape[0] < 0 or not dtype.itemsize:
        cause = f"wanted one row of named fields for each particle, got {str(dtype)[:60]} of shape {shape}"
        raise CoordinateError(path, cause)
    return dtype, shape[0]


def _passed_through(fields: Mapping[str, NDArray[Any]], path: Path) -> dict[str, NDArray[Any]]:
    """Return the further fields of these particles from another file of the same job."""
    _require_particles(fields, path)
    beside = sorted(path.parent.glob("*.cs"), key=lambda other: (PASSTHROUGH not in other.name, other))
    others = [other for other in beside if other != path and X_FRACTION in _field_names(other)]
    for other in others[:_MAX_BESIDE]:
        more = _joined(fields, read_fields(other))
        if more is not None:
            return more
    cause = f"no field {X_FRACTION}, and none of {len(others)} files beside it has it for these particles"
    raise CoordinateError(path, cause, "put the job's passthrough file into the same folder")


def _require_particles(fields: Iterable[str], path: Path) -> None:
    """Tell data sets of something else by what they hold."""
    rooms = {label.partition("/")[0] for label in fields}
    if rooms & _OF_EXPOSURES and not rooms & _OF_PARTICLES:
        raise _exposures_error(path)
    if not rooms & _OF_PARTICLES and UID not in fields:
        raise CoordinateError(path, f"no particles: its fields are {', '.join(sorted(fields))[:200]}")


def _exposures_error(path: Path) -> CoordinateError:
    remedy = "give the particles of a picking, extraction or selection job"
    return CoordinateError(path, "these are exposures: micrographs or movies, without particles", remedy)


def _joined(
    fields: Mapping[str, NDArray[Any]], more: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]] | None:
    """Return the fields that `more` adds to those of the same particles; None where it lacks one of them."""
    if not (_has_uids(fields) and _has_uids(more)):
        return None
    order = np.argsort(more[UID], kind="stable")
    place = np.searchsorted(more[UID], fields[UID], sorter=order)
    if not len(order) or not (place < len(order)).all() or not (more[UID][order[place]] == fields[UID]).all():
        return None
    rows = order[place]
    return {label: values[rows] for label, values in more.items() if label not in fields}


def _field_names(path: Path) -> tuple[str, ...]:
    """Return the names of the fields of a file; none where it is no data set."""
    try:
        with open_file(path) as file:
            return _read_header(file, path)[0].names or ()
    except (OSError, CoordinateError):
        return ()


def _read_group(path: Path) -> dict[str, NDArray[Any]]:
    """Read a group of results (``.csg``), which says in which files beside it the fields of particles are.

    Raises
    ------
    CoordinateError
        It is a group of something else, or one of its files is missing.
    """
    text = read_text(path)
    kind = _GROUP_TYPE.search(text)
    # The names are those of files beside it, wherever else they might point to.
    names = list(dict.fromkeys(Path(name).name for name in _METAFILE.findall(text)))
    if kind is None or not names:
        raise CoordinateError(path, "not a cryoSPARC .csg file: wanted a group with its metafiles")
    if kind[1] in ("exposure", "movie"):
        raise _exposures_error(path)
    if kind[1] != "particle":
        raise CoordinateError(path, f"a group of the type {kind[1][:40]}, where particles were wanted")
    files = [path.with_name(name) for name in names]
    files.sort(key=lambda file: X_FRACTION not in _field_names(file))
    fields = read_fields(files[0])
    for file in files[1:]:
        more = _joined(fields, read_fields(file))
        if more is None:
            raise CoordinateError(file, f"has not the particles of {files[0].name}", "export the group again")
        fields |= more
    return fields


def _has_uids(fields: Mapping[str, NDArray[Any]]) -> bool:
    return UID in fields and fields[UID].dtype == np.uint64


def original_name(path: str) -> str:
    """Return the name that a micrograph had before cryoSPARC put a uid before it."""
    return _UID_PREFIX.sub("", micrograph_name(path))


def _numbers(
    fields: Mapping[str, NDArray[Any]], label: str, path: Path, *, width: int | None = None
) -> NDArray[np.float64]:
    values = fields.get(label)
    row = () if width is None else (width,)
    if values is None or values.dtype.kind not in "iuf" or values.shape[1:] != row:
        wanted = "numbers" if width is None else f"{width} numbers for each row"
        raise CoordinateError(path, f"the field {label} {_described(values)}, wanted {wanted}")
    # NumPy warns of values that are no numbers; readers look for those themselves.
    with np.errstate(all="ignore"):
        return values.astype(np.float64)


def _words(fields: Mapping[str, NDArray[Any]], label: str, path: Path) -> NDArray[Any]:
    values = fields.get(label)
    if values is None or values.dtype.kind not in "SUTO" or values.ndim != 1:
        raise CoordinateError(path, f"the field {label} {_described(values)}, wanted text")
    return as_text(values)


def _described(values: NDArray[Any] | None) -> str:
    return "is missing" if values is None else f"holds {values.dtype} of shape {values.shape}"


def _uids(micrograph: str, n: int) -> NDArray[np.uint64]:
    """Make `n` numbers that are unlike each other, and those of other micrographs, with all likelihood."""
    start = np.frombuffer(blake2b(micrograph.encode(), digest_size=8).digest(), np.uint64)
    # Multiples of an odd number are all different modulo 2⁶⁴.
    return start + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def _repeated(values: Sequence[Any], lengths: Sequence[int], dtype: type[np.generic]) -> NDArray[Any]:
    return np.repeat(np.array(values, dtype).reshape(-1), lengths)


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    """Return text as bytes of fixed width, as cryoSPARC keeps it."""
    if values.dtype.kind in "iufb":
        return values
    return np.array([word.encode() for word in as_text(values).tolist()] or [b""], "S")[: len(values)]
