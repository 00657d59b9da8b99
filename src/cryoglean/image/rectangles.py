"""Side views: near-square components of a mask, and the rectangles their Feret diameters give."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.image.feret import Feret, measure_feret
from cryoglean.image.masks import fill_holes, find_outlines
from cryoglean.image.settings import RectangleConfig
from cryoglean.types import Mask

SQUARE_ON_DISC = 0.834
"""Common over joint area of a square and the disc of the same area and centre."""


@dataclass(frozen=True, eq=False)
class Rectangles:
    """Rectangles found in a mask, the most certain first.

    Parameters
    ----------
    xy : ndarray of float64, shape (n, 2)
        Centres, pixels.
    sides : ndarray of float64, shape (n, 2)
        Side along `angle` and side across it, pixels.
    angle : ndarray of float64, shape (n,)
        Direction of the first side, degrees from the x axis towards the y axis.
    squareness : ndarray of float64, shape (n,)
        How much better than a disc the rectangle describes its component, in [0, 1]; see
        `measure_squareness`.
    longest : ndarray of float64, shape (n,)
        Largest Feret diameter of the component, pixels.
    """

    xy: NDArray[np.float64]
    sides: NDArray[np.float64]
    angle: NDArray[np.float64]
    squareness: NDArray[np.float64]
    longest: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.xy)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> Rectangles:
        """Return the rectangles that an index array or a boolean mask selects."""
        columns = (self.xy, self.sides, self.angle, self.squareness, self.longest)
        return Rectangles(*(column[index] for column in columns))

    def contain(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points (n, 2) lie in any of the rectangles."""
        angle = np.radians(self.angle)
        shift = xy[:, None, :] - self.xy
        along = shift[..., 0] * np.cos(angle) + shift[..., 1] * np.sin(angle)
        across = shift[..., 1] * np.cos(angle) - shift[..., 0] * np.sin(angle)
        within = (2 * np.abs(along) <= self.sides[:, 0]) & (2 * np.abs(across) <= self.sides[:, 1])
        return np.asarray(within.any(axis=1), np.bool_)


NO_RECTANGLES = Rectangles(*(np.zeros(shape) for shape in ((0, 2), (0, 2), 0, 0, 0)))


def find_rectangles(mask: Mask, diameter_px: float, config: RectangleConfig | None = None) -> Rectangles:
    """Find the particles seen from the side, as near-square components of a mask.

    Particles that touch come free one after the other under openings of rising size; what is found at one
    is taken out before the next. Components that the border of the mask cuts are left out: a disc looks
    square there.

    Parameters
    ----------
    mask : ndarray of bool, shape (ny, nx)
        The cleaned mask, without the circular objects (`erase_circles`).
    diameter_px : float
        Particle diameter in pixels of the mask.
    config : RectangleConfig, optional
        The limits.

    Returns
    -------
    Rectangles
        Those whose longest Feret diameter is an outlier, as overlapping side views have it, are left out.

    Notes
    -----
    Al-Azzawi et al. (2019), algorithms 4 to 6.
    """
    config = config or RectangleConfig()
    rest = mask.copy()
    found: list[tuple[Feret, float]] = []
    for size in config.openings:
        for place, component in _open_components(
            rest,
            2 * round(size * diameter_px / 2) + 1,
            (config.min_area * diameter_px**2, config.max_area * diameter_px**2),
        ):
            feret = measure_feret(find_outlines(component)[0])
            if feret.shortest < config.min_ratio * feret.across:
                continue
            overlap, squareness = measure_squareness(component)
            if overlap >= config.min_overlap and squareness > 0:
                found.append((feret.shifted(place[1].start, place[0].start), squareness))
                rest[place] &= ~component
    return _without_outliers(_collect(found), config.longest) if found else NO_RECTANGLES


def measure_squareness(component: Mask) -> tuple[float, float]:
    """Compare a component with the rectangle and with the disc of its own area and centre.

    The rectangle has the direction of the component's fourth moment, which is sharp for squares too, and the
    ratio of sides of its second moments along and across.

    Parameters
    ----------
    component : ndarray of bool, shape (ny, nx)
        The component in its window.

    Returns
    -------
    overlap : float
        Common over joint area of the component and the rectangle.
    squareness : float
        By how much that exceeds the overlap with the disc: 1 for a perfect square, negative for discs.
    """
    y, x = np.nonzero(component)
    place = (x - x.mean()) + 1j * (y - y.mean())
    # The corners of a square lie at odd multiples of 45° from its sides, hence the minus.
    turned = place * np.exp(-0.25j * np.angle(-np.mean(np.square(np.square(place)))))
    ratio = max(float(np.std(turned.real)), 0.3) / max(float(np.std(turned.imag)), 0.3)
    area = len(place)
    in_rectangle = (2 * np.abs(turned.real) <= math.sqrt(area * ratio)) & (
        2 * np.abs(turned.imag) <= math.sqrt(area / ratio)
    )
    in_disc = np.abs(place) <= math.sqrt(area / math.pi)
    # Equal areas, so that the joint area is twice the area less the common one.
    rectangle, disc = (common / (2 * area - common) for common in (in_rectangle.sum(), in_disc.sum()))
    return float(rectangle), float(min((rectangle - disc) / (1 - SQUARE_ON_DISC), 1))


def _open_components(
    mask: Mask, width: int, area: tuple[float, float]
) -> Iterator[tuple[tuple[slice, slice], Mask]]:
    """Open a mask by a disc; give window and filled shape of each component that the border does not cut.

    Only of those whose area in pixels is within the limits.
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    opened = fill_holes(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc) > 0)
    _, label, stats, _ = cv2.connectedComponentsWithStats(opened.astype(np.uint8), connectivity=8)
    right_size = (stats[1:, cv2.CC_STAT_AREA] >= area[0]) & (stats[1:, cv2.CC_STAT_AREA] <= area[1])
    for number in 1 + np.flatnonzero(right_size):
        left, top, columns, rows = stats[number, :4].tolist()
        if left > 0 and top > 0 and left + columns < mask.shape[1] and top + rows < mask.shape[0]:
            place = (slice(top, top + rows), slice(left, left + columns))
            yield place, label[place] == number


def _collect(found: list[tuple[Feret, float]]) -> Rectangles:
    found = sorted(found, key=lambda pair: -pair[1])
    ferets = [feret for feret, _ in found]
    return Rectangles(
        xy=np.array([feret.centre for feret in ferets]),
        sides=np.array([(feret.across, feret.shortest) for feret in ferets]),
        angle=np.array([feret.angle for feret in ferets]),
        squareness=np.array([squareness for _, squareness in found]),
        longest=np.array([feret.longest for feret in ferets]),
    )


def _without_outliers(rectangles: Rectangles, most: float) -> Rectangles:
    """Leave out those longer than `most` medians: overlapping side views are far longer than single ones."""
    return rectangles[rectangles.longest <= most * np.median(rectangles.longest)]
