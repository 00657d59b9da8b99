"""Where particles lie in their crops, and how they are turned: from crops to the frame of a class average."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.classes.alignment import Alignment, Search
from cryoglean.types import FloatImage


@dataclass(frozen=True, eq=False)
class Poses:
    """How n crops are brought into the frame of their class averages.

    A point p of a crop, measured from its middle, lies in the class average at F R (p − shift), measured from
    the middle there: R turns by `angle` from x towards y, F mirrors x where `mirrored`. Without F these are
    RELION's psi, and the negative of its origin.

    Parameters
    ----------
    shift : ndarray, shape (n, 2)
        Centre of the particle, pixels from the middle of the crop, x, y.
    angle : ndarray, shape (n,)
        Degrees.
    mirrored : ndarray of bool, shape (n,)
        Whether the particle shows the mirror image.
    """

    shift: NDArray[np.float64]
    angle: NDArray[np.float64]
    mirrored: NDArray[np.bool_]

    @classmethod
    def of(cls, alignment: Alignment, members: NDArray[np.int64], search: Search, *, scale: float) -> Poses:
        """Take the poses of crops out of an alignment to several class averages.

        Parameters
        ----------
        alignment : Alignment
            Of n crops to k class averages.
        members : ndarray of int, shape (n,)
            Class of each crop.
        search : Search
            What was tried.
        scale : float
            Pixels of the crops to be brought over for one pixel of those that were aligned.
        """
        rows = np.arange(len(members))
        turn = alignment.turn[rows, members]
        shift = np.asarray(scale * search.shifts[alignment.shift[rows, members]], np.float64)
        angle = np.asarray(360.0 / search.angles * (turn % search.angles), np.float64)
        return cls(shift, angle, turn >= search.angles)


def in_class_frame(crops: FloatImage, poses: Poses, side: int) -> FloatImage:
    """Bring crops into the frame of their class averages, in one step of interpolation.

    Parameters
    ----------
    crops : ndarray of float32, shape (n, s, s)
        With s odd.
    poses : Poses
        Of each crop.
    side : int
        Rows and columns of the result, whose pixel ``side // 2`` is the middle.

    Returns
    -------
    ndarray of float32, shape (n, side, side)
        Zeros where a crop does not reach.
    """
    brought = np.zeros((len(crops), side, side), np.float32)
    middle = crops.shape[-1] // 2
    for image, crop, shift, angle, mirrored in zip(
        brought, crops, poses.shift, np.deg2rad(poses.angle), poses.mirrored, strict=True
    ):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        if mirrored:
            turn[0] *= -1
        offset = side // 2 - turn @ (middle + shift)
        cv2.warpAffine(crop, np.column_stack([turn, offset]), (side, side), dst=image, flags=cv2.INTER_LINEAR)
    return brought


def class_means(images: FloatImage, members: NDArray[np.int64], classes: int) -> FloatImage:
    """Average images of each class; zeros where a class has none.

    Parameters
    ----------
    images : ndarray of float32, shape (n, side, side)
        In the frame of their class averages.
    members : ndarray of int, shape (n,)
        Class of each.
    classes : int
        Number of classes.

    Returns
    -------
    ndarray of float32, shape (classes, side, side)
    """
    means = np.zeros((classes, *images.shape[1:]), np.float32)
    for number in np.unique(members):
        means[number] = images[members == number].mean(axis=0, dtype=np.float64)
    return means
