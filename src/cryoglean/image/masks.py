"""Components of binary masks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.types import Mask

CROSS: NDArray[np.uint8] = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.uint8)


def fill_holes(mask: Mask) -> Mask:
    """Fill the background that is not 4-connected to the border."""
    # A frame of background joins all that the border touches, and one flood reaches it.
    flooded = np.pad(mask, 1).astype(np.uint8)
    cv2.floodFill(flooded, None, (0, 0), 2, flags=4)
    return np.asarray(flooded[1:-1, 1:-1] != 2)


def find_outlines(mask: Mask) -> list[NDArray[np.int32]]:
    """Trace each 8-connected component through the centres of its outermost pixels, (n, 1, 2) as x, y."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(outline, np.int32) for outline in outlines]
