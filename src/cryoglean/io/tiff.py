"""TIFF files: images and movies, in the compressions that imagecodecs knows; rows are yielded as stored."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import MicrographError
from cryoglean.io.colour import COLOUR, grey
from cryoglean.io.headers import Header, is_credible_pixel_size
from cryoglean.io.limits import open_file
from cryoglean.io.opening import COPY_AGAIN, reading, refuse_impossible

SUFFIXES = (".tif", ".tiff")
#: TIFF compressions that mark electron-event representation (see `cryoglean.io.eer`).
EER_COMPRESSIONS = (65000, 65001, 65002)

# Å per resolution unit: 2 is the inch, 3 the centimetre (TIFF 6.0, tag 296).
_UNIT = {2: 2.54e8, 3: 1e8}


def read_header(path: Path) -> Header:
    """Read the header of a TIFF or EER file.

    Raises
    ------
    MicrographError
        The file is damaged or holds no image.
    """
    import tifffile

    with reading(path), _complaints() as complaints, open_tiff(path) as tiff:
        pages = tiff.pages
        page: Any = pages.first
        is_eer = page.compression in EER_COMPRESSIONS
        frames = len(pages)
        if not is_eer and frames > 1 and pages[1].compression in EER_COMPRESSIONS:
            # Some programs put the sum of all frames before them.
            is_eer, page, frames = True, pages[1], frames - 1
        pixel_size = _pixel_size(page)
        codec = tifffile.COMPRESSION(page.compression).name
        _refuse_impossible_page(path, page)
        _refuse_single_page_stack(path, tiff)
        return Header(
            path=path,
            format="EER" if is_eer else "TIFF",
            shape=(page.imagelength, page.imagewidth),
            frames=frames,
            dtype=str(page.dtype),
            byte_order="little" if tiff.byteorder == "<" else "big",
            compression="" if codec == "NONE" else codec,
            pixel_size=pixel_size,
            pixel_size_doubt="" if pixel_size else "the TIFF tags give no credible pixel size",
            warnings=(*((COLOUR,) if page.samplesperpixel > 2 else ()), *complaints, *_cut_off(path, page)),
        )


def read_frames(header: Header) -> Iterator[NDArray[Any]]:
    """Read a TIFF file page by page; colour becomes grey.

    Yields
    ------
    ndarray, shape (ny, nx)
        Pixels in the stored row order.

    Raises
    ------
    MicrographError
        The file is damaged or cut off, or a page has another size than the first.
    """
    with reading(header.path), open_tiff(header.path) as tiff:
        for number in range(page_count(header.path, tiff)):
            page = tiff.pages[number]
            # Before it is decoded: a page may promise any number of pixels.
            require_shape(header, number, page)
            image = page.asarray()
            image = grey(np.moveaxis(image, 0, -1) if page.axes.startswith("S") else image)
            if image.shape != header.shape:
                got = f"frame {number + 1} comes out with the shape {image.shape}"
                raise MicrographError(header.path, f"damaged: {got}, not {header.shape}", COPY_AGAIN)
            yield image


def read_image(header: Header) -> NDArray[Any]:
    """Read the first page of a TIFF file; see `read_frames`."""
    return next(read_frames(header))


@contextmanager
def open_tiff(path: Path, *, superres: int = 0) -> Iterator[Any]:
    """Open a TIFF or EER file with tifffile; `superres` renders EER frames finer, by that power of 2."""
    import tifffile

    # What tifffile logs would appear on the terminal where nobody collects it.
    with (
        _complaints(),
        open_file(path) as file,
        tifffile.TiffFile(file, superres=superres, name=path.name) as tiff,
    ):
        yield tiff


def require_shape(header: Header, number: int, page: Any) -> None:
    """Make sure that a page holds a frame as large as the first.

    Raises
    ------
    MicrographError
        It has another size.
    """
    shape = (page.imagelength, page.imagewidth)
    if shape != header.shape or page.imagedepth != 1:
        sizes = f"frame {number + 1} has {shape} rows and columns, the first {header.shape}"
        raise MicrographError(header.path, sizes, "give a movie whose frames are all of one size")
    _refuse_impossible_page(header.path, page)


def page_count(path: Path, tiff: Any) -> int:
    """Count the pages of an open file, and make sure that the chain of them ends as it should.

    Raises
    ------
    MicrographError
        The file is cut off.
    """
    with _complaints(logging.ERROR) as complaints:
        count = len(tiff.pages)
    if complaints:
        raise MicrographError(path, f"cut off after {count} frames: {complaints[0]}", COPY_AGAIN)
    return count


def _refuse_impossible_page(path: Path, page: Any) -> None:
    """Refuse a page whose pixels, or one of whose tiles, cannot be in the file."""
    pixel = page.dtype.itemsize if page.dtype else 1
    # Tiles at the border reach beyond the image, but none is many times as large.
    tile = page.tilewidth * page.tilelength * page.samplesperpixel if page.is_tiled else 0
    refuse_impossible(path, max(page.size, tile) * pixel)


def _refuse_single_page_stack(path: Path, tiff: Any) -> None:
    """ImageJ writes stacks above 4 GB as one page followed by raw pixels, which would pass for one image."""
    images = (tiff.imagej_metadata or {}).get("images", 1)
    if images > len(tiff.pages):
        cause = f"an ImageJ stack of {images} images with a header for {len(tiff.pages)} of them only"
        raise MicrographError(path, cause, "save it as MRC or as a plain TIFF with one page an image")


def _cut_off(path: Path, page: Any) -> tuple[str, ...]:
    """Say how much of a page's pixels lies beyond the end of the file; nothing where all is there."""
    ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
    missing = max(ends, default=0) - path.stat().st_size
    return (f"cut off: {missing:,} bytes of pixels are missing",) if missing > 0 else ()


def _pixel_size(page: Any) -> float | None:
    """Å per pixel by the resolution tags, as SerialEM and RELION write them; None where it is a printer's."""
    unit = page.tags.valueof("ResolutionUnit", default=1)
    dots, length = page.tags.valueof("XResolution", default=(0, 1))
    if unit not in _UNIT or not dots:
        return None
    pixel_size = _UNIT[unit] * length / dots
    return pixel_size if is_credible_pixel_size(pixel_size) else None


@contextmanager
def _complaints(level: int = logging.WARNING) -> Iterator[list[str]]:
    """Collect what tifffile logs in this thread: it reports a broken chain of pages in no other way."""
    found: list[str] = []
    thread = threading.get_ident()

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                found.append(" ".join(record.getMessage().split()))

    logger, collector = logging.getLogger("tifffile"), Collector(level)
    logger.addHandler(collector)
    try:
        yield found
    finally:
        logger.removeHandler(collector)
