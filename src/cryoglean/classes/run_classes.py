"""The classes of a run: crops of its picks sorted at a coarse scale, averaged at the scale they have."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from cryoglean.classes.alignment import Search, align
from cryoglean.classes.averaging import MIN_MEMBERS, Averages, average_classes
from cryoglean.classes.crops import halved
from cryoglean.classes.judgement import Judgement, Measures, judge, measure
from cryoglean.classes.poses import Poses, class_means, in_class_frame
from cryoglean.types import FloatImage

PARTICLE_PX = 32.0
"""Particle diameter in crops and class averages, pixels: the scale of the networks that ship."""
CROP_PX = 77
"""Side of a crop: whatever its turn and shift, it covers its class average."""
BOX_PX = 48
"""Side of a class average, even as RELION wants it; pixel 24 is the middle."""
PICKS_PER_CLASS = 100
MIN_CLASSES, MAX_CLASSES = 8, 50
ROUNDS, FINE_ROUNDS = 12, 2
"""How often crops are aligned and averaged, at the coarse scale and at their own."""
REFERENCE_BLUR_PX = 1.0
"""Width of the Gaussian by which averages are smoothed before crops are aligned to them, pixels."""
SEED = 20190620

COARSE = Search(side=27, radius=11.0, angles=24, reach=2.0)
"""At half the scale: where crops are sorted into classes."""
FINE = Search(side=45, radius=20.0, angles=72, reach=4.0)
"""At the scale itself: where the members of a class are aligned to its average once more."""


@dataclass(frozen=True, eq=False)
class RunClasses:
    """The classes of n picks, the largest first.

    Parameters
    ----------
    images : ndarray of float32, shape (k, 48, 48)
        Class averages: particles bright, 32 pixels across, the middle at pixel 24.
    members : ndarray of int, shape (n,)
        Class of each pick, counted from 0.
    poses : Poses
        Of each pick, in pixels of the averages.
    correlation : ndarray of float32, shape (n,)
        Of each pick with the average of its class, −1 to 1.
    measures : tuple of Measures
        What was measured of each class.
    """

    images: FloatImage
    members: NDArray[np.int64]
    poses: Poses
    correlation: FloatImage
    measures: tuple[Measures, ...]

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """What each class shows."""
        return tuple(map(judge, self.measures))

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of picks in each class."""
        return np.bincount(self.members, minlength=len(self.images))


def number_of_classes(picks: int) -> int:
    """Choose how many classes so many picks are sorted into: fewer than eight where they are very few."""
    wanted = np.clip(round(picks / PICKS_PER_CLASS), MIN_CLASSES, MAX_CLASSES)
    return int(max(1, min(wanted, picks // (2 * MIN_MEMBERS))))


def classify(crops: FloatImage, score: ArrayLike, *, classes: int | None = None) -> RunClasses:
    """Sort crops of picks into classes, and average each.

    The same crops give the same classes: the random numbers from which classes start are fixed.

    Parameters
    ----------
    crops : ndarray of float32, shape (n, 77, 77)
        Particles bright and 32 pixels across; at least one.
    score : array, shape (n,)
        Of the picks.
    classes : int, optional
        Number of classes, of which those that fewer than five picks fall into are left out; chosen by the
        number of picks where it is not given.

    Returns
    -------
    RunClasses
        All crops, each in one class.

    Raises
    ------
    ValueError
        Crops of another size, or none.
    """
    if crops.shape[1:] != (CROP_PX, CROP_PX) or not len(crops):
        raise ValueError(f"wanted crops of {CROP_PX} x {CROP_PX} pixels, got shape {crops.shape}")
    small = halved(crops)
    coarse = average_classes(
        _middle(small, COARSE.crop_side),
        COARSE,
        classes=classes or number_of_classes(len(crops)),
        rounds=ROUNDS,
        rng=np.random.default_rng(SEED),
    )
    members, kept = _without_small(coarse)
    poses = Poses.of(coarse.alignment, kept[members], COARSE, scale=2.0)
    number = len(kept)
    for _ in range(FINE_ROUNDS):
        images = class_means(in_class_frame(crops, poses, BOX_PX), members, number)
        poses, correlation = _realigned(crops, _smooth(images), members)
    brought = in_class_frame(crops, poses, BOX_PX)
    measures = tuple(
        measure(brought[own], np.asarray(score)[own], particle_px=PARTICLE_PX)
        for own in (members == one for one in range(number))
    )
    return RunClasses(class_means(brought, members, number), members, poses, correlation, measures)


def _without_small(averages: Averages) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the members of classes that are too small to the class that they agree with next best.

    Returns
    -------
    members : ndarray of int, shape (n,)
        Index into `kept`, the largest class first.
    kept : ndarray of int
        The classes that stay.
    """
    large = np.flatnonzero(averages.counts >= MIN_MEMBERS)
    kept = large if len(large) else np.array([0])
    members = averages.alignment.correlation[:, kept].argmax(axis=1)
    counts = np.bincount(members, minlength=len(kept))
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    rank = np.zeros(len(kept), np.int64)
    rank[order] = np.arange(len(order))
    return rank[members], kept[order]


def _realigned(crops: FloatImage, images: FloatImage, members: NDArray[np.int64]) -> tuple[Poses, FloatImage]:
    """Align each crop to the average of its own class."""
    middle = _middle(crops, FINE.crop_side)
    start = BOX_PX // 2 - FINE.side // 2
    frames = images[:, start : start + FINE.side, start : start + FINE.side]
    poses = Poses(np.zeros((len(crops), 2)), np.zeros(len(crops)), np.zeros(len(crops), bool))
    correlation = np.zeros(len(crops), np.float32)
    for number in range(len(images)):
        own = np.flatnonzero(members == number)
        alignment = align(middle[own], frames[number, None], FINE)
        found = Poses.of(alignment, np.zeros(len(own), np.int64), FINE, scale=1.0)
        poses.shift[own], poses.angle[own], poses.mirrored[own] = found.shift, found.angle, found.mirrored
        correlation[own] = alignment.correlation[:, 0]
    return poses, correlation


def _smooth(images: FloatImage) -> FloatImage:
    """Take from averages the finest detail, which in small classes is noise, to which noise aligns."""
    return np.stack([cv2.GaussianBlur(image, (0, 0), REFERENCE_BLUR_PX) for image in images])


def _middle(crops: FloatImage, side: int) -> FloatImage:
    """Cut the middle of crops."""
    start = (crops.shape[-1] - side) // 2
    return crops[:, start : start + side, start : start + side]
