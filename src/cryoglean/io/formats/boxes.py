"""Boxes of EMAN and crYOLO: both give the corner nearest to the origin and the sides, in pixels.

A centre is ``corner + side / 2``, as both programs have it. The sides stay with the picks as the further
columns ``box_width`` and ``box_height``, so a box read is the box written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.helices import are_helix_ends, has_segments, read_segments, refuse_helix_ends
from cryoglean.io.formats.rows import Rows, by_micrograph, has_depth, require_centres, tomogram_error
from cryoglean.io.formats.star import Block, find_block, read_star, write_star
from cryoglean.io.formats.text import as_floats, as_text, read_text, typed, word_columns
from cryoglean.io.limits import is_file
from cryoglean.io.micrographs import micrograph_name
from cryoglean.io.writing import complete_or_absent
from cryoglean.types import Picks

WIDTH, HEIGHT = "box_width", "box_height"
_CBOX_COLUMNS = (
    *("CoordinateX", "CoordinateY", "CoordinateZ", "Width", "Height", "Depth"),
    *("EstWidth", "EstHeight", "Confidence", "NumBoxes", "Angle"),
)


def read_box(path: Path, pixel_size: float | None = None) -> list[Picks]:
    """Read an EMAN ``.box`` file: corner x, y, width, height, and maybe a score in the fifth column.

    A fifth column of -1, -2, -3, by which EMAN marks boxes that were set by hand and the like, is kept as
    ``tag``. Of helices the centres of segments are read, see `helices`.

    Raises
    ------
    CoordinateError
        Not such a file, or one of the ends of helices.
    """
    text = read_text(path)
    if has_segments(text):
        return read_segments(path, text, pixel_size)
    table = _numbers(text, path, fewest=4)
    if len(table) > 4 and are_helix_ends(table[4]):
        raise refuse_helix_ends(path, len(table[4]) // 2)
    xy, extra = _centres(table[:4])
    score: NDArray[np.float64] | float = 1.0
    if len(table) > 4:
        if len(table[4]) and np.isin(table[4], (-1, -2, -3)).all():
            extra["tag"] = table[4].astype(np.int64)
        else:
            score = table[4]
    extra |= {f"column{i}": values for i, values in enumerate(table[5:], 6)}
    return [_of_one(path, xy, score=score, pixel_size=pixel_size, extra=extra)]


def write_box(picks: Picks, path: Path) -> None:
    """Write an EMAN ``.box`` file, whose numbers are whole: a centre may move by half a pixel.

    The score is the fifth column, where the picks have any other than 1.

    Raises
    ------
    CoordinateError
        The size of a box is not known.
    """
    sides = np.ceil(_sides(picks, path))
    corners = np.floor(picks.xy - sides / 2 + 0.5)
    rows = np.column_stack([corners, sides]).astype(np.int64).tolist()
    fifth = [""] * len(picks)
    if "tag" in picks.extra:
        fifth = [f"\t{tag}" for tag in picks.extra["tag"].tolist()]
    elif (picks.score != 1).any():
        fifth = [f"\t{score:.9g}" for score in picks.score.tolist()]
    with complete_or_absent(path) as partial, partial.open("w", encoding="ascii") as file:
        file.writelines("\t".join(map(str, row)) + last + "\n" for row, last in zip(rows, fifth, strict=True))


def read_eman2(path: Path, pixel_size: float | None = None) -> list[Picks]:
    """Read the ``boxes`` of an EMAN2 info file: centres, as ``[x, y, tag]`` or ``[x, y, tag, score]``.

    Raises
    ------
    CoordinateError
        Not such a file, or a box that is none.
    """
    info = _read_info(path)
    if "boxes" not in info and info.get("boxes_3d"):
        raise tomogram_error(path, "boxes_3d")
    boxes = info.get("boxes", [])
    apix = info.get("apix_unbin")
    if pixel_size is None and isinstance(apix, int | float) and 0 < apix < math.inf:
        pixel_size = float(apix)
    if not isinstance(boxes, list):
        raise CoordinateError(path, f"wanted a list of boxes, got {str(boxes)[:40]}")
    rows = [_eman2_row(box, row, path) for row, box in enumerate(boxes, 1)]
    xy = np.array([row[:2] for row in rows], np.float64).reshape(-1, 2)
    score = np.array([row[3] for row in rows], np.float64)
    extra = {"tag": as_text([row[2] for row in rows])}
    return [_of_one(path, xy, score=score, pixel_size=pixel_size, extra=extra)]


def write_eman2(picks: Picks, path: Path) -> None:
    """Write the ``boxes`` of an EMAN2 info file; what else an existing file says about the micrograph stays.

    Raises
    ------
    CoordinateError
        The file exists and is not an EMAN2 info file.
    """
    info = _read_info(path) if is_file(path) else {}
    tags = as_text(picks.extra.get("tag", np.full(len(picks), "manual"))).tolist()
    places = np.round(picks.xy, 6).tolist()
    rows = zip(places, tags, picks.score.tolist(), strict=True)
    info["boxes"] = [[x, y, tag] if score == 1 else [x, y, tag, score] for (x, y), tag, score in rows]
    with complete_or_absent(path) as partial:
        partial.write_text(json.dumps(info), encoding="utf-8")


def read_cbox(path: Path, pixel_size: float | None = None) -> list[Picks]:
    """Read a crYOLO ``.cbox`` file: the STAR file of today, or the rows of numbers of old.

    The diameter is the mean of the estimated width and height.

    Raises
    ------
    CoordinateError
        Not such a file.
    """
    text = read_text(path)
    if not text.strip():
        return [_of_one(path, np.empty((0, 2)), pixel_size=pixel_size)]
    if "data_" in text:
        return [_read_current_cbox(path, pixel_size)]
    table = _numbers(text, path, fewest=5)
    xy, extra = _centres(table[:4])
    if len(table) > 6:
        extra |= {"EstWidth": table[5], "EstHeight": table[6]}
    return [_of_one(path, xy, score=table[4], pixel_size=pixel_size, extra=extra)]


def write_cbox(picks: Picks, path: Path) -> None:
    """Write a crYOLO ``.cbox`` file, format version 1.0.

    Raises
    ------
    CoordinateError
        The size of a box is not known.
    """
    sides = _sides(picks, path)
    corners = picks.xy - sides / 2
    unknown = np.full(len(picks), np.nan)
    columns: dict[str, NDArray[Any]] = dict.fromkeys(_CBOX_COLUMNS, unknown)
    columns |= {"EstWidth": picks.diameter_px, "EstHeight": picks.diameter_px}
    columns |= {label: values for label, values in picks.extra.items() if label not in (WIDTH, HEIGHT)}
    columns |= {"CoordinateX": corners[:, 0], "CoordinateY": corners[:, 1], "Confidence": picks.score}
    columns |= {"Width": sides[:, 0], "Height": sides[:, 1]}
    columns |= {label: _with_na(columns[label]) for label in _CBOX_COLUMNS}
    blocks = [
        Block("global", {"cbox_format_version": as_text(["1.0"])}, loop=False),
        Block("cryolo", {label.replace(" ", "_"): values for label, values in columns.items()}),
        Block("cryolo_include", {"slice_index": as_text([])}),
    ]
    write_star(path, blocks)


def _read_current_cbox(path: Path, pixel_size: float | None) -> Picks:
    labels = ("CoordinateX", "CoordinateY", "Width", "Height")
    blocks = read_star(path)
    # Files of filaments have the vertices in a block of the same columns before the boxes.
    block = find_block([one for one in blocks if one.name == "cryolo"] or blocks, *labels)
    if block is None:
        raise CoordinateError(path, "no block with _CoordinateX, _CoordinateY, _Width and _Height")
    if "CoordinateZ" in block and has_depth(block.floats("CoordinateZ")):
        raise tomogram_error(path, "_CoordinateZ")
    corners = [block.floats(label) for label in ("CoordinateX", "CoordinateY", "Width", "Height")]
    xy, extra = _centres(corners)
    for label in block.columns:
        if label not in ("CoordinateX", "CoordinateY", "Width", "Height", "Confidence"):
            known = label in _CBOX_COLUMNS or label == "filamentid"
            values = block.floats(label) if known else typed(block.text(label))
            if values.dtype.kind != "f" or not np.isnan(values).all():
                extra[label] = values
    score = block.floats("Confidence") if "Confidence" in block else 1.0
    return _of_one(path, xy, score=score, pixel_size=pixel_size, extra=extra)


def _of_one(
    path: Path,
    xy: NDArray[np.float64],
    *,
    score: NDArray[np.float64] | float = 1.0,
    pixel_size: float | None,
    extra: Mapping[str, NDArray[Any]] | None = None,
) -> Picks:
    """Make the picks of one micrograph, whose name is in that of the file."""
    columns = extra or {}
    name = box_name(path)
    diameter: NDArray[np.float64] | float = np.nan
    if "EstWidth" in columns and "EstHeight" in columns:
        diameter = (columns["EstWidth"] + columns["EstHeight"]) / 2
    if not len(xy):
        return Picks(xy, name=name, pixel_size=pixel_size)
    names = np.repeat(as_text([name]), len(xy))
    rows = Rows(names, require_centres(xy, path), score, diameter_px=diameter, extra=columns)
    return by_micrograph(rows)[0].with_pixel_size(pixel_size)


def box_name(path: Path) -> str:
    """Return the micrograph's name from that of its file of boxes."""
    return micrograph_name(path.with_suffix("")).removesuffix("_info")


def _numbers(text: str, path: Path, *, fewest: int) -> list[NDArray[np.float64]]:
    """Read the columns of a text that holds nothing but numbers."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    n = len(first.split()) or fewest
    if n < fewest or not text.isascii():
        raise CoordinateError(path, f"wanted rows of {fewest} numbers or more, got {first.strip()[:60]!r}")
    columns = word_columns(text, n)
    if isinstance(columns, int):
        raise CoordinateError(path, f"line {columns + 1} has not {n} values, as the first")
    return [as_floats(values, path, f"column {i}") for i, values in enumerate(columns, 1)]


def _centres(corners: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], dict[str, NDArray[Any]]]:
    """Return the centres of boxes, and their sides by name."""
    x, y, width, height = corners
    return np.column_stack([x + width / 2, y + height / 2]), {WIDTH: width, HEIGHT: height}


def _sides(picks: Picks, path: Path) -> NDArray[np.float64]:
    """Width and height of each box in pixels, shape (n, 2): as it was, or the particle's diameter."""
    diameter = picks.diameter_px
    width = np.asarray(picks.extra.get(WIDTH, diameter), np.float64)
    height = np.asarray(picks.extra.get(HEIGHT, width), np.float64)
    sides = np.column_stack([width, height])
    if not (np.isfinite(sides) & (sides > 0)).all():
        raise CoordinateError(
            path,
            "a box has a size, and neither it nor the diameter is known",
            "give --box-size, or --angpix where the diameter is in Å",
        )
    return sides


def _with_na(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as words with ``<NA>`` for those missing, if any is."""
    if values.dtype.kind != "f" or not np.isnan(values).any():
        return values
    return as_text(["<NA>" if value != value else f"{value:#.9g}" for value in values.tolist()])


def _read_info(path: Path) -> dict[str, Any]:
    try:
        info = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise CoordinateError(path, f"not a JSON file: {str(error)[:100]}") from None
    if not isinstance(info, dict):
        raise CoordinateError(path, f"wanted a JSON object with the key boxes, got a {type(info).__name__}")
    return info


def _eman2_row(box: Any, row: int, path: Path) -> tuple[float, float, str, float]:
    """Return x, y, tag and score of a box."""
    tag, score = "manual", 1.0
    try:
        match box:
            case [int() | float() as x, int() | float() as y]:
                pass
            case [int() | float() as x, int() | float() as y, str() as tag]:
                pass
            case [int() | float() as x, int() | float() as y, str() as tag, int() | float() as score, *_]:
                pass
            case _:
                raise ValueError
        # A word from JSON may hold half a character, which no array of text takes.
        return float(x), float(y), tag.encode("utf-8", "replace").decode(), float(score)
    except (ValueError, OverflowError):
        cause = f"box {row} is {str(box)[:60]}, wanted [x, y, tag] or [x, y, tag, score]"
        raise CoordinateError(path, cause) from None
