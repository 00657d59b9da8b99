"""EER movies: electron events, rendered and grouped into frames that can be aligned.

An EER file holds hundreds of raw frames, one per read-out of the detector, each a run-length code of where
electrons arrived, to a quarter of a pixel. A raw frame has hardly any signal, so many are summed into a
fraction. tifffile finds the frames and imagecodecs decodes them. The format is described in
https://github.com/fei-company/EerReaderLib; the conventions are those of RELION
(https://relion.readthedocs.io/en/latest/Reference/MovieCompression.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.io.headers import Header
from cryoglean.io.opening import reading
from cryoglean.io.tiff import open_tiff, page_count

SUFFIXES = (".eer",)


def fraction_count(header: Header, grouping: int) -> int:
    """Count the fractions of `grouping` raw frames; a remainder at the end is left out, as RELION does."""
    return header.frames // min(grouping, header.frames)


def read_fractions(header: Header, *, grouping: int, upsampling: int) -> Iterator[NDArray[Any]]:
    """Render an EER movie, one fraction at a time.

    Parameters
    ----------
    header : Header
        The movie's.
    grouping : int
        Raw frames per fraction; all of them where there are fewer.
    upsampling : int
        1 renders on the detector's own pixels, 2 and 3 on two and four times finer ones.

    Yields
    ------
    ndarray of uint16, shape (ny, nx)
        Electrons counted in each pixel, in the stored row order.

    Raises
    ------
    MicrographError
        The file is damaged or cut off.
    """
    grouping = min(grouping, header.frames)
    with reading(header.path), open_tiff(header.path, superres=upsampling - 1) as tiff:
        first = page_count(header.path, tiff) - header.frames
        for start in range(0, fraction_count(header, grouping) * grouping, grouping):
            pages = (tiff.pages[first + start + number] for number in range(grouping))
            fraction = next(pages).asarray().astype(np.uint16)
            for page in pages:
                fraction += page.asarray()
            yield fraction
