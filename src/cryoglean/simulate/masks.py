"""Masks of particles from their noise-free projections."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.simulate.canvas import overlap


def particle_mask(projection: NDArray[np.float32], smoothing_px: float) -> NDArray[np.bool_]:
    """Binarise a projection: smooth it, cut it at `particle_bound`, and fill what is enclosed.

    Parameters
    ----------
    projection : array of float32, shape (n, n)
        Noise-free, bright where there is matter.
    smoothing_px : float
        Standard deviation of the Gaussian that makes one blob of a particle's atoms, pixels; a fortieth of
        the diameter does.

    Returns
    -------
    array of bool, shape (n, n)
        A cavity or a ring's hole counts as particle: it has the particle's centre.
    """
    smooth = cv2.GaussianBlur(np.maximum(projection, 0), (0, 0), max(smoothing_px, 0.3))
    return filled(np.asarray(smooth > particle_bound(np.asarray(smooth, np.float32)), np.bool_))


def particle_bound(smooth: NDArray[np.float32]) -> float:
    """Find the value above which a projection is particle: the square of Otsu's threshold of its root.

    Of the projection itself Otsu's threshold parts a particle's thick domains from its thin ones, which are
    as good as lost; of the root it parts the particle from what surrounds it.

    Parameters
    ----------
    smooth : array of float32, shape (n, n)
        A projection, smoothed, without negative values.

    Notes
    -----
    Otsu, IEEE Trans. Syst. Man Cybern. 1979, 9, 62.
    """
    top = float(smooth.max())
    if top <= 0:
        return 0.0
    levels = np.round(255 * np.sqrt(smooth / top)).astype(np.uint8)
    bound = float(cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0])
    # Levels above the one found are particle: the bound lies between it and the next.
    return top * ((bound + 0.5) / 255) ** 2


def filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill what a mask encloses."""
    binary = mask.astype(np.uint8)
    outlines = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    solid = cv2.drawContours(np.zeros_like(binary), outlines, -1, 1, cv2.FILLED)
    return np.asarray(solid, np.bool_)


def paste_label(
    labels: NDArray[np.int32],
    mask: NDArray[np.bool_],
    corner: tuple[int, int],
    *,
    index: int,
    centres: NDArray[np.float64],
) -> None:
    """Write one particle's mask into a label image, in place.

    Parameters
    ----------
    labels : array of int32
        0 for background, i + 1 for particle i.
    mask : array of bool
        The particle's pixels.
    corner : tuple of int
        Row and column of the mask's first pixel.
    index : int
        Which particle.
    centres : array, shape (n, 2)
        x and y of all particles. A pixel that two of them claim goes to the one whose centre is nearer.
    """
    window = overlap((labels.shape[0], labels.shape[1]), corner, (mask.shape[0], mask.shape[1]))
    if window is None:
        return
    into = labels[window[0]]
    y, x = np.nonzero(mask[window[1]])
    holder = into[y, x]
    place = np.stack([x + window[0][1].start, y + window[0][0].start], axis=1)
    own = ((place - centres[index]) ** 2).sum(axis=1)
    others = np.where(holder > 0, ((place - centres[holder - 1]) ** 2).sum(axis=1), np.inf)
    nearer = own < others
    into[y[nearer], x[nearer]] = index + 1
