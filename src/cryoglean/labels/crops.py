"""Crops for the classifier of candidates, of three kinds (Zhang et al., BMC Bioinf. 2019, 20, 41)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.grey_levels import quantise
from cryoglean.errors import DatasetError
from cryoglean.image.background import flatten
from cryoglean.io.arrays import Layout, read_arrays
from cryoglean.io.writing import complete_or_absent
from cryoglean.labels.painting import LabelImage
from cryoglean.labels.scale import WorkingScale
from cryoglean.labels.settings import CropConfig
from cryoglean.types import Micrograph

CROP_KINDS = ("particle", "contamination", "background")
"""Kind i of a crop."""

_BACKGROUND_WIDTH = 3.0
"""Width of the Gaussian that is taken for the background, in particle diameters."""

_MIN_VISIBLE = 0.5
"""A particle of which less shows is no example of one."""


@dataclass(frozen=True, eq=False)
class Crops:
    """Small images with the kind of what is in their middle.

    Parameters
    ----------
    image : array of uint8, shape (n, c, c)
        ``(level - 128) / 21`` is in standard deviations of the micrograph's noise about its background. The
        centre is pixel c // 2.
    kind : array of uint8, shape (n,)
        See `CROP_KINDS`.
    xy : array of float32, shape (n, 2)
        Centres in pixels of the micrograph.
    micrograph : array of str, shape (n,)
        Names of the micrographs.
    pixel_size : array of float32, shape (n,)
        Å per pixel of the crop.
    """

    image: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    xy: NDArray[np.float32]
    micrograph: NDArray[np.str_]
    pixel_size: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.kind)

    def count(self, kind: str) -> int:
        """Count the crops of a kind."""
        return int(np.sum(self.kind == CROP_KINDS.index(kind)))


def sample_crops(
    micrograph: Micrograph, labels: LabelImage, *, config: CropConfig, rng: np.random.Generator
) -> Crops:
    """Cut crops about every particle, and about places that are none.

    Parameters
    ----------
    micrograph : Micrograph
        The image; particles keep the contrast that they have in it.
    labels : LabelImage
        Its labels. Particles of which half is hidden or outside, and those too near the border for a whole
        crop, give none.
    config : CropConfig
        Scale, size, how many negatives and how far from particles. A micrograph without particles gives as
        many negatives as if there were 50.
    rng : Generator
        Draws the negatives.
    """
    scale = WorkingScale.of(micrograph, labels, config.particle_px)
    # Pixels from which a whole crop can be cut.
    half = config.crop // 2
    shape = scale.instances.shape
    inside = np.zeros(shape, np.bool_)
    inside[half : shape[0] - half + 1, half : shape[1] - half + 1] = True
    seen = np.rint(scale.xy[labels.visible >= _MIN_VISIBLE]).astype(np.int64)
    whole = _within(seen, inside.shape) & inside[_clipped(seen, inside.shape)]
    apart = config.distance * config.particle_px
    empty = inside & (_distance_to_points(scale.xy, inside.shape) >= apart)
    wanted = int(whole.sum()) or 50
    contaminated = scale.contamination > 0
    contamination = _draw(empty & contaminated, round(config.contamination * wanted), rng)
    clean = empty & (_distance_to_mask(contaminated) >= apart)
    background = _draw(clean, round(config.background * wanted), rng)
    places = [seen[whole], contamination, background]
    flat = flatten(scale.low.data, _BACKGROUND_WIDTH * config.particle_px)
    xy = np.concatenate(places)
    count = len(xy)
    return Crops(
        image=_cut(quantise(flat), xy, config.crop),
        kind=np.repeat(np.arange(3, dtype=np.uint8), [len(p) for p in places]),
        xy=scale.low.to_micrograph(xy).astype(np.float32),
        micrograph=np.full(count, micrograph.name),
        pixel_size=np.full(count, scale.pixel_size, np.float32),
    )


_LAYOUT: Layout = {
    "image": (np.uint8, "n s s"),
    "kind": (np.uint8, "n"),
    "xy": (np.float32, "n 2"),
    "micrograph": ("U", "n"),
    "pixel_size": (np.float32, "n"),
}


def write_crops(crops: Sequence[Crops], path: Path) -> None:
    """Write crops of many micrographs into one npz file, in the order given."""
    columns = ("image", "kind", "xy", "micrograph", "pixel_size")
    joined = {name: np.concatenate([getattr(part, name) for part in crops]) for name in columns}
    with complete_or_absent(path) as partial:
        np.savez_compressed(partial, allow_pickle=False, **joined)


def read_crops(path: Path) -> Crops:
    """Read what `write_crops` wrote.

    Raises
    ------
    DatasetError
        Not such a file.
    """
    try:
        return Crops(**read_arrays(path, _LAYOUT))
    except ValueError as error:
        raise DatasetError(path, f"no file of crops: {error}") from None


def _within(xy: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.asarray(((xy >= 0) & (xy < shape[::-1])).all(axis=1))


def _clipped(xy: NDArray[np.int64], shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Index of the nearest pixels."""
    x, y = np.clip(xy, 0, np.array(shape[::-1]) - 1).T
    return y, x


def _distance_to_points(xy: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Distance of each pixel from the nearest point, which may lie outside, in pixels."""
    room = int(np.ceil(max(0.0, -xy.min(initial=0), *(xy - shape[::-1]).max(axis=0, initial=0)))) + 1
    points = np.zeros((shape[0] + 2 * room, shape[1] + 2 * room), np.bool_)
    x, y = np.rint(xy + room).astype(np.int64).T
    points[y, x] = True
    return _distance_to_mask(points)[room : room + shape[0], room : room + shape[1]]


def _distance_to_mask(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    distance = cv2.distanceTransform(1 - mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, np.float32)


def _draw(where: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw pixels of a mask without repetition, at most as many as it has: (n, 2), x and y."""
    places = np.flatnonzero(where)
    chosen = rng.choice(places, min(count, len(places)), replace=False) if len(places) else places
    y, x = np.unravel_index(chosen, where.shape)
    return np.stack([x, y], axis=1).astype(np.int64)


def _cut(image: NDArray[np.uint8], xy: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    if not len(xy):
        return np.zeros((0, size, size), np.uint8)
    corner = xy - size // 2
    return np.stack([image[y : y + size, x : x + size] for x, y in corner])
