"""Opening image files: which format it is, decompression, and damage turned into one clear error."""

from __future__ import annotations

import bz2
import gzip
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from cryoglean.errors import MicrographError
from cryoglean.io.headers import Format

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
)
# No compression makes more of a byte, but for images that are constant; deflate and LZW reach about 1,400.
_MOST_PIXEL_BYTES_PER_BYTE = 4000
#: The remedy for damaged files.
COPY_AGAIN = "copy or transfer the file again"


def format_of(path: Path) -> Format:
    """Judge the format from the first bytes: names lie (a TIFF called .mrc, a gzip without .gz).

    Returns
    -------
    str
        'MRC' for whatever bears no other format's mark, since old MRC files bear none at all. EER files are
        TIFF files, told apart by their compression in `cryoglean.io.tiff`.

    Raises
    ------
    MicrographError
        The file cannot be opened, or is empty.
    """
    start = read_start(path, 8)
    if not start:
        raise MicrographError(path, "the file is empty", COPY_AGAIN)
    return next((name for magic, name in _MAGIC if start.startswith(magic)), "MRC")


def compression_of(path: Path) -> str:
    """Name the compression around a whole file: 'gzip', 'bzip2' or '' for none."""
    with reading(path), path.open("rb") as file:
        magic = file.read(3)
    return "gzip" if magic[:2] == b"\x1f\x8b" else "bzip2" if magic == b"BZh" else ""


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading, through the decompressor where its first bytes call for one."""
    match compression_of(path):
        case "gzip":
            return cast(BinaryIO, gzip.open(path))
        case "bzip2":
            return cast(BinaryIO, bz2.open(path))
        case _:
            return path.open("rb")


def read_start(path: Path, count: int) -> bytes:
    """Read the first `count` bytes after decompression, or as many as there are.

    Raises
    ------
    MicrographError
        The file cannot be opened or decompressed.
    """
    with reading(path), open_plain(path) as file:
        return file.read(count)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read or decoded inside into a `MicrographError` naming it."""
    try:
        yield
    except FileNotFoundError:
        raise MicrographError(path, "there is no such file", "check the name and the folder") from None
    except IsADirectoryError:
        raise MicrographError(path, "is a folder, not an image", "name the files in it") from None
    except PermissionError:
        raise MicrographError(
            path, "may not be read", "ask its owner for the permission to read it"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise MicrographError(
            path, f"the compressed file is damaged or cut off: {error}", COPY_AGAIN
        ) from None
    except OSError as error:
        raise MicrographError(path, f"cannot be read: {error.strerror or error}", COPY_AGAIN) from None
    except (ValueError, LookupError, TypeError, RuntimeError, MemoryError, struct.error) as error:
        # What image libraries raise on damaged files: every one of these has been seen.
        reason = " ".join(str(error).split())
        if isinstance(error, LookupError) or not reason:
            reason = f"{type(error).__name__} {reason}"
        raise MicrographError(path, f"damaged or no image: {reason}", COPY_AGAIN) from None


def refuse_impossible(path: Path, pixel_bytes: int) -> None:
    """Refuse a file that promises far more pixels than it can hold, before minutes are spent on decoding it.

    Raises
    ------
    MicrographError
        The header is damaged.
    """
    length = path.stat().st_size
    if pixel_bytes > _MOST_PIXEL_BYTES_PER_BYTE * length:
        cause = f"damaged: the header promises {pixel_bytes:,} bytes of pixels in a file of {length:,}"
        raise MicrographError(path, cause, COPY_AGAIN)


def cut_off(path: Path, got: int, wanted: int) -> MicrographError:
    """Make the error for a file that ends before its pixels do; lengths in bytes."""
    share = 100 * got / wanted
    return MicrographError(
        path, f"cut off: {got:,} of the {wanted:,} bytes of pixels are there ({share:.0f} %)", COPY_AGAIN
    )
