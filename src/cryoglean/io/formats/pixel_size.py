"""What STAR files say of the pixel sizes of micrographs.

RELION has four labels for pixel sizes, and each means something of its own:

- ``rlnMicrographPixelSize``: of the micrograph, as motion correction has binned it;
- ``rlnMicrographOriginalPixelSize``: of the movie before it was binned, so the micrograph's where it was not;
- ``rlnPixelSize``, and ``rlnDetectorPixelSize`` (µm) over ``rlnMagnification`` (RELION before 3.1): of the
  images in the table. Where those are particles cut out, they may have been made smaller;
- ``rlnImagePixelSize``: of particle images alone, so it says nothing of micrographs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.star import Block
from cryoglean.io.formats.text import as_floats, runs, typed
from cryoglean.types import MicrographFile, Picks

GROUP = "rlnOpticsGroup"
PIXEL_SIZE, ORIGINAL_PIXEL_SIZE = "rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize"
IMAGE, PLAIN_PIXEL_SIZE = "rlnImageName", "rlnPixelSize"
MAGNIFICATION, DETECTOR_PIXEL = "rlnMagnification", "rlnDetectorPixelSize"

_PICKS_SAY = "the file of the picks says"


def optics_of_rows(block: Block, blocks: list[Block]) -> dict[str, NDArray[Any]]:
    """Give each row of a table the values of its optics group.

    Parameters
    ----------
    block : Block
        Micrographs or particles.
    blocks : list of Block
        All of the file.

    Returns
    -------
    dict of str to array
        By label. Without a column of groups a single group counts for all rows, and of several what is the
        same in all.

    Raises
    ------
    CoordinateError
        A row is of a group that the file has not.
    """
    optics = next((other for other in blocks if GROUP in other and other is not block and len(other)), None)
    if optics is None:
        return {}
    labels = [label for label in optics.columns if label != GROUP]
    if GROUP not in block:
        common = {label: optics.text(label) for label in labels}
        return {
            label: np.repeat(typed(values[:1]), len(block))
            for label, values in common.items()
            if (values == values[0]).all()
        }
    index = {group: row for row, group in enumerate(optics.text(GROUP).tolist())}
    starts, lengths = runs(block.text(GROUP))
    try:
        rows = np.repeat([index[group] for group in block.text(GROUP)[starts].tolist()], lengths)
    except KeyError as error:
        raise CoordinateError(
            block.path, f"a row is of optics group {error}, which data_optics has not"
        ) from None
    return {label: typed(optics.text(label))[rows] for label in labels}


def micrograph_pixel_sizes(columns: Mapping[str, NDArray[Any]], n: int, path: Path) -> NDArray[np.float64]:
    """Return Å per pixel of each row's micrograph; NaN where the columns do not say it.

    Parameters
    ----------
    columns : mapping of str to array
        Of a table of `n` micrographs or particles, with those of their optics groups.
    path : Path
        The file, for messages.

    Raises
    ------
    CoordinateError
        A value is not a number, or no size.
    """
    by_images = [] if IMAGE in columns else _of_images(columns, path)
    return _first_known([*_columns(columns, PIXEL_SIZE), *by_images], n, path)


def movie_pixel_sizes(columns: Mapping[str, NDArray[Any]], n: int, path: Path) -> NDArray[np.float64]:
    """Return Å per pixel of each row's movie, before binning; as `micrograph_pixel_sizes`."""
    return _first_known(_columns(columns, ORIGINAL_PIXEL_SIZE), n, path)


def image_pixel_sizes(columns: Mapping[str, NDArray[Any]], n: int, path: Path) -> NDArray[np.float64]:
    """Return Å per pixel of the images in each row by the labels of old; as `micrograph_pixel_sizes`."""
    return _first_known(_of_images(columns, path), n, path)


def states_movie_pixel_size(picks: Picks) -> bool:
    """Tell whether the pixel size of picks from a STAR file is that of the movie, before binning."""
    movie = movie_pixel_sizes(picks.extra, len(picks), Path(picks.micrograph))[:1]
    own = micrograph_pixel_sizes(picks.extra, len(picks), Path(picks.micrograph))[:1]
    return bool((np.isnan(own) & (movie == picks.pixel_size)).any())


def completed_by(file: MicrographFile, picks: Picks) -> MicrographFile:
    """Add to what is known of a micrograph what the source of its picks says of its pixel size."""
    if file.pixel_size is not None or picks.pixel_size is None:
        return file
    if states_movie_pixel_size(picks):
        return replace(file, movie_pixel_size=file.movie_pixel_size or picks.pixel_size, told_by=_PICKS_SAY)
    return replace(file, pixel_size=picks.pixel_size, told_by=_PICKS_SAY)


def _columns(columns: Mapping[str, NDArray[Any]], label: str) -> list[NDArray[Any]]:
    return [columns[label]] if label in columns else []


def _first_known(stated: Sequence[NDArray[Any]], n: int, path: Path) -> NDArray[np.float64]:
    """Return the first pixel size that each row has in these columns."""
    sizes = np.full(n, np.nan)
    for values in stated:
        given = as_floats(values, path, "the pixel size")
        wrong = np.flatnonzero((given <= 0) | np.isinf(given))
        if len(wrong):
            raise CoordinateError(path, f"the pixel size of row {wrong[0] + 1} is {given[wrong[0]]} Å")
        sizes = np.where(np.isnan(sizes), given, sizes)
    return sizes


def _of_images(columns: Mapping[str, NDArray[Any]], path: Path) -> list[NDArray[Any]]:
    """Return Å per pixel of the images that a table is of, by labels of old, the most trusted first."""
    sizes = _columns(columns, PLAIN_PIXEL_SIZE)
    if MAGNIFICATION in columns and DETECTOR_PIXEL in columns:
        detector = as_floats(columns[DETECTOR_PIXEL], path, f"_{DETECTOR_PIXEL}")
        magnification = as_floats(columns[MAGNIFICATION], path, f"_{MAGNIFICATION}")
        with np.errstate(divide="ignore", invalid="ignore"):
            sizes.append(1e4 * detector / magnification)
    return sizes
