"""Micrographs as grey pictures of several sizes, made when they are asked for and kept while there is room.

A picture takes the reading of its micrograph, a few tenths of a second; those that were made before, or that
the page asked for in advance, take none of that.
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import cv2
import numpy as np

from cryoglean.engine.ledger import identify
from cryoglean.errors import OutputError
from cryoglean.image.defects import inner_part
from cryoglean.io import read_micrograph
from cryoglean.io.limits import read_file
from cryoglean.io.writing import complete_or_absent
from cryoglean.types import FloatImage, MicrographFile

TOP_PX = 1024
"""Longer side of the smallest picture, at most."""
THUMBNAIL_PX = 160
"""Longer side of a thumbnail."""
MAX_PICTURE_BYTES, MAX_PIXEL_BYTES = 256 << 20, 384 << 20
"""Bytes of finished pictures, and of pixels to make others of, that are kept."""
JPEG_QUALITY = 88
"""Per cent."""
SMOOTHING = 0.2
"""Default low-pass, in particle diameters."""
HALF_AMPLITUDE = math.sqrt(math.log(2) / 2) / math.pi
"""Width of the Gaussian, in units of the length at which it halves the amplitude."""
CLIPPED = (0.3, 99.7)
"""Per cent of pixels that are black, and that are not white."""
SAMPLES = 1 << 18
"""Pixels that the contrast is measured on."""

V = TypeVar("V")


class Kept(Generic[V]):
    """The things used last, as many as there is room for, and always the very last.

    Parameters
    ----------
    max_bytes : int
        Room for them.
    size : callable
        Returns how many bytes a thing has.
    """

    def __init__(self, max_bytes: int, size: Callable[[V], int]) -> None:
        self._max_bytes, self._size = max_bytes, size
        self._things: OrderedDict[Hashable, V] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """Return the thing of a name, made now if it is not there, by one thread while others wait."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._things:
                    return self._things[key]
            try:
                thing = make()
                self._put(key, thing)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return thing

    def _put(self, key: Hashable, thing: V) -> None:
        with self._lock:
            self._things[key] = thing
            self._total += self._size(thing)
            while self._total > self._max_bytes and len(self._things) > 1:
                self._total -= self._size(self._things.popitem(last=False)[1])


@dataclass(frozen=True, eq=False)
class _Pyramid:
    """A micrograph at smaller and smaller sizes, without the full one, which is read again when it is needed.

    Parameters
    ----------
    shape : tuple of int
        Of the micrograph.
    pixel_size : float
        Å per pixel of the micrograph.
    halves : tuple of ndarray
        Each half as large as the one before.
    """

    shape: tuple[int, int]
    pixel_size: float
    halves: tuple[FloatImage, ...]

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return sum(half.nbytes for half in self.halves)


class Pictures:
    """Pictures of the micrographs of a run.

    Parameters
    ----------
    thumbnails : Path
        Folder for thumbnails; where it cannot be written they are made again each time.
    pixel_size : float, optional
        Å per pixel, where it is not that of the files.
    """

    def __init__(self, thumbnails: Path, pixel_size: float | None = None) -> None:
        self._folder = thumbnails
        self._pixel_size = pixel_size
        self._pictures: Kept[bytes] = Kept(MAX_PICTURE_BYTES, len)
        self._pyramids: Kept[_Pyramid] = Kept(MAX_PIXEL_BYTES, lambda one: one.bytes)

    def picture(self, file: MicrographFile, level: int, *, lowpass: float) -> bytes:
        """Return a micrograph as a JPEG picture.

        Parameters
        ----------
        file : MicrographFile
            Which it is.
        level : int
            How often its sides are halved; see `levels`. More than there are gives the last.
        lowpass : float
            Length in Å at which the amplitude is halved; 0 for none.

        Raises
        ------
        MicrographError
            It cannot be read.
        """
        state = identify(file.path)
        return self._pictures.get((file, state, level, lowpass), lambda: self._make(file, level, lowpass))

    def thumbnail(self, file: MicrographFile, key: str, *, lowpass: float) -> bytes:
        """Return a micrograph as a small JPEG picture, which is kept on disk under a key."""
        state = identify(file.path)
        kept = self._folder / f"{key}.jpg"
        with suppress(OSError):
            # It bears the time of the micrograph that it was made of.
            if kept.stat().st_mtime_ns == state.mtime_ns:
                return read_file(kept)
        pyramid = self._pyramid(file)
        image, step = self._level(pyramid, file, len(pyramid.halves))
        shape = tuple(max(1, round(n * min(1, THUMBNAIL_PX / max(image.shape)))) for n in image.shape)
        small = cv2.resize(_smooth(image, lowpass, step), shape[::-1], interpolation=cv2.INTER_AREA)
        picture = _encoded(np.asarray(small, np.float32))
        with suppress(OutputError), complete_or_absent(kept) as partial:
            partial.write_bytes(picture)
            os.utime(partial, ns=(state.mtime_ns, state.mtime_ns))
        return picture

    def _make(self, file: MicrographFile, level: int, lowpass: float) -> bytes:
        pyramid = self._pyramid(file)
        image, step = self._level(pyramid, file, min(level, len(pyramid.halves)))
        return _encoded(_smooth(image, lowpass, step))

    def _level(self, pyramid: _Pyramid, file: MicrographFile, level: int) -> tuple[FloatImage, float]:
        """Return the pixels of a level, and how many Å wide they are."""
        image = pyramid.halves[level - 1] if level else self._read(file)[0]
        return image, pyramid.pixel_size * pyramid.shape[0] / image.shape[0]

    def _read(self, file: MicrographFile) -> tuple[FloatImage, float]:
        micrograph = read_micrograph(file, pixel_size=self._pixel_size)
        return micrograph.data, micrograph.pixel_size

    def _pyramid(self, file: MicrographFile) -> _Pyramid:
        return self._pyramids.get((file, identify(file.path)), lambda: self._build(file))

    def _build(self, file: MicrographFile) -> _Pyramid:
        data, pixel_size = self._read(file)
        halves: list[FloatImage] = []
        for ny, nx in levels(data.shape)[1:]:
            finer = halves[-1] if halves else data
            halves.append(np.asarray(cv2.resize(finer, (nx, ny), interpolation=cv2.INTER_AREA), np.float32))
        return _Pyramid((data.shape[0], data.shape[1]), pixel_size, tuple(halves))


def levels(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the sizes of the pictures of a micrograph of this shape, (ny, nx), the full one first."""
    sizes = [(shape[0], shape[1])]
    while max(sizes[-1]) > TOP_PX:
        sizes.append((math.ceil(sizes[-1][0] / 2), math.ceil(sizes[-1][1] / 2)))
    return sizes


def _smooth(image: FloatImage, lowpass: float, step: float) -> FloatImage:
    """Apply a low-pass of a length in Å to pixels that are `step` Å wide."""
    sigma = HALF_AMPLITUDE * lowpass / step
    # What is finer than the pixels are is left out already.
    if sigma < 0.3:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), min(sigma, max(image.shape) / 4)), np.float32)


def _encoded(image: FloatImage) -> bytes:
    """Stretch the contrast, which no hot pixels and no margins flatten, and make a JPEG picture."""
    inner = image[inner_part(image)]
    stride = max(1, math.isqrt(inner.size // SAMPLES))
    low, high = np.percentile(inner[::stride, ::stride], CLIPPED)
    gain = 255 / max(float(high - low), float(np.finfo(np.float32).tiny))
    grey = cv2.convertScaleAbs(np.maximum(image - np.float32(low), 0), alpha=gain)
    return cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
