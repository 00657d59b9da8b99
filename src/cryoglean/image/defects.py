"""What in a micrograph is no image: margins without data, and single pixels that the detector made up.

Motion correction leaves margins where frames did not overlap: constant, of whatever value, or with the last
row or column repeated. Hot pixels, and flipped bits, are far from all that surrounds them, and alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.image.spread import STD_PER_DEVIATION, median_deviation
from cryoglean.types import FloatImage, Micrograph, Picks

SAME = 0.98
"""A row without data has so large a part of its pixels the same, or like those of the next row."""
MIN_SIDE_PX = 16
"""Of fewer rows or columns nothing would be left to look at."""
SUSPICIOUS = 6.0
"""Pixels this many robust standard deviations from the median are compared with their neighbours."""
FAR = 10.0
"""They are replaced where they are so far from these, in their deviations."""
MAX_SUSPECTS = 0.05
"""Where more pixels than this part are, it is the micrograph that is unlike others, and not its pixels."""
MAX_TOGETHER = 6
"""So many neighbours are hot at once, as where an X-ray was absorbed; more of them are a thing."""
REACH_PX = 3
"""Neighbours are so many pixels away at most."""
SAMPLE = 100_000
"""So many pixels tell median and deviation of the whole."""


@dataclass(frozen=True, eq=False)
class SoundPart:
    """The part of a micrograph that holds an image, without hot pixels.

    Parameters
    ----------
    micrograph : Micrograph
        The part.
    whole : Micrograph
        What it is a part of.
    corner : tuple of int
        Its first row and column in the whole.
    """

    micrograph: Micrograph
    whole: Micrograph
    corner: tuple[int, int] = (0, 0)

    def placed(self, picks: Picks) -> Picks:
        """Return picks of the part as picks of the whole."""
        return replace(picks, xy=picks.xy + np.array(self.corner[::-1]), shape=self.whole.shape)

    def padded(self, image: FloatImage) -> FloatImage:
        """Return a map of the part, of whatever scale, as a map of the whole: 0 where there is no image."""
        (ny, nx), (my, mx) = self.whole.shape, self.micrograph.shape
        rows, columns = image.shape
        before = [
            round(start * n / m) for start, n, m in zip(self.corner, (rows, columns), (my, mx), strict=True)
        ]
        size = (round(ny * rows / my), round(nx * columns / mx))
        after = [
            max(0, total - n - first) for total, n, first in zip(size, (rows, columns), before, strict=True)
        ]
        return np.pad(image, list(zip(before, after, strict=True)))


def sound_part(micrograph: Micrograph) -> SoundPart:
    """Leave out the margins of a micrograph that hold no image, and replace hot pixels.

    Parameters
    ----------
    micrograph : Micrograph
        As recorded.

    Returns
    -------
    SoundPart
        The micrograph itself where nothing is wrong with it.
    """
    rows, columns = inner_part(micrograph.data)
    inner = micrograph.data[rows, columns]
    data = without_hot_pixels(inner)
    if data is micrograph.data or (data is inner and inner.shape == micrograph.shape):
        return SoundPart(micrograph, micrograph)
    return SoundPart(micrograph.with_data(data), micrograph, (rows.start, columns.start))


def inner_part(image: FloatImage) -> tuple[slice, slice]:
    """Find the part of an image within margins that are constant or repeat their last row or column.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        As recorded.

    Returns
    -------
    slice, slice
        Its rows and columns; all where what is left would be too small to be one.
    """
    rows, columns = slice(0, image.shape[0]), slice(0, image.shape[1])
    while True:
        found = _inner_rows(image[:, columns], rows), _inner_rows(image[rows].T, columns)
        if min(part.stop - part.start for part in found) < MIN_SIDE_PX:
            return slice(0, image.shape[0]), slice(0, image.shape[1])
        # Margins of different values cross in the corners, so that one may show only without the other.
        if found == (rows, columns):
            return found
        rows, columns = found


def without_hot_pixels(image: FloatImage) -> FloatImage:
    """Replace pixels that are far from all around them by the median of these.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        As recorded, without margins.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The image itself where there are none.
    """
    sample = image.ravel()[:: max(1, image.size // SAMPLE)]
    middle = float(np.median(sample))
    spread = STD_PER_DEVIATION * float(median_deviation(sample, middle))
    if spread <= 0:
        return image
    reach = SUSPICIOUS * spread
    if image.max() - middle <= reach and middle - image.min() <= reach:
        return image
    usual = cv2.inRange(np.ascontiguousarray(image), middle - reach, middle + reach)
    suspects = image.size - cv2.countNonZero(usual)
    if not 0 < suspects <= MAX_SUSPECTS * image.size:
        return image
    y, x = np.nonzero(usual == 0)
    values, around = image[y, x], _neighbours(image, y, x)
    local = np.median(around, axis=1)
    deviation = STD_PER_DEVIATION * np.median(np.abs(around - local[:, None]), axis=1)
    reach = FAR * np.maximum(deviation, spread / 2)
    alike = (np.abs(around - local[:, None]) > reach[:, None]).sum(axis=1)
    hot = (np.abs(values - local) > reach) & (alike <= MAX_TOGETHER)
    if not hot.any():
        return image
    mended = image.copy()
    mended[y[hot], x[hot]] = local[hot]
    return mended


def _inner_rows(image: FloatImage, rows: slice) -> slice:
    """Leave out rows without data at both ends."""
    start, stop = rows.start, rows.stop
    # In an image that was enlarged by repeating pixels, rows like their neighbours mean nothing.
    places = range(start, stop - 4, max(4, (stop - start) // 8))
    enlarged = all(any(_is_same(image[y], image[y + 1]) for y in range(first, first + 4)) for first in places)
    while start < stop - 1 and _is_empty(image[start], None if enlarged else image[start + 1]):
        start += 1
    while stop - 1 > start and _is_empty(image[stop - 1], None if enlarged else image[stop - 2]):
        stop -= 1
    return slice(start, stop)


def _is_empty(row: FloatImage, further_in: FloatImage | None) -> bool:
    """Return whether a row is constant, or repeats the one beside it, but for a few hot pixels."""
    if further_in is not None and _is_same(row, further_in):
        return True
    # The median as one of the values: the mean of two may be none, or overflow.
    return _is_same(row, np.partition(row, len(row) // 2)[len(row) // 2])


def _is_same(row: FloatImage, other: FloatImage | np.float32) -> bool:
    return bool(np.count_nonzero(row == other) >= SAME * len(row))


def _neighbours(image: FloatImage, y: NDArray[np.intp], x: NDArray[np.intp]) -> FloatImage:
    """Return the pixels around some, one row for each; beyond the border the image is reflected."""
    framed = np.pad(image, REACH_PX, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(framed, (2 * REACH_PX + 1, 2 * REACH_PX + 1))
    return np.asarray(windows[y, x].reshape(len(y), -1), np.float32)
