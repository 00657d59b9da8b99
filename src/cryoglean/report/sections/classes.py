"""2D class averages of a run's picks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cryoglean.report.drawing import Picture
from cryoglean.report.page import Section, grey_image
from cryoglean.types import FloatImage

SIDE_PX = 128
"""Averages are enlarged to this, so that a screen does not blur them."""
_FORMER = "The class averages are of former picks of this run. `cryoglean classes` makes them anew."


@dataclass(frozen=True, eq=False)
class ClassAverage:
    """One class of picks.

    Parameters
    ----------
    image : ndarray of float32, shape (side, side)
        The average.
    picks : int
        Number of picks in the class.
    judgement : str
        What the class shows, such as 'particle', 'doubtful' or 'ice'.
    """

    image: FloatImage
    picks: int
    judgement: str


def classes(averages: Sequence[ClassAverage], *, current: bool = True) -> Section:
    """Show class averages, the largest class first, each with its number of picks and its judgement.

    Parameters
    ----------
    averages : sequence of ClassAverage
        The classes.
    current : bool
        Whether the run still has the picks that they were made of.
    """
    order = sorted(averages, key=lambda one: -one.picks)
    total = sum(one.picks for one in order)
    shown = [
        {
            "picture": grey_image(
                grey_picture(one.image), f"class average of {one.picks:,} picks, {one.judgement}"
            ),
            "picks": one.picks,
            "share": one.picks / max(total, 1),
            "judgement": one.judgement,
        }
        for one in order
    ]
    notices = () if current else (_FORMER,)
    return Section("Class averages", "classes.html", {"picks": total, "classes": shown}, notices)


def grey_picture(image: FloatImage) -> Picture:
    """Stretch an average to grey levels, all but its brightest and darkest hundredth."""
    low, high = np.percentile(image, [0.5, 99.5])
    levels = np.clip((image - low) / max(high - low, np.finfo(np.float32).tiny), 0, 1)
    grey: Picture = np.rint(255 * levels).astype(np.uint8)
    return np.asarray(cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC))
