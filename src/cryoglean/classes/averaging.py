"""Class averages from crops: align, sort into classes, average, and again.

Multi-reference alignment as in Penczek, Radermacher & Frank (1992), Ultramicroscopy 40, 33, started from
averages of random crops.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryoglean.classes.alignment import Alignment, Search, align, align_back
from cryoglean.types import FloatImage

SEEDS = 30
"""So many random crops make the average from which a class starts."""
MIN_MEMBERS = 5
"""A class of fewer crops starts anew."""


@dataclass(frozen=True, eq=False)
class Averages:
    """Class averages of n crops, the largest class first.

    Parameters
    ----------
    images : ndarray of float32, shape (k, side, side)
        The averages.
    members : ndarray of int, shape (n,)
        Class of each crop.
    alignment : Alignment
        Of each crop to each of the averages that it was sorted by.
    """

    images: FloatImage
    members: NDArray[np.int64]
    alignment: Alignment

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of crops in each class."""
        return np.bincount(self.members, minlength=len(self.images))


def average_classes(
    crops: FloatImage, search: Search, *, classes: int, rounds: int, rng: np.random.Generator
) -> Averages:
    """Sort crops into classes by what they show, and average each class.

    Parameters
    ----------
    crops : ndarray of float32, shape (n, s, s)
        With s = `search.crop_side`; at least one.
    search : Search
        Turns and shifts that are tried.
    classes : int
        Number of classes; no more than there are crops.
    rounds : int
        How often crops are aligned and averaged.
    rng : Generator
        Draws the crops from which classes start.
    """
    classes = min(classes, len(crops))
    middle = crops[:, *search.window(np.zeros(2, np.int64))]
    images = np.stack([_seed(middle, rng) for _ in range(classes)])
    for round_number in range(rounds):
        alignment = align(crops, images, search)
        members = alignment.correlation.argmax(axis=1)
        images = _average(crops, search, alignment, members=members, classes=classes)
        counts = np.bincount(members, minlength=classes)
        if round_number < rounds - 1:
            for small in np.flatnonzero(counts < MIN_MEMBERS):
                images[small] = _seed(middle, rng)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(classes)
    sorted_alignment = Alignment(
        alignment.correlation[:, order], alignment.shift[:, order], alignment.turn[:, order]
    )
    return Averages(images[order], rank[members], sorted_alignment)


def _seed(middle: FloatImage, rng: np.random.Generator) -> FloatImage:
    chosen = rng.choice(len(middle), min(SEEDS, len(middle)), replace=False)
    return np.asarray(middle[chosen].mean(axis=0), np.float32)


def _average(
    crops: FloatImage,
    search: Search,
    alignment: Alignment,
    *,
    members: NDArray[np.int64],
    classes: int,
) -> FloatImage:
    total = np.zeros((classes, search.side, search.side), np.float32)
    for crop, member, shift, turn in zip(crops, members, alignment.shift, alignment.turn, strict=True):
        total[member] += align_back(crop, search, shift=int(shift[member]), turn=int(turn[member]))
    counts = np.bincount(members, minlength=classes)
    return np.asarray(total / np.maximum(counts, 1)[:, None, None], np.float32)
