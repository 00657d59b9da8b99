"""PNG and JPEG pictures, 8 or 16 bit, grey or colour; rows are kept as stored, the topmost first."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from cryoglean.errors import MicrographError
from cryoglean.io.colour import COLOUR, grey
from cryoglean.io.headers import Header
from cryoglean.io.opening import (
    COPY_AGAIN,
    compression_of,
    format_of,
    open_unpacked,
    reading,
    refuse_impossible,
)

SUFFIXES = (".png", ".jpg", ".jpeg")

_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
# JPEG's start-of-frame marks; C4, C8 and CC between them mean other things (ITU-T T.81, table B.1).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_END = b"\xff\xd9"
# Segments before a JPEG's frame; colour profiles and previews make some hundreds at most.
_MAX_JPEG_SEGMENTS = 1000
# Bytes of notes, previews and profiles that a picture may hold beside its pixels.
_MAX_EXTRAS = 64 * 2**20


def read_header(path: Path) -> Header:
    """Read the header of a PNG or JPEG file.

    Raises
    ------
    MicrographError
        The file is cut off before its size is told.
    """
    is_png = format_of(path) == "PNG"
    with reading(path), open_unpacked(path) as file:
        rows, columns, bits, channels = _png_frame(file) if is_png else _jpeg_frame(file)
    refuse_impossible(path, rows * columns * channels * (1 if bits <= 8 else 2))
    return Header(
        path=path,
        format="PNG" if is_png else "JPEG",
        shape=(rows, columns),
        frames=1,
        dtype="uint8" if bits <= 8 else "uint16",
        compression=compression_of(path),
        pixel_size_doubt=f"{'PNG' if is_png else 'JPEG'} files hold no pixel size",
        warnings=(COLOUR,) if channels > 2 else (),
    )


def read_image(header: Header) -> NDArray[Any]:
    """Decode a PNG or JPEG picture; colour becomes grey.

    Returns
    -------
    ndarray, shape (ny, nx)
        Grey levels.

    Raises
    ------
    MicrographError
        The file is damaged or cut off.
    """
    import imagecodecs

    with reading(header.path), open_unpacked(header.path) as file:
        # No encoding makes more of a picture than it is, unless the rest is something else.
        largest = 8 * header.shape[0] * header.shape[1] + _MAX_EXTRAS
        content = file.read(largest)
        # A JPEG decoder fills what is missing with grey and says nothing; only the end mark tells.
        if header.format == "JPEG" and _JPEG_END not in content[-4096:]:
            raise MicrographError(header.path, "cut off: the JPEG has no end", COPY_AGAIN)
        decode = imagecodecs.png_decode if header.format == "PNG" else imagecodecs.jpeg_decode
        image = grey(decode(content))
    if image.shape != header.shape:
        what = f"damaged: {image.shape} rows and columns came out, the header says {header.shape}"
        raise MicrographError(header.path, what, COPY_AGAIN)
    return image


def _png_frame(file: BinaryIO) -> tuple[int, int, int, int]:
    """Rows, columns, bits and channels, from the first chunk (PNG specification, section 11.2.2)."""
    file.seek(16)
    columns, rows, bits, colour = struct.unpack(">IIBB", file.read(10))
    return rows, columns, bits, _PNG_CHANNELS[colour]


def _jpeg_frame(file: BinaryIO) -> tuple[int, int, int, int]:
    """Rows, columns, bits and channels, from the start-of-frame segment (ITU-T T.81, section B.2.2)."""
    file.seek(2)
    for _ in range(_MAX_JPEG_SEGMENTS):
        mark, length = struct.unpack(">HH", file.read(4))
        if mark == 0xFFFF:  # Bytes that fill up before a mark.
            file.seek(-3, 1)
            continue
        if mark < 0xFF00 or length < 2:
            raise ValueError(f"a segment of the JPEG begins with {mark:#06x} and has {length} bytes")
        if mark & 0xFF in _JPEG_FRAMES:
            bits, rows, columns, channels = struct.unpack(">BHHB", file.read(6))
            return rows, columns, bits, channels
        file.seek(length - 2, 1)
    raise ValueError(f"the first {_MAX_JPEG_SEGMENTS} segments of the JPEG tell no size")
