"""What the header of an image file says, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryoglean.types import MicrographFile

Format = Literal["MRC", "TIFF", "EER", "PNG", "JPEG"]
ByteOrder = Literal["little", "big"]

#: Pixel sizes in Å that a micrograph can have, from fine super-resolution to the overview of a grid square.
CREDIBLE_PIXEL_SIZE = (0.1, 100.0)

#: Beyond these, in Å, particles are seldom picked, and a size in nm is the more likely.
USUAL_PIXEL_SIZE = (0.3, 20.0)

#: Relative difference of two statements of one pixel size that calibration explains.
PIXEL_SIZE_AGREEMENT = 0.02

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


@dataclass(frozen=True)
class PixelSize:
    """What is believed of a micrograph's pixel size.

    Parameters
    ----------
    angstrom : float, optional
        Å per pixel; None where nothing tells it.
    remarks : tuple of str
        What contradicts it, and what is strange about it.
    """

    angstrom: float | None
    remarks: tuple[str, ...] = ()


def believed_pixel_size(header: Header, micrograph: MicrographFile, *, given: float | None) -> PixelSize:
    """Decide between what is said of a micrograph's pixel size.

    The user's word counts before the optics group of the STAR file that names the micrograph, and that before
    the header. The pixel size of the movie alone counts where the header has none: it may have been binned.

    Parameters
    ----------
    header : Header
        What the file says.
    micrograph : MicrographFile
        What the STAR file says.
    given : float, optional
        What the user says, Å.
    """
    listed, of_movie = micrograph.pixel_size, micrograph.movie_pixel_size
    stated = [
        (size, source)
        for size, source in (
            (given, "you say"),
            (listed, micrograph.told_by),
            (header.pixel_size, _HEADER_SAYS),
            (None if listed else of_movie, f"{micrograph.told_by} of the movie"),
        )
        if size is not None
    ]
    if not stated:
        doubt = header.pixel_size_doubt or "nothing says the pixel size"
        return PixelSize(None, (f"{doubt}: lengths are in pixels, unless you give --angpix",))
    size, source = stated[0]
    remarks = [
        *micrograph.remarks,
        *(
            contradiction(size, source, other=other, elsewhere=elsewhere)
            for other, elsewhere in stated[1:]
            if not agree(size, other) and not (other == of_movie and _is_multiple(size, other))
        ),
    ]
    if source == _HEADER_SAYS and header.pixel_size_doubt:
        remarks.append(header.pixel_size_doubt)
    low, high = USUAL_PIXEL_SIZE
    if size < low:
        remarks.append(
            f"pixels of {size:.4g} Å are finer than usual; if that is nm, give --angpix {10 * size:.4g}"
        )
    elif size > high:
        remarks.append(f"pixels of {size:.4g} Å are coarser than usual; if that is wrong, give --angpix")
    return PixelSize(size, tuple(remarks))


_HEADER_SAYS = "the header says"


def contradiction(size: float, source: str, *, other: float, elsewhere: str) -> str:
    """Say that a pixel size is believed, and what speaks against it."""
    return f"{source} {size:.4g} Å per pixel, but {elsewhere} {other:.4g} Å; the first is believed"


def agree(one: float, other: float) -> bool:
    """Tell whether two pixel sizes are one, but for how exactly they are written."""
    return abs(one / other - 1) <= PIXEL_SIZE_AGREEMENT


def _is_multiple(size: float, finer: float) -> bool:
    """Tell whether pixels are those of a movie binned by a whole number."""
    times = round(size / finer)
    return times > 1 and agree(size, times * finer)
