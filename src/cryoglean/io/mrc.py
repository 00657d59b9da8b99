"""MRC files: headers as they really occur, and their pixels.

The layout of the header is mrcfile's, and `cryoglean.io.micrographs.write_mrc` writes through it. Reading is
done here, because mrcfile knows no 4-bit pixels, takes a zero machine stamp for little-endian and mode 0 for
signed, gives ``None`` for a truncated file without saying what is missing, and takes twice as long.

Sources: the MRC2014 definition (Cheng et al., J Struct Biol 192 (2015) 146,
https://www.ccpem.ac.uk/mrc_format/mrc2014.php) and IMOD's extensions of it
(https://bio3d.colorado.edu/imod/doc/mrc_format.txt).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import MicrographError
from cryoglean.io.headers import ByteOrder, Header, is_credible_pixel_size
from cryoglean.io.opening import (
    COPY_AGAIN,
    compression_of,
    cut_off,
    open_unpacked,
    read_start,
    reading,
    refuse_impossible,
)

SUFFIXES = (".mrc", ".mrcs", ".map", ".rec", ".st", ".ali")
HEADER_BYTES = 1024
PACKED = "uint4"

_MODES = {0: "int8", 1: "int16", 2: "float32", 6: "uint16", 12: "float16", 101: PACKED}
_NOT_GREY = {
    3: "a Fourier transform of complex 16-bit integers",
    4: "a Fourier transform of complex numbers",
    16: "a colour picture",
}
# No detector, and no stitched overview, is wider; a larger number is something else read as a width.
_WIDEST = 1_000_000
# Bytes that are unpacked at once.
_PIECE = 1 << 22
_IMOD_STAMP = 1146047817
_IMOD_SIGNED_BYTES = 1
_IMOD_HALF_BYTES = 16


@dataclass(frozen=True)
class MrcHeader(Header):
    """The header of an MRC file, and where its pixels begin.

    Parameters
    ----------
    offset : int
        Bytes before the first pixel: the header and the extended header.
    """

    offset: int = HEADER_BYTES

    @property
    def stored(self) -> np.dtype[Any]:
        """The numpy type of what is stored, byte order included; bytes where a byte holds two pixels."""
        if self.dtype == PACKED:
            return np.dtype(np.uint8)
        return np.dtype(self.dtype).newbyteorder(">" if self.byte_order == "big" else "<")

    @property
    def columns(self) -> int:
        """Values stored per row; a row of an odd number of half bytes is padded to whole bytes."""
        return (self.shape[1] + 1) // 2 if self.dtype == PACKED else self.shape[1]

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.shape[0] * self.columns * self.stored.itemsize


def read_header(path: Path) -> MrcHeader:
    """Read the header of an MRC file, plain or compressed.

    Raises
    ------
    MicrographError
        The file is shorter than a header, or what it begins with is no header in either byte order.
    """
    raw = read_start(path, HEADER_BYTES)
    if len(raw) < HEADER_BYTES:
        cause = f"no image: the file has {len(raw)} bytes, the header of an MRC file alone has {HEADER_BYTES}"
        raise MicrographError(path, cause, COPY_AGAIN)
    fields, warnings = _parse(path, raw)
    shape, dtype = _pixels(path, fields, warnings)
    frames = int(fields["nz"])
    if frames < 1:
        warnings.append(f"the header counts {frames} frames; taken as 1")
    _note_oddities(fields, warnings)
    pixel_size, doubt = _pixel_size(fields, shape)
    header = MrcHeader(
        path=path,
        format="MRC",
        shape=shape,
        frames=max(frames, 1),
        dtype=dtype,
        mode=int(fields["mode"]),
        byte_order=None if dtype in ("int8", "uint8", PACKED) else _byte_order(fields),
        compression=compression_of(path),
        pixel_size=pixel_size,
        pixel_size_doubt=doubt,
        warnings=tuple(warnings),
        offset=HEADER_BYTES + max(int(fields["nsymbt"]), 0),
    )
    if header.compression:
        refuse_impossible(path, header.offset + header.frame_bytes)
        return header
    return _fit_to_size(header)


def read_frames(header: MrcHeader) -> Iterator[NDArray[Any]]:
    """Read a file frame by frame, as stored but in this machine's byte order and without packing.

    Yields
    ------
    ndarray, shape (ny, nx)
        Pixels in the stored row order.

    Raises
    ------
    MicrographError
        The file is cut off, or its compressed data are damaged.
    """
    with reading(header.path), open_unpacked(header.path) as file:
        file.seek(header.offset)
        for _ in range(header.frames):
            yield _read_frame(file, header)


def read_image(header: MrcHeader) -> NDArray[Any]:
    """Read the first frame of a file; see `read_frames`."""
    return next(read_frames(header))


def _read_frame(file: BinaryIO, header: MrcHeader) -> NDArray[Any]:
    rows = _read_values(file, header).reshape(header.shape[0], header.columns)
    if header.dtype == PACKED:
        return _unpacked(rows, header.shape[1])
    return rows.astype(header.stored.newbyteorder("="), copy=False)


def _read_values(file: BinaryIO, header: MrcHeader) -> NDArray[Any]:
    wanted = header.frame_bytes
    if header.compression:
        # Memory of an array is taken as it is filled, so an image that is not there takes none.
        values = np.empty(wanted // header.stored.itemsize, header.stored)
        got = _fill(file, values.view(np.uint8))
        if got < wanted:
            raise cut_off(header.path, got, wanted)
        return values
    # Compared before memory is taken: a damaged header may promise terabytes.
    left = header.path.stat().st_size - file.tell()
    if left < wanted:
        raise cut_off(header.path, max(left, 0), wanted)
    # Twice as fast as reading into bytes.
    return np.fromfile(file, header.stored, wanted // header.stored.itemsize)


def _fill(file: BinaryIO, values: NDArray[np.uint8]) -> int:
    """Read into an array until it is full or the file ends; return the number of bytes."""
    got, buffer = 0, values.data
    while got < len(buffer) and (count := file.readinto(buffer[got : got + _PIECE])):  # type: ignore[attr-defined]
        got += count
    return got


def _unpacked(rows: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Split bytes into two pixels each, the low half first (IMOD, SerialEM, RELION)."""
    pixels = np.empty((len(rows), rows.shape[1] * 2), np.uint8)
    np.bitwise_and(rows, 0x0F, out=pixels[:, 0::2])
    np.right_shift(rows, 4, out=pixels[:, 1::2])
    return pixels[:, :columns]


def _parse(path: Path, raw: bytes) -> tuple[Any, list[str]]:
    """Read the fields in the byte order that makes sense of them, which need not be the one stated."""
    from mrcfile.dtypes import HEADER_DTYPE

    stated = {0x44: "<", 0x11: ">"}.get(raw[212], "")
    for order in (stated, *({"<", ">"} - {stated})) if stated else ("<", ">"):
        fields = np.frombuffer(raw, HEADER_DTYPE.newbyteorder(order))[0]
        if _is_plausible(fields):
            break
    else:
        raise _no_header(path, raw, stated or "<")
    warnings = []
    if order != stated:
        name = "little" if order == "<" else "big"
        what = "contradicts the header" if stated else "is missing"
        warnings.append(f"the machine stamp {what}; read as {name}-endian, which makes sense")
    if raw[208:211] != b"MAP":
        warnings.append("the MAP mark is missing")
    return fields, warnings


def _no_header(path: Path, raw: bytes, order: str) -> MicrographError:
    """Say what is wrong with a header that makes sense in neither byte order, or that there is none."""
    from mrcfile.dtypes import HEADER_DTYPE

    if raw[208:211] != b"MAP" and raw[212] not in (0x44, 0x11):
        cause = f"no image: no format known here begins with {raw[:8]!r}"
        return MicrographError(path, cause, "MRC, TIFF, EER, PNG and JPEG are read")
    fields = np.frombuffer(raw, HEADER_DTYPE.newbyteorder(order))[0]
    mode, nx, ny, nz = (int(fields[name]) for name in ("mode", "nx", "ny", "nz"))
    if mode not in _MODES and mode not in _NOT_GREY:
        known = ", ".join(map(str, sorted(_MODES)))
        cause = f"the MRC header is damaged: it says mode {mode}, where images have {known}"
    else:
        cause = f"the MRC header is damaged: it says {nx}×{ny} pixels in {nz} sections"
    return MicrographError(path, cause, COPY_AGAIN)


def _is_plausible(fields: Any) -> bool:
    sides = (int(fields["nx"]), int(fields["ny"]))
    known = int(fields["mode"]) in _MODES or int(fields["mode"]) in _NOT_GREY
    return known and all(0 < side <= _WIDEST for side in sides) and -1 < int(fields["nz"]) <= _WIDEST


def _byte_order(fields: Any) -> ByteOrder:
    return "little" if fields.dtype["nx"].str[0] == "<" else "big"


def _pixels(path: Path, fields: Any, warnings: list[str]) -> tuple[tuple[int, int], str]:
    """Rows and columns, and the type of a pixel."""
    mode, nx, ny = (int(fields[name]) for name in ("mode", "nx", "ny"))
    if mode in _NOT_GREY:
        cause = f"MRC mode {mode} is {_NOT_GREY[mode]}, not a micrograph"
        raise MicrographError(path, cause, "give the image itself in mode 0, 1, 2, 6, 12 or 101")
    if mode != 0:
        return (ny, nx), _MODES[mode]
    stamp, flags = np.frombuffer(fields["extra2"].tobytes(), fields.dtype["nx"], 2, offset=40)
    if stamp == _IMOD_STAMP:
        # Half bytes in mode 0: the header counts bytes, so the image is twice as wide.
        if flags & _IMOD_HALF_BYTES:
            return (ny, 2 * nx), PACKED
        return (ny, nx), "int8" if flags & _IMOD_SIGNED_BYTES else "uint8"
    if fields["dmin"] >= 0 and 127 < fields["dmax"] <= 255:
        warnings.append(
            f"mode 0 should be signed bytes, but the header's maximum is {fields['dmax']:g}: unsigned"
        )
        return (ny, nx), "uint8"
    return (ny, nx), "int8"


def _note_oddities(fields: Any, warnings: list[str]) -> None:
    axes = tuple(int(fields[name]) for name in ("mapc", "mapr", "maps"))
    if axes not in ((1, 2, 3), (0, 0, 0)):
        warnings.append(f"the header calls columns, rows and sections axes {axes}; taken as they are stored")
    group = int(fields["ispg"])
    if not (0 <= group <= 230 or 401 <= group <= 630):
        warnings.append(f"there is no space group {group} (ISPG); ignored")
    if fields["nsymbt"] < 0:
        warnings.append(f"the extended header has {fields['nsymbt']} bytes; taken as none")


def _pixel_size(fields: Any, shape: tuple[int, int]) -> tuple[float | None, str]:
    """Å per pixel, None where not credible, and what is doubtful about it.

    By the definition it is the cell's edge divided by the header's grid mx, which need not be nx. Programs
    that bin an image often leave the grid of the unbinned one behind: where mx and my are the same whole
    multiple of nx and ny, and the image is no part of a larger one (nxstart and nystart are 0), the pixels
    must be that many times larger, as the cell has not changed.
    """
    ny, nx = shape
    edge = (float(fields["cella"]["x"]), float(fields["cella"]["y"]))
    grid = (int(fields["mx"]), int(fields["my"]))
    if not all(0 < length < np.inf for length in edge):
        return None, "the header gives no pixel size"
    doubt = ""
    if grid not in ((nx, ny), (1, 1)):
        doubt = f"the header's grid is {grid[0]}×{grid[1]} but the image {nx}×{ny}: "
        if _was_binned(fields, shape) or min(grid) < 1:
            grid = (nx, ny)
            doubt += "taken for an image binned without changing its header, "
        doubt += f"{edge[0] / grid[0]:.4g} Å per pixel"
    pixel_size, other = edge[0] / grid[0], edge[1] / grid[1]
    if not is_credible_pixel_size(pixel_size):
        return None, f"the header's pixel size of {pixel_size:.4g} Å is not credible"
    if pixel_size == 1:
        return None, "the header's pixel size is 1 Å, which programs write when they know none"
    if abs(other / pixel_size - 1) > 0.01:
        doubt = f"pixels are {pixel_size:.4g} Å wide but {other:.4g} Å high by the header; the width is taken"
    return pixel_size, doubt


def _was_binned(fields: Any, shape: tuple[int, int]) -> bool:
    (times_y, rest_y), (times_x, rest_x) = (
        divmod(int(fields[grid]), side) for grid, side in (("my", shape[0]), ("mx", shape[1]))
    )
    is_part = fields["nxstart"] != 0 or fields["nystart"] != 0
    return times_x == times_y > 1 and not rest_x and not rest_y and not is_part


def _fit_to_size(header: MrcHeader) -> MrcHeader:
    """Compare the header with the length of the file, which alone shows a lost extended header."""
    length = header.path.stat().st_size
    pixels = header.frames * header.frame_bytes
    if length == HEADER_BYTES + pixels and header.offset > HEADER_BYTES:
        lost = f"the extended header of {header.offset - HEADER_BYTES} bytes is not there"
        return replace(header, offset=HEADER_BYTES, warnings=(*header.warnings, lost))
    rest = length - header.offset - pixels
    if rest == 0:
        return header
    note = (
        f"{rest:,} bytes after the pixels are ignored"
        if rest > 0
        else f"cut off: {-rest:,} bytes of pixels are missing"
    )
    return replace(header, warnings=(*header.warnings, note))
