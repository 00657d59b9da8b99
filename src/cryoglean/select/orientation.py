"""Which way up picks are: whether they lie on particles as they are, or in the mirrored micrograph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.types import FloatImage, Micrograph, Picks

Orientation = Literal["as given", "flipped", "undecided"]

# Widths of particles, as parts of the shorter side of the micrograph.
_SIZES = (0.01, 0.015, 0.025, 0.04, 0.06, 0.09)
# Standard errors by which particles must stand out, and how much more so than in the mirrored micrograph.
_CLEAR = 6.0
_CLEARER = 2.0


def orientation(pairs: Iterable[tuple[Micrograph, Picks]]) -> Orientation:
    """Decide whether the picks of a data set are upside down in y.

    A particle differs from its surroundings, in whichever direction; a place without one does not, on
    average. In the wrong orientation picks fall on places anywhere, so only one of the two orientations shows
    contrast.

    Parameters
    ----------
    pairs : iterable of (Micrograph, Picks)
        Some micrographs of the data set with their picks. All have the same orientation.

    Returns
    -------
    str
        'as given', 'flipped', or 'undecided' where neither shows contrast or both do.
    """
    evidence = [contrasts(micrograph, picks) for micrograph, picks in pairs if len(picks)]
    if not evidence:
        return "undecided"
    # Each is in standard errors, so the sum of k has the standard error √k; the best size counts.
    total = np.abs(np.sum(evidence, axis=0)).max(axis=1) / np.sqrt(len(evidence))
    better = int(np.argmax(total))
    if total[better] < _CLEAR or total[better] < _CLEARER * total[1 - better]:
        return "undecided"
    return ("as given", "flipped")[better]


def contrasts(micrograph: Micrograph, picks: Picks) -> NDArray[np.float64]:
    """Measure how far the picked places differ from what surrounds them.

    Parameters
    ----------
    micrograph : Micrograph
        The micrograph.
    picks : Picks
        At least one.

    Returns
    -------
    ndarray, shape (2, sizes)
        Mean contrast as given and flipped, in standard errors of as many places taken anywhere, for squares
        of several widths: diameters that come with picks are often missing or wrong.
    """
    ny, nx = micrograph.shape
    column = np.clip(np.rint(picks.xy[:, 0]).astype(int), 0, nx - 1)
    row = np.clip(np.rint(picks.xy[:, 1]).astype(int), 0, ny - 1)
    measured = np.empty((2, len(_SIZES)))
    for i, size in enumerate(_SIZES):
        contrast = _centre_against_surround(micrograph.data, size * min(ny, nx))
        places = np.stack([contrast[row, column], contrast[ny - 1 - row, column]])
        measured[:, i] = (places.mean(axis=1) - contrast.mean()) / max(float(contrast.std()), 1e-30)
    measured *= np.sqrt(len(picks))
    return measured


def _centre_against_surround(image: FloatImage, width: float) -> FloatImage:
    """Mean of the square about each pixel less the mean of the one twice as wide."""
    inner, outer = (2 * round(size / 2) + 1 for size in (0.8 * width, 2 * width))
    return cv2.blur(image, (inner, inner)) - cv2.blur(image, (outer, outer))
