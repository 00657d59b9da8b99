"""Particles of two shapes at random turns, mirror images and places, in noise."""

from dataclasses import dataclass

import cv2
import numpy as np

from cryoglean.classes.poses import Poses, in_class_frame

SIDE = 96
"""Side of the pictures that shapes are drawn in, pixels; the particle measures 32."""


@dataclass(frozen=True)
class Drawn:
    """Crops, the shape of each, and where its centre lies from the middle of the crop."""

    crops: np.ndarray
    shape: np.ndarray
    shift: np.ndarray


def shapes() -> np.ndarray:
    """A bent bar with a knob, which its mirror image is unlike, and a ring that is thick on one side."""
    y, x = (np.mgrid[:SIDE, :SIDE] - SIDE // 2) / 16.0
    bar = (np.abs(x) < 0.9) & (np.abs(y) < 0.22)
    bar |= (np.hypot(x - 0.65, y - 0.45) < 0.35) | (np.hypot(x + 0.7, y + 0.3) < 0.25)
    radius = np.hypot(x, y)
    ring = (radius < 0.95) & (np.hypot(x - 0.15, y) > 0.6) | (np.hypot(x, y - 0.2) < 0.2)
    drawn = [cv2.GaussianBlur(one.astype(np.float32), (0, 0), 1.2) for one in (bar, ring)]
    return np.stack(drawn)


def draw_particles(
    rng: np.random.Generator, number: int, *, side: int, noise: float, farthest: float = 3.0
) -> Drawn:
    """Draw particles of both shapes, each with its centre up to `farthest` pixels off in x and y."""
    kind = rng.integers(0, 2, number)
    shift = rng.uniform(-farthest, farthest, (number, 2))
    # A picture is turned by `angle` and mirrored; then its middle goes to the particle's place.
    poses = Poses(np.zeros((number, 2)), rng.uniform(0, 360, number), rng.random(number) < 0.5)
    turned = in_class_frame(np.pad(shapes(), ((0, 0), (0, 1), (0, 1)))[kind], poses, SIDE)
    crops = np.stack([_moved(one, by, side) for one, by in zip(turned, shift, strict=True)])
    crops += rng.normal(0, noise, crops.shape).astype(np.float32)
    return Drawn(crops.astype(np.float32), kind, shift)


def _moved(picture: np.ndarray, by: np.ndarray, side: int) -> np.ndarray:
    """Cut the middle of a picture that is moved by a vector."""
    offset = side // 2 - SIDE // 2 + by
    return cv2.warpAffine(picture, np.column_stack([np.eye(2), offset]), (side, side))
