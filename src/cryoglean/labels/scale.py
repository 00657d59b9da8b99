"""A labelled micrograph at the scale on which the network works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cryoglean.image.resample import average_area
from cryoglean.labels.painting import LabelImage
from cryoglean.types import Micrograph, ResampledImage

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, eq=False)
class WorkingScale:
    """A micrograph and its labels where the particle measures a given number of pixels.

    Parameters
    ----------
    low : ResampledImage
        The micrograph, shrunk by averaging areas.
    instances : array of int32, shape (my, mx)
        As in `LabelImage`.
    contamination : array of uint8, shape (my, mx)
        As in `LabelImage`.
    xy : array, shape (n, 2)
        Centres of the particles, pixels of this scale.
    pixel_size : float
        Å per pixel of this scale.
    """

    low: ResampledImage
    instances: NDArray[np.int32]
    contamination: NDArray[np.uint8]
    xy: NDArray[np.float64]
    pixel_size: float

    @classmethod
    def of(cls, micrograph: Micrograph, labels: LabelImage, particle_px: float) -> WorkingScale:
        """Bring a micrograph and its labels to a scale."""
        low = average_area(micrograph.data, labels.diameter / labels.pixel_size / particle_px)
        return cls(
            low,
            _sampled(labels.instances, low),
            _sampled(labels.contamination, low),
            low.from_micrograph(labels.xy),
            labels.pixel_size * low.step[1],
        )


def _sampled(image: NDArray[T], low: ResampledImage) -> NDArray[T]:
    """Take the pixels of a label image that lie under the centres of a map's pixels."""
    rows, columns = (
        np.clip(np.rint(np.arange(n) * step + offset).astype(np.int64), 0, full - 1)
        for n, step, offset, full in zip(low.data.shape, low.step, low.offset, image.shape, strict=True)
    )
    return image[np.ix_(rows, columns)]
