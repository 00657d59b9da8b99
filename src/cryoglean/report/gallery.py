"""The micrographs that a report shows: the best, those in the middle, and the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryoglean.errors import CryogleanError
from cryoglean.io import read_micrograph
from cryoglean.report.overlay import draw_overlay
from cryoglean.report.page import escaped, figure, photograph, row_of
from cryoglean.types import Picks

_OF_EACH = 3
_ALL = 6
_LONGEST_PX = 800

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class GalleryItem:
    """A micrograph to show.

    Parameters
    ----------
    path : Path
        Its file.
    picks : Picks
        What to draw on it.
    caption : str
        What to write below.
    truth : Picks, optional
        True particles.
    pixel_size : float, optional
        Å per pixel, which wins over the file.
    diameter : float, optional
        Å, for picks and particles without one.
    """

    path: Path
    picks: Picks
    caption: str
    truth: Picks | None = None
    pixel_size: float | None = None
    diameter: float | None = None


def extremes(order: Sequence[T]) -> dict[str, list[T]]:
    """Choose from things in order, the best first, some of the best, the middle and the worst.

    Returns
    -------
    dict of str to list
        At most nine, none twice; all under one heading where there are six or fewer.
    """
    if len(order) <= _ALL:
        return {"All, the best first": list(order)} if order else {}
    each = min(_OF_EACH, len(order) // 3)
    middle = (len(order) - each) // 2
    return {
        "The best": list(order[:each]),
        "In the middle": list(order[middle : middle + each]),
        "The worst, the worst last": list(order[-each:]),
    }


def draw_gallery(shown: Sequence[GalleryItem]) -> str:
    """Draw micrographs side by side as HTML; one whose file is no longer there says so."""
    return row_of("gallery", [_draw(one) for one in shown])


def _draw(one: GalleryItem) -> str:
    try:
        micrograph = read_micrograph(one.path, pixel_size=one.pixel_size)
    except CryogleanError as error:
        return figure(f"<p class='notice'>{escaped(error)}</p>", one.caption)
    picture = draw_overlay(
        micrograph,
        one.picks,
        truth=one.truth,
        diameter=one.diameter,
        longest_px=_LONGEST_PX,
        title=one.picks.name,
    )
    return figure(photograph(picture, f"{one.picks.name} with its picks"), one.caption)
