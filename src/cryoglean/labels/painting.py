"""Label images: one particle after another pasted into a micrograph's field."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.labels.poses import RefinedParticles
from cryoglean.labels.reprojection import Reprojector
from cryoglean.labels.settings import LabelConfig
from cryoglean.simulate.canvas import overlap
from cryoglean.simulate.masks import paste_label
from cryoglean.simulate.projection import euler_angles

CLASSES = ("background", "particle", "contamination", "ignored")
"""Class i of a label image."""
BACKGROUND, PARTICLE, CONTAMINATION, IGNORED = range(len(CLASSES))


@dataclass(frozen=True, eq=False)
class LabelImage:
    """What is where in one micrograph.

    Parameters
    ----------
    name : str
        The micrograph's name.
    pixel_size : float
        Å per pixel.
    classes : array of uint8, shape (ny, nx)
        See `CLASSES`. A ring along outlines is to be ignored, where a mask is a matter of taste.
    instances : array of int32, shape (ny, nx)
        i + 1 for particle i, 0 elsewhere; the ring does not show here.
    contamination : array of uint8, shape (ny, nx)
        One bit a kind, in the order of `dataset.contamination.KINDS`; 0 under particles.
    xy : array, shape (n, 2)
        Centres of the particles after refinement, pixels.
    euler : array, shape (n, 3)
        rot, tilt and psi of each, degrees.
    area : array, shape (n,)
        Pixels of each whole mask.
    visible : array, shape (n,)
        Fraction of each mask that shows: inside the field, and not given to a nearer neighbour.
    diameter : float
        The particle's, Å.
    """

    name: str
    pixel_size: float
    classes: NDArray[np.uint8]
    instances: NDArray[np.int32]
    contamination: NDArray[np.uint8]
    xy: NDArray[np.float64]
    euler: NDArray[np.float64]
    area: NDArray[np.int64]
    visible: NDArray[np.float64]
    diameter: float

    def __len__(self) -> int:
        return len(self.xy)

    def share(self, kind: str) -> float:
        """Fraction of the field that is of a class."""
        return float(np.mean(self.classes == CLASSES.index(kind)))


@dataclass(frozen=True, eq=False)
class Field:
    """Where labels are painted: a micrograph's shape (ny, nx), its pixel size in Å, and its contamination.

    The last has one bit a kind, in the order of `dataset.contamination.KINDS`.
    """

    shape: tuple[int, int]
    pixel_size: float
    contamination: NDArray[np.uint8] | None = None


def paint_labels(
    particles: RefinedParticles, reprojector: Reprojector, *, field: Field, config: LabelConfig
) -> LabelImage:
    """Label one micrograph.

    A pixel that two particles claim goes to the one whose centre is nearer. Particles win over contamination,
    as they have been refined from there.

    Parameters
    ----------
    particles : RefinedParticles
        The micrograph's particles.
    reprojector : Reprojector
        Gives their masks.
    field : Field
        The micrograph.
    config : LabelConfig
        Width of the ignored ring.
    """
    centres = particles.centres(field.pixel_size)
    instances = np.zeros(field.shape, np.int32)
    area = np.zeros(len(particles), np.int64)
    for i, (rotation, centre) in enumerate(zip(particles.rotation, centres, strict=True)):
        patch = reprojector.mask(rotation, (centre[0], centre[1]), pixel_size=field.pixel_size)
        area[i] = patch.mask.sum()
        if overlap(field.shape, patch.corner, (patch.mask.shape[0], patch.mask.shape[1])):
            paste_label(instances, patch.mask, patch.corner, index=i, centres=centres)
    shown = np.bincount(instances.ravel(), minlength=len(particles) + 1)[1:]
    particle = instances > 0
    given = np.zeros(field.shape, np.uint8) if field.contamination is None else field.contamination
    visible = given * ~particle
    width = config.ring * reprojector.diameter / field.pixel_size
    return LabelImage(
        name=particles.name,
        pixel_size=field.pixel_size,
        classes=classes_of(particle, visible > 0, ring_px=width),
        contamination=visible,
        instances=instances,
        xy=centres,
        euler=euler_angles(particles.rotation),
        area=area,
        visible=shown / np.maximum(area, 1),
        diameter=reprojector.diameter,
    )


def classes_of(
    particle: NDArray[np.bool_], contamination: NDArray[np.bool_], *, ring_px: float
) -> NDArray[np.uint8]:
    """Join masks into one image of classes.

    Parameters
    ----------
    particle : array of bool, shape (ny, nx)
        All particles.
    contamination : array of bool, shape (ny, nx)
        What else is there.
    ring_px : float
        Width of the ring that is ignored, half of it on either side of an outline, pixels.

    Returns
    -------
    array of uint8, shape (ny, nx)
        See `CLASSES`.
    """
    classes = particle.astype(np.uint8) * np.uint8(PARTICLE)
    classes[contamination & ~particle] = CONTAMINATION
    # Pixels next to an outline are half a pixel off it, and a whole one from the other side.
    reach = int(ring_px / 2 + 0.5)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = (np.hypot(x, y) < ring_px / 2 + 0.5).astype(np.uint8)
    mask = particle.astype(np.uint8)
    classes[cv2.dilate(mask, disc) != cv2.erode(mask, disc)] = IGNORED
    return classes
