"""The padded field that a micrograph is composed on, and pasting into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from cryoglean.simulate.optics import wavelength
from cryoglean.simulate.settings import Conditions

Window = tuple[tuple[slice, slice], tuple[slice, slice]]


@dataclass(frozen=True)
class Canvas:
    """A micrograph's field with a margin about it, so that what lies outside still reaches in.

    Parameters
    ----------
    size : tuple of int
        Rows and columns of the micrograph itself.
    shape : tuple of int
        Rows and columns with the margin, of lengths that transform quickly.
    margin : int
        Pixels before the micrograph's first row and column.
    pixel_size : float
        Å per pixel.
    """

    size: tuple[int, int]
    shape: tuple[int, int]
    margin: int
    pixel_size: float

    @classmethod
    def around(cls, conditions: Conditions, diameter: float) -> Canvas:
        """Make room for particles that are cut by the border and for the contrast that defocus carries away.

        An object's contrast at the frequency k spreads by wavelength × defocus × k; 1/15 Å is taken, beyond
        which little contrast is left.
        """
        optics = conditions.optics
        spread = wavelength(optics.voltage_kv) * abs(optics.defocus) / 15
        margin = int(np.ceil((diameter / 2 + spread) / conditions.pixel_size))
        rows, columns = (fft.next_fast_len(n + 2 * margin, real=True) for n in conditions.size)
        return cls(conditions.size, (rows, columns), margin, conditions.pixel_size)

    @property
    def extent(self) -> tuple[float, float]:
        """Height and width with the margin, Å."""
        return self.shape[0] * self.pixel_size, self.shape[1] * self.pixel_size

    @property
    def field(self) -> tuple[slice, slice]:
        """The micrograph's own pixels."""
        m = self.margin
        return slice(m, m + self.size[0]), slice(m, m + self.size[1])


def overlap(shape: tuple[int, int], corner: tuple[int, int], patch: tuple[int, int]) -> Window | None:
    """Slices into a canvas and into a patch whose first pixel lies at `corner`; None where they are apart."""
    into, out_of = [], []
    for length, start, extent in zip(shape, corner, patch, strict=True):
        low, high = max(start, 0), min(start + extent, length)
        if low >= high:
            return None
        into.append(slice(low, high))
        out_of.append(slice(low - start, high - start))
    return (into[0], into[1]), (out_of[0], out_of[1])


def add(canvas: NDArray[np.float32], patch: NDArray[np.float32], corner: tuple[int, int]) -> None:
    """Add a patch in place; what lies outside is dropped."""
    window = overlap((canvas.shape[0], canvas.shape[1]), corner, (patch.shape[0], patch.shape[1]))
    if window:
        canvas[window[0]] += patch[window[1]]


def mark(canvas: NDArray[np.uint8], mask: NDArray[np.bool_], corner: tuple[int, int], *, bit: int) -> None:
    """Set one bit in place where a mask holds."""
    window = overlap((canvas.shape[0], canvas.shape[1]), corner, (mask.shape[0], mask.shape[1]))
    if window:
        canvas[window[0]] |= mask[window[1]].astype(np.uint8) << bit
