"""EMAN's helical boxes, which look like boxes or tables of particles and mean something else.

``e2helixboxer.py`` writes two kinds of files. One has two rows a helix, boxes about its ends that are marked
-1 and -2: no particles lie there. The other has the centres of the segments of each helix, under a line of
comment that tells the helix.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.text import as_floats, as_text
from cryoglean.types import Picks

#: Further column with the number of the filament that a segment is of, as crYOLO calls it.
FILAMENT = "filamentid"
_FIRST_LINE = re.compile(r"\s*#micrograph:\s*(.*)")
_WIDTH = re.compile(r"^#segment width:\s*([0-9.]+)\s*$", re.MULTILINE)
_MARKS = (-1, -2)


def are_helix_ends(marks: ArrayLike) -> bool:
    """Tell whether the fifth column of a ``.box`` file marks its boxes as the ends of helices, in pairs."""
    column = np.asarray(marks)
    pairs = column.reshape(-1, 2) if len(column) % 2 == 0 else np.zeros((0, 2))
    return bool(len(pairs) and (pairs == _MARKS).all())


def refuse_helix_ends(path: Path, count: int) -> CoordinateError:
    """Make the error for a file of boxes that are the ends of `count` helices."""
    cause = f"EMAN's helical boxes: {2 * count} ends of helices, where no particles lie"
    remedy = "save the coordinates of the segments from e2helixboxer.py, or crYOLO's segmented boxes"
    return CoordinateError(path, cause, remedy)


def has_segments(text: str) -> bool:
    """Tell whether a text is a file of segments of helices."""
    return _FIRST_LINE.match(text) is not None


def read_segments(path: Path, text: str, pixel_size: float | None = None) -> list[Picks]:
    """Read the centres of segments, with the number of their helix as a further column.

    Parameters
    ----------
    path : Path
        The file, for messages.
    text : str
        What is in it.
    pixel_size : float, optional
        Å per pixel of the micrograph.

    Returns
    -------
    list of Picks
        Of the one micrograph that the file names.

    Raises
    ------
    CoordinateError
        A line is neither a comment nor two numbers.
    """
    first = _FIRST_LINE.match(text)
    assert first is not None
    rows, helices, number = [], [], 0
    for line, words in enumerate(text.split("\n"), 1):
        if words.startswith("#"):
            number += words.startswith("#helix:")
        elif words.strip():
            place = words.split()
            if len(place) != 2:
                raise CoordinateError(path, f"line {line} is {words[:60]!r}, wanted x and y of a segment")
            rows.append(place)
            helices.append(number)
    named = Path(first[1].strip() or path.stem)
    columns = [as_floats(as_text([row[axis] for row in rows]), path, "xy"[axis]) for axis in (0, 1)]
    extra: dict[str, NDArray[np.generic]] = {FILAMENT: np.array(helices, np.int64)}
    width = _WIDTH.search(text)
    if width is not None and float(width[1]) > 0:
        extra |= dict.fromkeys(("box_width", "box_height"), np.full(len(rows), float(width[1])))
    return [
        Picks(
            np.column_stack(columns).reshape(-1, 2),
            name=named.stem or path.stem,
            path=str(named),
            pixel_size=pixel_size,
            extra=extra,
        )
    ]
