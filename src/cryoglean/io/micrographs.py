"""Micrographs in and out: one reader for every format, one writer for MRC and one for PNG."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cryoglean.errors import MicrographError, UsageError
from cryoglean.io import eer, images, mrc, tiff
from cryoglean.io.headers import SMALLEST_SIDE, Header, believed_pixel_size
from cryoglean.io.opening import format_of
from cryoglean.io.writing import complete_or_absent
from cryoglean.types import FloatImage, Micrograph, MicrographFile

#: Suffixes of files that a folder is searched for; any of the MRC ones may be followed by .gz or .bz2.
SUFFIXES = (*mrc.SUFFIXES, *tiff.SUFFIXES, *images.SUFFIXES, *eer.SUFFIXES)
COMPRESSED_SUFFIXES = (".gz", ".bz2")

_OF_STACK = re.compile(r"(\d+)@(.*[^/].*)")
# Rows whose pixels fit a core's cache, so that the second look at them costs nothing.
_BLOCK_PIXELS = 1 << 17


def micrograph_name(path: Path | str) -> str:
    """Name a micrograph: its file name without folders and the suffixes of image files.

    Dots within the name stay: 'May08_03.05.02.mrc' is 'May08_03.05.02', and 'x.mrc.gz' is 'x'. An image of a
    stack has its number behind the name, as '2@Import/mics.mrcs' is 'mics_2'.
    """
    of_stack = _OF_STACK.match(str(path))
    name = Path(of_stack[2] if of_stack else path).name
    for suffixes in (COMPRESSED_SUFFIXES, SUFFIXES):
        name = next((name[: -len(end)] for end in suffixes if name.lower().endswith(end)), name)
    return f"{name}_{of_stack[1]}" if of_stack else name


def read_header(path: Path | str | MicrographFile) -> Header:
    """Read what a file says about its image, without its pixels.

    Parameters
    ----------
    path : Path or str
        An MRC (also gzip or bzip2), TIFF, EER, PNG or JPEG file; told apart by content.

    Raises
    ------
    MicrographError
        There is no such file, or it is no image.
    """
    path = Path(path)
    match format_of(path):
        case "MRC":
            return mrc.read_header(path)
        case "TIFF" | "EER":
            return tiff.read_header(path)
        case "PNG" | "JPEG":
            return images.read_header(path)


def read_micrograph(
    path: Path | str | MicrographFile, *, pixel_size: float | None = None, strict: bool = False
) -> Micrograph:
    """Read a micrograph.

    Rows are kept in the order in which the file stores them, in every format (see docs/conventions.md).

    Parameters
    ----------
    path : Path, str or MicrographFile
        An MRC (also gzip or bzip2), TIFF, PNG or JPEG file; told apart by content.
    pixel_size : float, optional
        Å per pixel, where the file says none or a wrong one. It wins over that of the STAR file which names
        the micrograph, and that over the header; what contradicts is told in a warning.
    strict : bool
        Treat whatever would be a warning as an error.

    Returns
    -------
    Micrograph
        float32 pixels. Pixels that are not finite are replaced by the median of the others, with a warning.

    Raises
    ------
    MicrographError
        No image, a damaged one, a movie, one too small, or an empty one: all pixels equal, or none finite.
    UsageError
        `pixel_size` is not a positive number.
    """
    if pixel_size is not None and not 0 < pixel_size < np.inf:
        raise UsageError(f"the pixel size must be a positive number of Å, got {pixel_size}")
    micrograph = MicrographFile.of(path)
    header = read_header(micrograph.path)
    _require_micrograph(header)
    data, repairs = usable(header.path, read_image(header))
    known = believed_pixel_size(header, micrograph, given=pixel_size)
    warnings = (*header.warnings, *repairs, *known.remarks)
    # What is said of a pixel size that is given is no fault of the file.
    faults = warnings if pixel_size is None else (*header.warnings, *repairs)
    if strict and faults:
        raise MicrographError(header.path, "; ".join(faults), "mend the file, or read it without `strict`")
    return Micrograph(
        data=data,
        name=micrograph_name(micrograph.path),
        pixel_size=known.angstrom or 1.0,
        calibrated=known.angstrom is not None,
        path=header.path,
        warnings=warnings,
    )


def read_image(header: Header) -> NDArray[Any]:
    """Read the first image of a file as it is stored; see `read_micrograph`.

    Raises
    ------
    MicrographError
        The file is damaged or cut off.
    """
    if isinstance(header, mrc.MrcHeader):
        return mrc.read_image(header)
    return tiff.read_image(header) if header.format == "TIFF" else images.read_image(header)


def _require_micrograph(header: Header) -> None:
    ny, nx = header.shape
    if header.frames > 1 or header.format == "EER":
        what = f"a movie or stack of {header.frames} frames, where one image was wanted"
        raise MicrographError(header.path, what, "`cryoglean average` makes one image of a movie")
    if min(ny, nx) < SMALLEST_SIDE:
        what = f"{nx}×{ny} pixels is no micrograph; each side must have {SMALLEST_SIDE} at least"
        raise MicrographError(header.path, what, "give the whole micrograph")


def usable(path: Path, stored: NDArray[Any]) -> tuple[FloatImage, tuple[str, ...]]:
    """Convert pixels to finite float32 numbers, and say what had to be mended.

    Raises
    ------
    MicrographError
        No pixel is finite, or all are equal.
    """
    data: FloatImage = stored.astype(np.float32, copy=False)
    low, high = extent(data)
    repairs: tuple[str, ...] = ()
    if not np.isfinite(low + high):
        good = np.isfinite(data)
        bad = data.size - int(np.count_nonzero(good))
        if bad == data.size:
            raise MicrographError(
                path, "no pixel is a number (all are NaN or infinite)", "make the micrograph again"
            )
        data = np.where(good, data, np.median(data[good]))
        repairs = (f"{bad} pixels were not numbers (NaN or infinite); replaced by the median",)
        low, high = extent(data)
    if low == high:
        raise MicrographError(path, f"every pixel is {low:g}: there is no image", "make the micrograph again")
    return data, repairs


def extent(data: NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest value; NaN where there is one.

    One pass through memory: both are taken of a block of rows while it is in the cache.
    """
    rows = max(1, _BLOCK_PIXELS // data.shape[1])
    blocks = [data[top : top + rows] for top in range(0, len(data), rows)]
    # Some bits that are no number make a noise when they are moved.
    with np.errstate(invalid="ignore"):
        bounds = np.array([(block.min(), block.max()) for block in blocks], np.float64)
    return float(bounds[:, 0].min()), float(bounds[:, 1].max())


def write_mrc(path: Path | str, data: ArrayLike, *, pixel_size: float | None) -> None:
    """Write a micrograph, or a stack of them, as an MRC file.

    The bytes depend on the arguments alone: there is no date in the header.

    Parameters
    ----------
    path : Path or str
        The file, which is either complete or not there.
    data : array, shape (ny, nx) or (frames, ny, nx)
        float16 is written in mode 12; int8, int16, uint16 in modes 0, 1, 6; all else as float32 in mode 2.
    pixel_size : float, optional
        Å per pixel; None where it is not known, which the header says by 0.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import mrcfile

    values = np.asarray(data)
    if values.dtype not in (np.int8, np.int16, np.uint16, np.float16):
        values = values.astype(np.float32, copy=False)
    with complete_or_absent(path) as partial, mrcfile.new(partial, overwrite=True) as file:
        # The header's statistics may overflow, which does no harm.
        with np.errstate(over="ignore", invalid="ignore"):
            file.set_data(values)
        if values.ndim == 3:
            file.set_image_stack()
        file.voxel_size = pixel_size or 0.0
        file.header.label[0] = "Written by cryoglean"


def write_png(
    path: Path | str,
    data: ArrayLike,
    *,
    bits: int = 16,
    limits: tuple[float, float] | None = None,
) -> None:
    """Write an image as a grey PNG; the first row of the array becomes the picture's top row.

    Parameters
    ----------
    path : Path or str
        The file, which is either complete or not there.
    data : array, shape (ny, nx)
        The image.
    bits : int
        8 or 16 per pixel.
    limits : tuple of float, optional
        Values that become black and white; by default the least and the greatest.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import imagecodecs

    if bits not in (8, 16):
        raise UsageError(f"a PNG has 8 or 16 bits per pixel, got {bits}")
    values = np.asarray(data, np.float32)
    low, high = limits or extent(values)
    white = 2**bits - 1
    scale = white / (high - low) if high > low else 0.0
    levels = np.clip(np.rint((values - low) * scale), 0, white)
    stored = np.ascontiguousarray(levels, np.uint8 if bits == 8 else np.uint16)
    with complete_or_absent(path) as partial:
        partial.write_bytes(imagecodecs.png_encode(stored))
