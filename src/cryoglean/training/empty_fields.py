"""Tiles of real micrographs that hold no particle: of ice, carbon and dirt, as no simulation makes them.

Zhang et al. (2019), BMC Bioinformatics 20, 41, take background and contamination from real micrographs too.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.grey_levels import grey_levels
from cryoglean.dataset.tiles import BACKGROUND, DEBRIS, LabelledTiles
from cryoglean.types import Micrograph

DIAMETERS = (12.0, 20.0, 32.0, 50.0)
"""Particles that are not there are looked for at these diameters, pixels of a field of `FIELD` pixels."""
FIELD = 500.0
"""Shorter side of such a field; diameters go with it, as micrographs come in every pixel size."""


def empty_tiles(micrographs: Sequence[Micrograph], *, side: int, particle_px: float) -> LabelledTiles:
    """Cut tiles that are background everywhere; of contamination nothing is said.

    Parameters
    ----------
    micrographs : sequence of Micrograph
        Without any particle.
    side : int
        Rows and columns of a tile.
    particle_px : float
        Particle diameter at the networks' scale, pixels.

    Returns
    -------
    LabelledTiles
        Each field at several scales, and every other tile inverted, as it is not known in which contrast
        particles would be; none of a field that is smaller than a tile at every scale.
    """
    images = [
        tile
        for micrograph in micrographs
        for diameter in DIAMETERS
        for tile in _cut(_scaled(micrograph, particle_px / diameter), side)
    ]
    stack = np.stack(images) if images else np.zeros((0, side, side), np.uint8)
    stack[1::2] = 255 - stack[1::2]
    return LabelledTiles(
        stack,
        np.full(stack.shape, BACKGROUND, np.uint8),
        np.full(stack.shape, DEBRIS, np.uint8),
        np.zeros((0, 3), np.float32),
        np.full(len(stack), "empty field"),
    )


def with_empty_tiles(tiles: LabelledTiles, empty: LabelledTiles, share: float) -> LabelledTiles:
    """Add empty tiles to others, each as often as makes them this share of all."""
    if not len(empty) or not share:
        return tiles
    times = max(1, round(share / (1 - share) * len(tiles) / len(empty)))
    return LabelledTiles.joined([tiles, *[empty] * times])


def _scaled(micrograph: Micrograph, factor: float) -> NDArray[np.uint8]:
    """Grey levels at a scale relative to that of a field of `FIELD` pixels, particles bright."""
    exact = factor * FIELD / min(micrograph.shape)
    ny, nx = (max(1, round(n * exact)) for n in micrograph.shape)
    method = cv2.INTER_AREA if exact < 1 else cv2.INTER_LINEAR
    return 255 - grey_levels(
        np.asarray(cv2.resize(micrograph.data, (nx, ny), interpolation=method), np.float32)
    )


def _cut(image: NDArray[np.uint8], side: int) -> list[NDArray[np.uint8]]:
    """Cut as many tiles beside one another as fit, from the middle of the image."""
    counts = [n // side for n in image.shape]
    top, left = ((n - count * side) // 2 for n, count in zip(image.shape, counts, strict=True))
    return [
        image[top + row * side : top + (row + 1) * side, left + column * side : left + (column + 1) * side]
        for row in range(counts[0])
        for column in range(counts[1])
    ]
