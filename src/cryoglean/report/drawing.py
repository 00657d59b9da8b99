"""What all pictures share: colours, text, and writing a picture to a file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.io.writing import complete_or_absent

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

INK: Colour = (233, 236, 239)
FAINT: Colour = (134, 142, 150)
GROUND: Colour = (24, 26, 30)

# OpenCV draws text with a real font since its version 5; before that it knows ASCII alone.
ANGSTROM = "Å" if hasattr(cv2, "FontFace") else "A"

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def blank(height: int, width: int) -> Picture:
    """Return a picture of the background colour."""
    return np.full((height, width, 3), GROUND, np.uint8)


def write_text(
    picture: Picture,
    text: str,
    at: tuple[int, int],
    *,
    colour: Colour = INK,
    size: float = 0.5,
    align: str = "left",
) -> int:
    """Write a line of text into a picture.

    Parameters
    ----------
    picture : ndarray of uint8, shape (ny, nx, 3)
        Changed in place.
    text : str
        One line.
    at : tuple of int
        x and y of the text's left end, centre or right end, halfway up its capitals.
    colour : tuple of int
        Red, green, blue.
    size : float
        1 is about 22 pixels high.
    align : str
        'left', 'centre' or 'right': which point of the text `at` is.

    Returns
    -------
    int
        Width of the text in pixels.
    """
    (width, height), _ = cv2.getTextSize(text, _FONT, size, 1)
    left = at[0] - {"left": 0, "centre": width // 2, "right": width}[align]
    cv2.putText(picture, text, (left, at[1] + height // 2), _FONT, size, colour, 1, cv2.LINE_AA)
    return width


def shortened(text: str, width: int, size: float = 0.5) -> str:
    """Return text that fits into so many pixels, cut in the middle: names differ at their ends."""
    kept, fits = len(text), text
    while fits and cv2.getTextSize(fits, _FONT, size, 1)[0][0] > width:
        kept -= 1
        fits = f"{text[: (kept + 1) // 2]}...{text[len(text) - kept // 2 :]}" if kept > 0 else ""
    return fits


def colour_map(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colours of values in [0, 1]: the upper two thirds of plasma, whose brightness rises evenly.

    The dark blue below would be lost on a grey micrograph.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Clipped to [0, 1]; NaN counts as 0.

    Returns
    -------
    ndarray of uint8, shape (n, 3)
        Red, green, blue.
    """
    level = np.rint(255 * (1 / 3 + 2 / 3 * np.clip(np.nan_to_num(values), 0, 1))).astype(np.uint8)
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_PLASMA)[:, 0, ::-1]
    colours: NDArray[np.uint8] = table[level]
    return colours


def write_picture(path: Path | str, picture: Picture) -> None:
    """Write a picture as PNG.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import imagecodecs

    with complete_or_absent(path) as partial:
        # Noise hardly compresses: a higher level takes three times as long to save one percent.
        partial.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(picture), level=3))
