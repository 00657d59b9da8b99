"""Opening image files: which format it is, decompression, and damage turned into one clear error."""

from __future__ import annotations

import bz2
import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from cryoglean.errors import CryogleanError, MicrographError
from cryoglean.io.headers import Format
from cryoglean.io.limits import open_file

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
)
# What is found under the names of images, and what to do about it; by the first bytes.
_NO_IMAGES = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch it with `git lfs pull`"),
    (b"/annex/objects/", "a git-annex pointer, not the file itself", "fetch it with `git annex get`"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "EMAN2's `e2proc2d.py IN.hdf OUT.mrc` makes MRC of it"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it first"),
    (b"\xfd7zXZ\0", "a file compressed with xz", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a file compressed with zstd", "unpack it first"),
    (b"\0\0\0\x03", "a Gatan DM3 file", "convert it to MRC or TIFF first, with IMOD's `dm2mrc` say"),
    (b"\0\0\0\x04", "a Gatan DM4 file", "convert it to MRC or TIFF first, with IMOD's `dm2mrc` say"),
    (b"%PDF", "a PDF file", "name the micrograph instead"),
    (b"<!DOCTYPE", "a web page", "download the file itself again"),
    (b"<html", "a web page", "download the file itself again"),
)
_OF_STACK = re.compile(r"(?:^|/)(\d+)@(.+)$")

# No compression makes more of a byte, but for images that are constant; deflate and LZW reach about 1,400.
_MAX_PIXEL_BYTES_PER_BYTE = 4000
#: Bytes of the largest image that is unpacked: four times the largest detector's, as float32.
MAX_UNPACKED_BYTES = 4 * 2**30
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
    start = read_start(path, 32)
    if not start:
        raise MicrographError(path, "the file is empty", COPY_AGAIN)
    for mark, what, remedy in _NO_IMAGES:
        if start.startswith(mark):
            raise MicrographError(path, f"{what}, where an image was wanted", remedy)
    return next((name for magic, name in _MAGIC if start.startswith(magic)), "MRC")


def compression_of(path: Path) -> str:
    """Name the compression around a whole file: 'gzip', 'bzip2' or '' for none."""
    with reading(path), open_file(path) as file:
        magic = file.read(3)
    return "gzip" if magic[:2] == b"\x1f\x8b" else "bzip2" if magic == b"BZh" else ""


def open_unpacked(path: Path) -> BinaryIO:
    """Open a file for reading, through the decompressor where its first bytes call for one."""
    match compression_of(path):
        case "gzip":
            return cast(BinaryIO, gzip.open(path))
        case "bzip2":
            return cast(BinaryIO, bz2.open(path))
        case _:
            return open_file(path)


def read_start(path: Path, count: int) -> bytes:
    """Read the first `count` bytes after decompression, or as many as there are.

    Raises
    ------
    MicrographError
        The file cannot be opened or decompressed.
    """
    with reading(path), open_unpacked(path) as file:
        return file.read(count)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read or decoded inside into a `MicrographError` naming it.

    Image libraries raise what they like on damaged files, so one file's failure is caught whatever its kind.
    """
    try:
        yield
    except CryogleanError:
        raise
    except FileNotFoundError:
        raise _missing(path) from None
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
    except MemoryError:
        raise MicrographError(path, "not enough memory to read it", "use fewer --workers") from None
    except (ValueError, LookupError, TypeError, ArithmeticError, RuntimeError, struct.error) as error:
        reason = " ".join(str(error).split())[:300]
        if isinstance(error, LookupError) or not reason:
            reason = f"{type(error).__name__} {reason}"
        raise MicrographError(path, f"damaged or no image: {reason}", COPY_AGAIN) from None
    except Exception as error:  # noqa: BLE001 - the libraries' own classes, and what nobody has seen yet
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        remedy = f"{COPY_AGAIN}; if other programs read it, please report this"
        raise MicrographError(path, f"damaged or no image: {reason}", remedy) from None


def _missing(path: Path) -> MicrographError:
    of_stack = _OF_STACK.search(str(path))
    if path.is_symlink():
        cause = f"is a link to {path.readlink()}, which is not there"
        return MicrographError(path, cause, "bring back what it points at, or mend the link")
    if of_stack is None:
        return MicrographError(path, "there is no such file", "check the name and the folder")
    cause = f"names image {int(of_stack[1])} of the stack {of_stack[2]}, not a file of one micrograph"
    remedy = "make a file of each image, with IMOD's `newstack -split 1` say, and name those"
    return MicrographError(path, cause, remedy)


def refuse_impossible(path: Path, pixel_bytes: int) -> None:
    """Refuse a compressed file that promises far more than it can hold, or than any image has.

    Parameters
    ----------
    path : Path
        The file.
    pixel_bytes : int
        Bytes that its image takes when it is unpacked, by its header.

    Raises
    ------
    MicrographError
        The header is damaged, or the image too large.
    """
    length = path.stat().st_size
    if pixel_bytes > _MAX_PIXEL_BYTES_PER_BYTE * length:
        cause = f"damaged: the header promises {pixel_bytes:,} bytes of pixels in a file of {length:,}"
        raise MicrographError(path, cause, COPY_AGAIN)
    if pixel_bytes > max(length, MAX_UNPACKED_BYTES):
        got, allowed = pixel_bytes / 2**30, MAX_UNPACKED_BYTES / 2**30
        cause = f"unpacks to {got:.1f} GiB, more than the {allowed:.0f} GiB that an image may have"
        raise MicrographError(path, cause, "unpack it first, or give micrographs rather than montages")


def cut_off(path: Path, got: int, wanted: int) -> MicrographError:
    """Make the error for a file that ends before its pixels do; lengths in bytes."""
    share = 100 * got / wanted
    return MicrographError(
        path, f"cut off: {got:,} of the {wanted:,} bytes of pixels are there ({share:.0f} %)", COPY_AGAIN
    )
