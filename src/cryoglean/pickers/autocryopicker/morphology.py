"""Greyscale morphology."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.types import FloatImage

Shape = Literal["cross", "square"]


def open_grey(image: FloatImage, *, size: int = 3, shape: Shape = "cross") -> FloatImage:
    """Open in greyscale: remove what is brighter than its surroundings and smaller than the element.

    Dark particles keep their size and lose bright specks. Opening is idempotent: the five passes in the
    authors' programs do what one does.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image.
    size : int
        Side of the structuring element, pixels; 3 in the authors' programs.
    shape : {'cross', 'square'}
        Its shape.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The opened image, nowhere brighter than the input.
    """
    return _morph(image, cv2.MORPH_OPEN, _element(size, shape))


def close_grey(image: FloatImage, *, size: int = 5, shape: Shape = "square") -> FloatImage:
    """Close in greyscale: remove what is darker than its surroundings and smaller than the element.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image.
    size : int
        Side of the structuring element, pixels; 5 in the paper.
    shape : {'cross', 'square'}
        Its shape.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The closed image, nowhere darker than the input.

    Notes
    -----
    Al-Azzawi et al. (2019), equation 7. The authors' programs open instead (`open_grey`).
    """
    return _morph(image, cv2.MORPH_CLOSE, _element(size, shape))


def _element(size: int, shape: Shape) -> NDArray[np.uint8]:
    kind = cv2.MORPH_CROSS if shape == "cross" else cv2.MORPH_RECT
    return np.asarray(cv2.getStructuringElement(kind, (size, size)), np.uint8)


def _morph(image: FloatImage, operation: int, element: NDArray[np.uint8]) -> FloatImage:
    return np.asarray(cv2.morphologyEx(np.asarray(image, np.float32), operation, element), np.float32)
