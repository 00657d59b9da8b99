"""Training tiles of real micrographs, in the same files as simulated ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.grey_levels import grey_levels
from cryoglean.dataset.shards import PARTICLE_COLUMNS, TILE_COLUMNS, Shard
from cryoglean.labels.painting import LabelImage
from cryoglean.labels.scale import WorkingScale
from cryoglean.labels.settings import CropConfig
from cryoglean.types import Micrograph

T = TypeVar("T", bound=np.generic)


def cut_tiles(micrograph: Micrograph, labels: LabelImage, *, family: str, config: CropConfig) -> Shard:
    """Cut a labelled micrograph into tiles at the scale on which the network works.

    Parameters
    ----------
    micrograph : Micrograph
        The image.
    labels : LabelImage
        Its labels.
    family : str
        What the particle is: training and test data are split by it.
    config : CropConfig
        Scale and size of a tile.

    Returns
    -------
    Shard
        Tiles that cover the micrograph, the last of each row and column overlapping the one before. A
        micrograph smaller than a tile is surrounded by its median. What cannot be known of a real
        micrograph, such as its signal-to-noise ratio, is NaN.
    """
    scale = WorkingScale.of(micrograph, labels, config.particle_px)
    image = _at_least(scale.low.data, config.tile, fill=float(np.median(scale.low.data)))
    instances = _at_least(scale.instances, config.tile)
    contamination = _at_least(scale.contamination, config.tile)
    images, maps, bits, particles, tiles = [], [], [], [], []
    for number, (y, x) in enumerate(_corners((image.shape[0], image.shape[1]), config.tile)):
        window = np.s_[y : y + config.tile, x : x + config.tile]
        own, shown = _renumbered(instances[window])
        rows = _particle_rows(scale, labels.area, instances=own, shown=shown)
        rows["tile"] = number
        rows["x"] -= x
        rows["y"] -= y
        rows["contamination"] = _under(contamination[window], rows)
        images.append(grey_levels(image[window]))
        maps.append(own)
        bits.append(contamination[window])
        particles.append(rows)
        tiles.append(_tile_row(micrograph, labels, scale, number=number, family=family, count=len(rows)))
    return Shard(
        image=np.stack(images),
        labels=np.stack(maps),
        contamination=np.stack(bits),
        particles=np.concatenate(particles),
        tiles=np.concatenate(tiles),
    )


def _at_least(image: NDArray[T], size: int, *, fill: float = 0) -> NDArray[T]:
    rows, columns = (max(0, size - n) for n in image.shape)
    return np.pad(image, [(0, rows), (0, columns)], constant_values=fill)


def _corners(shape: tuple[int, int], size: int) -> Iterator[tuple[int, int]]:
    """Rows and columns at which tiles begin so that they cover an image evenly."""
    starts = [np.linspace(0, n - size, int(np.ceil(n / size))).round().astype(int) for n in shape]
    for y in starts[0]:
        for x in starts[1]:
            yield int(y), int(x)


def _renumbered(instances: NDArray[np.int32]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Labels from 1 without gaps, and which particles they are."""
    shown, codes = np.unique(instances, return_inverse=True)
    if not len(shown) or shown[0] != 0:
        codes += 1
    return codes.reshape(instances.shape).astype(np.uint16), shown[shown > 0].astype(np.int64) - 1


def _particle_rows(
    scale: WorkingScale, area: NDArray[np.int64], *, instances: NDArray[np.uint16], shown: NDArray[np.int64]
) -> NDArray[np.void]:
    """Describe the particles `shown` in a tile, in the order of its labels; `area` is in full pixels."""
    rows = np.zeros(len(shown), PARTICLE_COLUMNS)
    rows["x"], rows["y"] = scale.xy[shown].T
    inside = np.bincount(instances.ravel(), minlength=len(shown) + 1)[1:]
    rows["visible"] = np.minimum(1, inside * np.prod(scale.low.step) / area[shown])
    return rows


def _under(contamination: NDArray[np.uint8], rows: NDArray[np.void]) -> NDArray[np.uint8]:
    """Bits under the particles' centres, 0 where those lie outside."""
    size = contamination.shape[0]
    x, y = (np.rint(rows[axis]).astype(np.int64) for axis in "xy")
    inside = (x >= 0) & (y >= 0) & (x < size) & (y < size)
    return np.where(inside, contamination[np.clip(y, 0, size - 1), np.clip(x, 0, size - 1)], np.uint8(0))


def _tile_row(
    micrograph: Micrograph, labels: LabelImage, scale: WorkingScale, *, number: int, family: str, count: int
) -> NDArray[np.void]:
    row = np.zeros(1, TILE_COLUMNS)
    for column in TILE_COLUMNS.names or ():
        if row.dtype[column].kind == "f":
            row[column] = np.nan
    row["number"], row["structure"], row["family"] = number, micrograph.name, family
    row["particles"], row["pixel_size"], row["diameter"] = count, scale.pixel_size, labels.diameter
    return row
