"""Figures of merit of particle masks, pixel by pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cryoglean.types import Mask, Picks


@dataclass(frozen=True)
class MaskMerit:
    """How well a mask of particle pixels agrees with the true one.

    Parameters
    ----------
    tp, fp, tn, fn : int
        Pixels truly and falsely called particle, truly and falsely called background.

    Notes
    -----
    The figures are those of the clustering tables of Al-Azzawi et al. (2019), BMC Bioinformatics 20, 326, in
    their usual definitions. A figure with nothing to divide by is 0.
    """

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def sensitivity(self) -> float:
        """Share of the particle pixels that are found; also called recall."""
        return self.tp / max(self.tp + self.fn, 1)

    @property
    def specificity(self) -> float:
        """Share of the background pixels that are left alone."""
        return self.tn / max(self.tn + self.fp, 1)

    @property
    def precision(self) -> float:
        """Share of the found pixels that are particle."""
        return self.tp / max(self.tp + self.fp, 1)

    @property
    def accuracy(self) -> float:
        """Share of all pixels that are called rightly."""
        return (self.tp + self.tn) / max(self.tp + self.fp + self.tn + self.fn, 1)

    @property
    def misclassification(self) -> float:
        """Share of all pixels that are called wrongly."""
        return (self.fp + self.fn) / max(self.tp + self.fp + self.tn + self.fn, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and sensitivity; on masks it is the Dice coefficient by another name."""
        return 2 * self.tp / max(2 * self.tp + self.fp + self.fn, 1)

    @property
    def dice(self) -> float:
        """Dice coefficient, twice the common area by the sum of both areas; identical to `f1`."""
        return self.f1

    def as_dict(self) -> dict[str, float]:
        """Every figure by name, ready for JSON."""
        return {
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
            "precision": self.precision,
            "misclassification": self.misclassification,
            "f1": self.f1,
            "accuracy": self.accuracy,
            "dice": self.dice,
        }


def compare_masks(truth: Mask, found: Mask) -> MaskMerit:
    """Count the pixels on which two masks agree and disagree.

    Parameters
    ----------
    truth, found : ndarray of bool, same shape
        True where there is particle.

    Raises
    ------
    ValueError
        The shapes differ.
    """
    if truth.shape != found.shape:
        raise ValueError(f"masks of different shape: {truth.shape} and {found.shape}")
    table = np.bincount(2 * truth.astype(bool).ravel() + found.astype(bool).ravel(), minlength=4)
    tn, fp, fn, tp = (int(count) for count in table)
    return MaskMerit(tp=tp, fp=fp, tn=tn, fn=fn)


def particle_overlaps(labels: NDArray[np.integer], found: Mask, *, reach_px: float) -> NDArray[np.float64]:
    """Overlap of each particle's mask with what was found of it, common over joint area.

    A found pixel outside all particles counts against the nearest one, as long as it lies within reach; what
    is found farther away is a false particle rather than a bad outline.

    Parameters
    ----------
    labels : ndarray of int, shape (ny, nx)
        i + 1 for the pixels of particle i, 0 for background.
    found : ndarray of bool, shape (ny, nx)
        Pixels called particle.
    reach_px : float
        In pixels.

    Returns
    -------
    ndarray of float64, shape (n,)
        For each particle up to the highest label; NaN where none of its pixels lies in the image.

    Raises
    ------
    ValueError
        The shapes differ.

    Notes
    -----
    The intersection over union of Zhang et al. (2019), BMC Bioinformatics 20, 41.
    """
    if labels.shape != found.shape:
        raise ValueError(f"labels and mask of different shape: {labels.shape} and {found.shape}")
    distance, (row, column) = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    owner = np.where(distance <= reach_px, labels[row, column], 0)
    count = int(labels.max(initial=0)) + 1
    area = np.bincount(labels.ravel(), minlength=count)[1:]
    common = np.bincount(labels[found], minlength=count)[1:]
    taken = np.bincount(owner[found], minlength=count)[1:]
    joint = area + taken - common
    return np.where(area > 0, common / np.maximum(joint, 1), np.nan)


def paint_discs(picks: Picks, shape: tuple[int, int], *, diameter_px: float | None = None) -> Mask:
    """Draw every pick as a filled disc, as labels are painted.

    Parameters
    ----------
    picks : Picks
        Centres in pixels of the image to draw.
    shape : tuple of int
        (ny, nx) of the image.
    diameter_px : float, optional
        Diameter of the discs in pixels; the picks' own where not given.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True at the pixels whose centre lies within a disc.

    Raises
    ------
    ValueError
        A pick has no diameter and none is given.
    """
    diameters = picks.diameter_px if diameter_px is None else np.full(len(picks), diameter_px)
    if not np.all(np.isfinite(diameters)):
        raise ValueError(f"picks of {picks.name!r} without diameter: give one in pixels")
    mask = np.zeros(shape, bool)
    every_row, every_column = np.arange(shape[0])[:, None], np.arange(shape[1])
    for (x, y), radius in zip(picks.xy, diameters / 2, strict=True):
        window = tuple(
            slice(max(0, math.ceil(centre - radius)), max(0, math.floor(centre + radius) + 1))
            for centre in (y, x)
        )
        rows, columns = every_row[window[0]], every_column[window[1]]
        mask[window] |= (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
    return mask
