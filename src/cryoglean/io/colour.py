"""Colour pictures turned to grey."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The warning that goes with a colour picture.
COLOUR = "a colour picture, turned to grey"

# Luma of ITU-R BT.601, as picture programs turn colour into grey.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def grey(image: NDArray[Any]) -> NDArray[Any]:
    """Turn a picture into grey levels.

    Parameters
    ----------
    image : ndarray, shape (ny, nx) or (ny, nx, channels)
        One channel is grey, two are grey and opacity, three are red, green and blue, four have opacity too.

    Returns
    -------
    ndarray, shape (ny, nx)
        The stored type where the picture is grey already, also where it says so three times; else float32.
    """
    if image.ndim < 3:
        return image
    if image.shape[2] < 3:
        return image[..., 0]
    red, green, blue = (image[..., channel] for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return red
    levels: NDArray[np.float32] = image[..., :3].astype(np.float32) @ _LUMA
    return levels
