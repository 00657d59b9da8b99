"""The micrographs that a report shows: the best, those in the middle, and the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from cryoglean.errors import CryogleanError
from cryoglean.io import read_micrograph
from cryoglean.report.overlay import draw_overlay
from cryoglean.report.page import Embedded, photograph
from cryoglean.types import MicrographFile, Picks

_OF_EACH = 3
_ALL = 6
_LONGEST_PX = 800

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class GalleryItem:
    """A micrograph to show.

    Parameters
    ----------
    file : MicrographFile
        Which it is.
    picks : Picks
        What to draw on it.
    facts : str
        What to write below, beside the micrograph's name.
    truth : Picks, optional
        True particles.
    pixel_size : float, optional
        Å per pixel, which wins over what its files say.
    diameter : float, optional
        Å, for picks and particles without one.
    """

    file: MicrographFile
    picks: Picks
    facts: str
    truth: Picks | None = None
    pixel_size: float | None = None
    diameter: float | None = None


@dataclass(frozen=True)
class GalleryPicture:
    """A micrograph as the page shows it.

    Parameters
    ----------
    name : str
        The micrograph.
    facts : str
        What is written below, beside the name.
    picture : Embedded, optional
        None where the micrograph cannot be read.
    error : str
        Why not.
    """

    name: str
    facts: str
    picture: Embedded | None = None
    error: str = ""


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


def draw_item(item: GalleryItem) -> GalleryPicture:
    """Draw a micrograph with its picks; one whose file is no longer there says so."""
    try:
        micrograph = read_micrograph(item.file, pixel_size=item.pixel_size)
    except CryogleanError as error:
        return GalleryPicture(item.picks.name, item.facts, error=str(error))
    picture = draw_overlay(
        micrograph,
        item.picks,
        truth=item.truth,
        diameter=item.diameter,
        longest_px=_LONGEST_PX,
        title=item.picks.name,
    )
    return GalleryPicture(
        item.picks.name, item.facts, photograph(picture, f"{item.picks.name} with its picks")
    )
