"""What the header of an image file says, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Format = Literal["MRC", "TIFF", "EER", "PNG", "JPEG"]
ByteOrder = Literal["little", "big"]

#: Pixel sizes in Å that a micrograph can have, from fine super-resolution to the overview of a grid square.
CREDIBLE_PIXEL_SIZE = (0.1, 100.0)

#: Width of the narrowest image that can hold a particle, in pixels.
SMALLEST_SIDE = 16


@dataclass(frozen=True)
class Header:
    """What a file says about its image, read without the pixels.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        'MRC', 'TIFF', 'EER', 'PNG' or 'JPEG', judged from the content, not from the name.
    shape : tuple of int
        Rows and columns of one frame, (ny, nx).
    frames : int
        1 for a micrograph, more for a movie or a stack.
    dtype : str
        How a pixel is stored, as numpy names it; 'uint4' for packed half bytes.
    mode : int, optional
        The MRC mode, None in other formats.
    byte_order : str, optional
        'little' or 'big', None where pixels are single bytes or a codec decides.
    compression : str
        Name of the compression, '' for none.
    pixel_size : float, optional
        Å per pixel, None where the file gives none that is credible.
    pixel_size_doubt : str
        Why the pixel size is missing or was corrected, '' where it is plain.
    warnings : tuple of str
        What else is strange about the header.
    """

    path: Path
    format: Format
    shape: tuple[int, int]
    frames: int
    dtype: str
    mode: int | None = None
    byte_order: ByteOrder | None = None
    compression: str = ""
    pixel_size: float | None = None
    pixel_size_doubt: str = ""
    warnings: tuple[str, ...] = ()


def is_credible_pixel_size(pixel_size: float) -> bool:
    """Whether an electron micrograph can have this pixel size, in Å; False for NaN."""
    low, high = CREDIBLE_PIXEL_SIZE
    return low <= pixel_size <= high
