"""The class averages of a run in one picture."""

from __future__ import annotations

from pathlib import Path

from cryoglean.engine import RunFolder
from cryoglean.engine.class_files import kept_classes
from cryoglean.errors import FileError
from cryoglean.report.drawing import INK, Colour, blank, write_picture, write_text
from cryoglean.report.sections.classes import SIDE_PX, grey_picture

COLUMNS = 10
COLOURS: dict[str, Colour] = {
    "particle": (60, 199, 155),
    "doubtful": (242, 200, 74),
    "junk": (242, 137, 74),
}
_GAP, _LINE = 8, 16


def write_class_picture(folder: RunFolder) -> Path:
    """Draw the class averages of a run, the largest class first, with counts and judgements.

    Parameters
    ----------
    folder : RunFolder
        The run, which has class averages.

    Returns
    -------
    Path
        The PNG file, ``classes/classes.png`` in the run's folder.

    Raises
    ------
    FileError
        The run has no class averages.
    OutputError
        The picture cannot be written.
    """
    kept = kept_classes(folder)
    if kept is None:
        raise FileError(folder.class_table, "cannot be read", "make class averages with `cryoglean classes`")
    number = len(kept.classes)
    columns = min(COLUMNS, number)
    width, height = SIDE_PX + _GAP, SIDE_PX + 3 * _LINE + _GAP
    picture = blank(height * -(-number // columns) + _GAP, width * columns + _GAP)
    for place, one in enumerate(kept.classes):
        top, left = (place // columns) * height + _GAP, (place % columns) * width + _GAP
        picture[top : top + SIDE_PX, left : left + SIDE_PX] = grey_picture(one.image)[:, :, None]
        share = one.measures.count / kept.picks
        lines = (f"{one.measures.count:,} ({share:.0%})", one.judgement.verdict, one.judgement.reason)
        for line, text in enumerate(lines, 1):
            at = (left + SIDE_PX // 2, top + SIDE_PX + line * _LINE - 5)
            colour = INK if line == 1 else COLOURS[one.judgement.verdict]
            write_text(picture, text, at, colour=colour, size=0.38, align="centre")
    write_picture(folder.class_picture, picture)
    return folder.class_picture
