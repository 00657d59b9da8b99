"""Picks in another frame: of a micrograph binned otherwise, or stored upside down."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.boxes import HEIGHT, WIDTH
from cryoglean.types import Picks

#: Shape of a micrograph of which nothing is known but fractions: places are between 0 and 1.
FRACTIONS = (1, 1)
#: Relative difference of the binning along x and along y that the rounding of sizes explains.
_AGREEMENT = 0.01
#: Further columns that are lengths in pixels.
LENGTHS = (WIDTH, HEIGHT, "EstWidth", "EstHeight")


def scaled(picks: Picks, factor: float, *, binning: Literal["crop", "average"] = "crop") -> Picks:
    """Return the picks in a micrograph of other pixels.

    Parameters
    ----------
    picks : Picks
        Of the micrograph as it was.
    factor : float
        Pixels of the new micrograph for one of the old: 4 for picks from micrographs binned by 4.
    binning : str
        How the coarser micrograph was made from the finer: 'crop' where its Fourier transform was cropped, as
        MotionCor2, RELION and cryoSPARC do; 'average' where blocks of pixels were averaged, as IMOD and EMAN
        do.

    Returns
    -------
    Picks
        With shape, pixel size and sizes of boxes to go with it; diameters in Å stay.

    Notes
    -----
    With pixel centres at integers, averaging blocks of s maps ``full = (low + 0.5) s - 0.5``; cropping the
    Fourier transform keeps the centre of pixel (0, 0), so ``full = low s``.
    """
    if picks.shape == FRACTIONS:
        return picks
    offset = (factor - 1) / 2 if binning == "average" else 0.0
    extra = {
        key: np.asarray(values) * factor if key in LENGTHS else values for key, values in picks.extra.items()
    }
    return replace(
        picks,
        xy=picks.xy * factor + offset,
        diameter=picks.diameter * (factor if picks.in_pixels else 1),
        shape=(round(picks.shape[0] * factor), round(picks.shape[1] * factor)),
        pixel_size=picks.pixel_size and picks.pixel_size / factor,
        extra=extra,
    )


def onto(picks: Picks, shape: tuple[int, int]) -> Picks:
    """Return the picks in the micrograph at hand, of the same field but maybe of other pixels.

    Parameters
    ----------
    picks : Picks
        Where the shape of their own micrograph is not known, they are taken to be in pixels of this one.
    shape : tuple of int
        (ny, nx) of the micrograph at hand.

    Raises
    ------
    CoordinateError
        It shows another field: its sides have other proportions.
    """
    if 0 in picks.shape or picks.shape == shape or not len(picks):
        return replace(picks, shape=shape)
    factors = np.array(shape) / np.array(picks.shape)
    moved = picks
    if picks.shape != FRACTIONS:
        if abs(factors[0] / factors[1] - 1) > _AGREEMENT:
            (own_ny, own_nx), (ny, nx) = picks.shape, shape
            cause = f"has {nx}×{ny} pixels, and its picks are of one of {own_nx}×{own_ny}"
            raise CoordinateError(
                picks.micrograph, cause, "give the micrographs that were picked, or binned ones"
            )
        moved = scaled(picks, float(np.sqrt(factors.prod())))
    return replace(moved, xy=picks.xy * factors[::-1], shape=shape)


def in_frame_of(picks: Picks, others: Picks) -> Picks:
    """Return the picks in the pixels of others of the same micrograph, as far as both say what those are.

    Raises
    ------
    CoordinateError
        They are of different fields.
    """
    return onto(picks, others.shape) if min(*picks.shape, *others.shape) else picks


def flipped_y(picks: Picks) -> Picks:
    """Return the picks in the micrograph with its rows in reverse order.

    Raises
    ------
    ValueError
        The shape of the micrograph is not known.
    """
    ny = picks.shape[0]
    if len(picks) and not ny:
        raise ValueError(f"{picks.name}: flipping needs the number of rows of the micrograph")
    return replace(picks, xy=np.column_stack([picks.xy[:, 0], ny - 1 - picks.xy[:, 1]]))


def with_box_size(picks: Picks, size: float) -> Picks:
    """Return the picks with square boxes of this many pixels."""
    sides = np.full(len(picks), size)
    return replace(picks, extra={**picks.extra, WIDTH: sides, HEIGHT: sides})
