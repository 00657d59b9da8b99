"""The picture that a run keeps of each micrograph."""

from __future__ import annotations

from pathlib import Path

from cryoglean.report.drawing import write_picture
from cryoglean.report.overlay import draw_overlay
from cryoglean.types import Micrograph, Picks


def write_overlay(micrograph: Micrograph, picks: Picks, path: Path) -> None:
    """Draw a micrograph with its picks into a PNG file.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_picture(path, draw_overlay(micrograph, picks))
