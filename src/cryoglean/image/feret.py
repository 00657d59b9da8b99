"""Feret diameters: the widths of an outline between parallel tangents."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Feret:
    """Widths of an outline, and the rectangle that the smallest of them gives.

    Parameters
    ----------
    longest, shortest : float
        Largest and smallest Feret diameter, pixels.
    across : float
        Width at right angles to the shortest, pixels.
    angle : float
        Direction of `across`, degrees from the x axis towards the y axis, in [-90, 90).
    centre : tuple of float
        x, y of the middle of the rectangle of the sides `across` and `shortest`.
    """

    longest: float
    shortest: float
    across: float
    angle: float
    centre: tuple[float, float]

    def shifted(self, x: float, y: float) -> Feret:
        """Return the same widths with the centre moved by (x, y) pixels."""
        return replace(self, centre=(self.centre[0] + x, self.centre[1] + y))


def measure_feret(outline: NDArray[np.int32]) -> Feret:
    """Measure the Feret diameters of an outline, and the rectangle they give.

    Parameters
    ----------
    outline : ndarray of int, shape (n, 1, 2) or (n, 2)
        Pixels, as x, y, of the border of a component; see `find_outlines`.

    Returns
    -------
    Feret
        Widths include the border pixels, so a single pixel is one pixel wide along the axes.

    Notes
    -----
    The smallest width of a convex polygon lies at right angles to one of its edges (Freeman and Shapira 1975,
    Commun. ACM 18:409). Al-Azzawi et al. (2019), algorithm 6.
    """
    # The corners of the outermost pixels, not their centres, bound the component.
    pixels = cv2.convexHull(np.asarray(outline, np.int32)).reshape(-1, 1, 2).astype(np.float32)
    corners = (pixels + np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], np.float32)).reshape(
        -1, 2
    )
    hull = cv2.convexHull(corners).reshape(-1, 2).astype(np.float64)
    edge = np.roll(hull, -1, axis=0) - hull
    along = edge / np.linalg.norm(edge, axis=1, keepdims=True)
    normal = np.column_stack([-along[:, 1], along[:, 0]])
    height = hull @ normal.T
    best = int(np.argmin(np.ptp(height, axis=0)))
    length = hull @ along[best]
    middle = along[best] * (length.max() + length.min()) / 2
    middle += normal[best] * (height[:, best].max() + height[:, best].min()) / 2
    angle = float(np.degrees(np.arctan2(along[best, 1], along[best, 0])))
    return Feret(
        longest=float(np.linalg.norm(hull[:, None] - hull, axis=2).max()),
        shortest=float(np.ptp(height[:, best])),
        across=float(np.ptp(length)),
        angle=(angle + 90) % 180 - 90,
        centre=(float(middle[0]), float(middle[1])),
    )
