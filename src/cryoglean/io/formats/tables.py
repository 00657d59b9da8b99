"""Plain tables, one row a pick: micrograph, x, y, score, diameter (Å), kind; CSV, TSV, Topaz and Parquet.

Coordinates are centres in our own frame. Headers of other programs are understood by their usual names;
CryoPPP's tables (``X-Coordinate``, ``Diameter``) give the diameter in pixels, ours in Å.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.helices import has_segments, read_segments
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
from cryoglean.io.formats.text import as_floats, as_text, formatted_rows, read_text, word_columns
from cryoglean.io.formats.via import FILE as VIA_FILE
from cryoglean.io.formats.via import VERSION_3 as VIA_VERSION_3
from cryoglean.io.formats.via import is_via, read_regions
from cryoglean.io.limits import open_file
from cryoglean.io.micrographs import micrograph_name
from cryoglean.io.spreadsheets import in_quotes, no_formula, plain
from cryoglean.io.writing import complete_or_absent
from cryoglean.types import Picks

# Headers in lower case, without leading underscores, by what they mean.
_MEANINGS = {
    "micrograph": ("micrograph", "micrograph_name", "image_name", "image", "rlnmicrographname"),
    "x": ("x", "x_coord", "x-coordinate", "coord_x", "x_px", "rlncoordinatex"),
    "y": ("y", "y_coord", "y-coordinate", "coord_y", "y_px", "rlncoordinatey"),
    "z": ("z", "z_coord", "z-coordinate", "coord_z", "z_px", "rlncoordinatez"),
    "score": ("score", "fom", "figure_of_merit", "confidence", "rlnautopickfigureofmerit"),
    "diameter": ("diameter", "diameter_a", "diameter_å", "rlnparticlediameter"),
    "diameter_px": ("diameter_px", "cryogleandiameterpixels"),
    "kind": ("kind", "cryogleankind"),
}
_MEANING = {header: meaning for meaning, headers in _MEANINGS.items() for header in headers}
_OURS = ("micrograph", "x", "y", "score", "diameter", "kind")
_DIAMETER_PX = "diameter_px"
_TOPAZ = ("image_name", "x_coord", "y_coord", "score")
_MAX_CELLS = 100_000_000


def read_csv(path: Path, pixel_size: float | None = None) -> list[Picks]:
    """Read a table with a header and commas between its values.

    Parameters
    ----------
    path : Path
        The file. Without a column of micrographs it is about the one it is named after.
    pixel_size : float, optional
        Å per pixel of the micrographs.

    Raises
    ------
    CoordinateError
        There are no coordinates in it, or a value is not a number; the row is named.
    """
    columns = _words(read_text(path), path, separator=",")
    if is_via(columns):
        return read_regions(columns, path, pixel_size)
    return _picks_of_words(columns, path, pixel_size)


def read_tsv(path: Path, pixel_size: float | None = None) -> list[Picks]:
    """Read a table with a header and tabs between its values, such as Topaz writes; as `read_csv`."""
    text = read_text(path)
    if has_segments(text):
        return read_segments(path, text, pixel_size)
    return _picks_of_words(_words(text, path, separator="\t"), path, pixel_size)


def read_parquet(path: Path, pixel_size: float | None = None) -> list[Picks]:
    """Read a Parquet table; as `read_csv`. Needs pyarrow."""
    pyarrow, parquet = _pyarrow(path)
    try:
        with open_file(path) as opened, parquet.ParquetFile(opened) as file:
            rows, labels = file.metadata.num_rows, file.schema_arrow.names
            if rows * len(labels) > _MAX_CELLS:
                cause = f"claims {rows} rows of {len(labels)} columns; at most {_MAX_CELLS} values are read"
                raise CoordinateError(path, cause)
            _require_different(labels, path)
            table = file.read()
        columns = {label: _of_arrow(table.column(label), pyarrow) for label in labels}
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise CoordinateError(path, f"not a readable Parquet file: {str(error)[:100]}") from None
    return _picks_of_words(columns, path, pixel_size)


def write_csv(picks: Sequence[Picks], path: Path) -> None:
    """Write a table with commas: micrograph, x, y, score, diameter (Å), kind and the further columns.

    No word starts a formula where a spreadsheet opens the table; see `quoted`.
    """
    _write_words(path, _table(picks, _OURS), separator=",", safe=quoted)


def write_tsv(picks: Sequence[Picks], path: Path) -> None:
    """Write a table with tabs; as `write_csv`."""
    _write_words(path, _table(picks, _OURS), separator="\t", safe=quoted)


def write_topaz(picks: Sequence[Picks], path: Path) -> None:
    """Write the table that Topaz reads: image_name, x_coord, y_coord, score, and the further columns."""
    table = _table(picks, (*_TOPAZ, "diameter", "kind"))
    # Topaz knows neither of these: they are there only where they say something.
    if np.isnan(table["diameter"]).all():
        del table["diameter"]
    if (table["kind"] == "particle").all():
        del table["kind"]
    # No apostrophe goes before a name here: Topaz finds micrographs by it.
    _write_words(path, table, separator="\t", safe=_enclosed)


def write_parquet(picks: Sequence[Picks], path: Path) -> None:
    """Write a Parquet table with the columns of `write_csv`. Needs pyarrow."""
    pyarrow, parquet = _pyarrow(path)
    columns = {
        label: values.tolist() if values.dtype.kind == "T" else values
        for label, values in _table(picks, _OURS).items()
    }
    with complete_or_absent(path) as partial:
        parquet.write_table(pyarrow.table(columns), partial)


def _table(picks: Sequence[Picks], labels: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Return the columns of a table; `labels` name micrograph, x, y, score, diameter and kind."""
    xy = np.concatenate([np.empty((0, 2)), *(part.xy for part in picks)])
    columns = [
        np.repeat(as_text([part.name for part in picks]), [len(part) for part in picks]),
        xy[:, 0],
        xy[:, 1],
        np.concatenate([np.empty(0), *(part.score for part in picks)]),
        np.concatenate([np.empty(0), *(part.diameter_angstrom for part in picks)]),
        as_text([kind for part in picks for kind in part.kind.tolist()]),
    ]
    table = dict(zip(labels, columns, strict=True))
    in_pixels = diameters_in_pixels(picks)
    if in_pixels is not None:
        table[_DIAMETER_PX] = in_pixels
    if any(part.path for part in picks):
        table[MICROGRAPH_PATH] = micrograph_paths(picks)
    for label, values in joined_extra(picks).items():
        if label not in table:
            table[label] = as_text(values) if values.ndim > 1 or values.dtype.kind not in "iufb" else values
    return table


def _write_words(
    path: Path, table: Mapping[str, NDArray[Any]], *, separator: str, safe: Callable[[str], str]
) -> None:
    with complete_or_absent(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        file.write(separator.join(map(safe, table)) + "\n")
        file.writelines(formatted_rows(table.values(), separator, safe))


def quoted(word: str) -> str:
    """Return a word as it stands in a table: in quotes where it needs some, and never a formula."""
    return _enclosed(no_formula(word))


def _enclosed(word: str) -> str:
    if "\r" in word:
        raise CoordinateError(word, "has a carriage return, which ends a line of a table", "rename it")
    return in_quotes(word)


def _plain(words: NDArray[Any]) -> NDArray[Any]:
    """Take back what `quoted` puts before words."""
    return as_text(list(map(plain, words.tolist()))) if (np.strings.find(words, "'") >= 0).any() else words


def _words(text: str, path: Path, *, separator: str) -> dict[str, NDArray[Any]]:
    """Return the columns of a table as words, by their headers."""
    text = text.lstrip("\n")
    if text.isascii() and not any(mark in text for mark in "\"#'"):
        first, _, body = text.partition("\n")
        header = first.split(separator) if first else []
        columns = word_columns(body, len(header), separator) if header else []
    else:
        header, columns = _quoted_words(text, path, separator)
    if isinstance(columns, int):
        raise CoordinateError(path, f"line {columns + 2} has not as many values as the header, {len(header)}")
    header = [plain(label.strip()) for label in header]
    _require_different(header, path)
    return dict(zip(header, map(_plain, columns), strict=True))


def _require_different(labels: Sequence[str], path: Path) -> None:
    twice = next((label for label, number in Counter(labels).items() if number > 1), None)
    if twice is not None:
        raise CoordinateError(path, f"two columns are called {twice!r}")


def _quoted_words(text: str, path: Path, separator: str) -> tuple[list[str], list[NDArray[Any]]]:
    """Return the header and the columns of a table with quotes or comments."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] = []
    rows = []
    try:
        for row in lines:
            if not header:
                header = _header(row)
            elif len(row) == len(header):
                rows.append(row)
            elif row and not row[0].startswith("#"):
                cause = f"line {lines.line_num} has {len(row)} values, the header {len(header)}"
                raise CoordinateError(path, cause)
    except csv.Error as error:
        raise CoordinateError(path, f"line {lines.line_num}: {error}") from None
    return header, [as_text([row[i] for row in rows]) for i in range(len(header))]


def _header(row: list[str]) -> list[str]:
    """Return the header if a row is one, and nothing if it is empty or a comment before it.

    Later rows may begin with a hash, as a name can; only what is no row there is a comment.
    """
    if row and row[0].lstrip("#").strip() == VIA_FILE:
        return [VIA_FILE, *row[1:]]
    return [] if not row or row[0].startswith("#") else row


def _picks_of_words(columns: Mapping[str, NDArray[Any]], path: Path, pixel_size: float | None) -> list[Picks]:
    found: dict[str, str] = {}
    for label in columns:
        meaning = _MEANING.get(label.lower().lstrip("_"))
        if meaning is not None:
            found.setdefault(meaning, label)
    stem = table_name(path)
    if not columns:
        return [Picks(np.empty((0, 2)), name=stem, pixel_size=pixel_size)]
    if any(label in columns for label in VIA_VERSION_3):
        cause = "a table of the VGG Image Annotator 3, whose regions are not read"
        raise CoordinateError(path, cause, "export them as CSV from its version 2")
    if "z" in found and has_depth(as_floats(columns[found["z"]], path, found["z"])):
        raise tomogram_error(path, found["z"])
    if "x" not in found or "y" not in found:
        labels = ", ".join(list(columns)[:8])
        raise CoordinateError(path, f"wanted a header with the columns x and y, got: {labels[:200]}")
    numbers: dict[str, NDArray[np.float64]] = {
        meaning: as_floats(columns[found[meaning]], path, found[meaning])
        for meaning in ("x", "y", "score", "diameter", "diameter_px")
        if meaning in found
    }
    n = len(numbers["x"])
    if "micrograph" not in found and not n:
        return [Picks(np.empty((0, 2)), name=stem, pixel_size=pixel_size)]
    # Of a name and a path the path says more.
    of_path = MICROGRAPH_PATH if MICROGRAPH_PATH in columns else found.get("micrograph")
    used = {*(label for meaning, label in found.items() if meaning != "z"), of_path}
    extra = {label: values for label, values in columns.items() if label not in used}
    in_angstrom, in_pixels = (numbers.get(unit, np.nan) for unit in ("diameter", "diameter_px"))
    if "diameter" in numbers and found["x"].lower() == "x-coordinate":
        # CryoPPP gives them in pixels under the name of others.
        in_angstrom, in_pixels = np.nan, numbers["diameter"]
    rows = Rows(
        np.repeat(as_text([stem]), n)
        if of_path is None
        else require_micrographs(as_text(columns[of_path]), path),
        require_centres(np.column_stack([numbers["x"], numbers["y"]]), path),
        score=numbers.get("score", 1.0),
        diameter=in_angstrom,
        diameter_px=in_pixels,
        kind=columns[found["kind"]] if "kind" in found else "particle",
        pixel_size=pixel_size or np.nan,
        extra=extra,
    )
    return by_micrograph(rows)


def table_name(path: Path) -> str:
    """Return the micrograph that a table without a column of micrographs is about."""
    name = micrograph_name(path.with_suffix(""))
    for suffix in ("_autopick", "_picks"):
        name = name.removesuffix(suffix)
    return name


def _pyarrow(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        remedy = "pip install 'cryoglean[parquet]', or use CSV"
        raise CoordinateError(
            path, "Parquet needs the package pyarrow, which is not installed", remedy
        ) from None
    return pyarrow, parquet


def _of_arrow(column: Any, pyarrow: Any) -> NDArray[Any]:
    if pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type):
        return np.asarray(column.to_numpy())
    return as_text(["" if value is None else str(value) for value in column.to_pylist()])
