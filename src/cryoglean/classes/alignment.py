"""Crops against class averages: the turn, mirror image and shift at which they agree best."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft
from threadpoolctl import ThreadpoolController

from cryoglean.types import FloatImage

_NO_MATCH = -2.0
"""Below every correlation."""
_BLOCK = 64
"""So many crops are aligned at once: what they give stays in the processor's cache."""


@dataclass(frozen=True)
class Search:
    """Which turns, mirror images and shifts are tried.

    Parameters
    ----------
    side : int
        Rows and columns of a class average, odd.
    radius : float
        Radius of the disc in which images are compared, pixels.
    angles : int
        Turns tried, evenly over the full circle.
    reach : float
        Largest shift tried, pixels; every whole pixel within it is tried.
    """

    side: int
    radius: float
    angles: int = 24
    reach: float = 2.0

    def __post_init__(self) -> None:
        if self.side % 2 == 0:
            raise ValueError(f"a class average has an odd side, got {self.side}")

    @property
    def border(self) -> int:
        """By how many pixels on each side crops must exceed class averages."""
        return int(np.floor(self.reach))

    @property
    def crop_side(self) -> int:
        """Rows and columns of a crop."""
        return self.side + 2 * self.border

    @cached_property
    def disc(self) -> NDArray[np.bool_]:
        """Pixels that are compared, shape (side, side)."""
        reach = np.arange(self.side) - self.side // 2
        inside: NDArray[np.bool_] = reach[:, None] ** 2 + reach[None, :] ** 2 <= self.radius**2
        return inside

    @cached_property
    def shifts(self) -> NDArray[np.int64]:
        """Shifts that are tried, as x, y, shape (n, 2); the shortest first."""
        line = np.arange(-self.border, self.border + 1)
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        grid = grid[(grid**2).sum(axis=1) <= self.reach**2 + 1e-9]
        ordered: NDArray[np.int64] = grid[np.argsort((grid**2).sum(axis=1), kind="stable")]
        return ordered

    def window(self, shift: NDArray[np.int64]) -> tuple[slice, slice]:
        """Part of a crop that a class average covers when its middle is shifted by (x, y)."""
        column, row = self.border + shift
        return slice(row, row + self.side), slice(column, column + self.side)


@dataclass(frozen=True, eq=False)
class Alignment:
    """How n crops agree best with each of k class averages.

    Parameters
    ----------
    correlation : ndarray of float32, shape (n, k)
        Normalised cross-correlation in the disc, −1 to 1.
    shift : ndarray of int, shape (n, k)
        Index into `Search.shifts`.
    turn : ndarray of int, shape (n, k)
        Number of the turn; from `Search.angles` on, of the mirror image.
    """

    correlation: FloatImage
    shift: NDArray[np.int64]
    turn: NDArray[np.int64]


def align(crops: FloatImage, averages: FloatImage, search: Search) -> Alignment:
    """Align crops to class averages by trying every turn, mirror image and shift.

    All of them are one product of matrices for each shift, which is as fast as a processor can be. Crops
    are worked on in blocks, several at once where SciPy may use several workers; results do not depend on it.

    Parameters
    ----------
    crops : ndarray of float32, shape (n, s, s)
        With s = `search.crop_side`.
    averages : ndarray of float32, shape (k, side, side)
        The class averages.
    search : Search
        What is tried.

    Returns
    -------
    Alignment
        The best of each crop with each class average.
    """
    bank, classes = _bank(averages, search), len(averages)
    blocks = [crops[start : start + _BLOCK] for start in range(0, max(1, len(crops)), _BLOCK)]
    # Threads of BLAS wait for each other busily, which takes several times the work where cores are shared.
    with _blas().limit(limits=1, user_api="blas"), ThreadPoolExecutor(fft.get_workers()) as pool:
        found = list(pool.map(lambda block: _align_block(block, bank, search, classes=classes), blocks))
    return Alignment(
        np.concatenate([one.correlation for one in found]),
        np.concatenate([one.shift for one in found]),
        np.concatenate([one.turn for one in found]),
    )


def _align_block(crops: FloatImage, bank: FloatImage, search: Search, *, classes: int) -> Alignment:
    number = len(crops)
    correlation = np.full((number, classes), _NO_MATCH, np.float32)
    best_shift = np.zeros((number, classes), np.int64)
    best_turn = np.zeros((number, classes), np.int64)
    for index, shift in enumerate(search.shifts):
        flat = _standardised(crops[:, *search.window(shift)][:, search.disc])
        agreement = (flat @ bank.T).reshape(number, classes, -1)
        turn = agreement.argmax(axis=2)
        here = np.take_along_axis(agreement, turn[:, :, None], axis=2)[:, :, 0]
        better = here > correlation
        correlation[better], best_turn[better] = here[better], turn[better]
        best_shift[better] = index
    return Alignment(correlation, best_shift, best_turn)


def align_back(crop: FloatImage, search: Search, *, shift: int, turn: int) -> FloatImage:
    """Bring a crop into the frame of the class average that it was aligned to.

    Parameters
    ----------
    crop : ndarray of float32, shape (s, s)
        With s = `search.crop_side`.
    search : Search
        What was tried.
    shift, turn : int
        As in `Alignment`.

    Returns
    -------
    ndarray of float32, shape (side, side)
    """
    angle = 360.0 / search.angles * (turn % search.angles)
    upright = _turned(crop[search.window(search.shifts[shift])], -angle)
    return upright[:, ::-1] if turn >= search.angles else upright


@cache
def _blas() -> ThreadpoolController:
    """Return what bounds the threads of numerical libraries; finding them takes time."""
    return ThreadpoolController()


def _bank(averages: FloatImage, search: Search) -> FloatImage:
    """Every class average in every turn, and its mirror image, as standardised rows."""
    step = 360.0 / search.angles
    rows = [
        _turned(image, step * number)[search.disc]
        for average in averages
        for image in (average, average[:, ::-1])
        for number in range(search.angles)
    ]
    return _standardised(np.array(rows, np.float32).reshape(-1, int(search.disc.sum())))


def _standardised(rows: FloatImage) -> FloatImage:
    """Rows with mean 0 and length 1; flat ones become 0."""
    level = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(level, axis=1, keepdims=True)
    return np.asarray(level / np.maximum(length, 1e-6), np.float32)


def _turned(image: FloatImage, degrees: float) -> FloatImage:
    middle = (image.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, 1.0)
    turned = cv2.warpAffine(np.ascontiguousarray(image), matrix, image.shape[::-1], flags=cv2.INTER_LINEAR)
    return np.asarray(turned, np.float32)
