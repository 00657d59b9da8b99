"""Tables of the VGG Image Annotator, in which people mark particles by hand: shapes as JSON in a column.

Version 2 writes ``region_shape_attributes`` such as ``{"name": "circle", "cx": 10, "cy": 20, "r": 5}``, with
the first row of the picture on top (https://www.robots.ox.ac.uk/~vgg/software/via/). A rectangle is a box
about a particle, a circle or ellipse its outline, a point its centre; of a polygon the middle counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.rows import Rows, by_micrograph, require_centres, require_micrographs
from cryoglean.io.formats.text import as_text
from cryoglean.types import Picks

FILE, SHAPE = "filename", "region_shape_attributes"
#: Columns of version 3, whose files hold no such shapes.
VERSION_3 = ("temporal_coordinates", "spatial_coordinates")


def is_via(labels: Mapping[str, Any]) -> bool:
    """Tell whether a table with these columns is one of the annotator."""
    return FILE in labels and SHAPE in labels


def read_regions(
    columns: Mapping[str, NDArray[Any]], path: Path, pixel_size: float | None = None
) -> list[Picks]:
    """Make picks of the regions of a table.

    Parameters
    ----------
    columns : mapping of str to array of text
        The table.
    path : Path
        Where it comes from, for messages.
    pixel_size : float, optional
        Å per pixel of the pictures.

    Returns
    -------
    list of Picks
        One for each picture with regions; diameters in pixels.

    Raises
    ------
    CoordinateError
        A region is of no known shape; its row is named.
    """
    shapes = columns[SHAPE].tolist()
    # A picture without regions has one row, whose shape is empty.
    marked = [row for row, shape in enumerate(shapes) if shape.strip() not in ("", "{}")]
    regions = np.array([_circle(shapes[row], row + 1, path) for row in marked], np.float64).reshape(-1, 3)
    files = as_text([columns[FILE].tolist()[row] for row in marked])
    rows = Rows(
        require_micrographs(files, path),
        require_centres(regions[:, :2], path),
        diameter_px=regions[:, 2],
        pixel_size=pixel_size or np.nan,
    )
    return by_micrograph(rows)


def _circle(shape: str, row: int, path: Path) -> tuple[float, float, float]:
    """Return centre and diameter of a region, in pixels; NaN for the diameter of a point."""
    try:
        match json.loads(shape):
            case {"name": "rect", "x": x, "y": y, "width": width, "height": height}:
                found = x + width / 2, y + height / 2, (width + height) / 2
            case {"name": "circle", "cx": x, "cy": y, "r": r}:
                found = x, y, 2 * r
            case {"name": "ellipse", "cx": x, "cy": y, "rx": rx, "ry": ry}:
                found = x, y, rx + ry
            case {"name": "point", "cx": x, "cy": y}:
                found = x, y, np.nan
            case {"name": "polygon", "all_points_x": list() as xs, "all_points_y": list() as ys}:
                width, height = max(xs) - min(xs), max(ys) - min(ys)
                found = min(xs) + width / 2, min(ys) + height / 2, (width + height) / 2
            case _:
                raise ValueError
        x, y, diameter = map(float, found)
    except (ValueError, TypeError, OverflowError, RecursionError):
        cause = f"row {row} marks {shape[:60]!r}; wanted a rectangle, circle, ellipse, polygon or point"
        raise CoordinateError(path, cause) from None
    return x, y, diameter if diameter > 0 else np.nan
