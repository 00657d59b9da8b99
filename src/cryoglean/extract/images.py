"""From coordinates to particle images, step by step as ``relion_preprocess --extract`` does it.

The conventions were found by comparison with RELION 3.1: a coordinate loses its fraction, the pixel that is
left becomes pixel n // 2 of a box of n, and what lies outside the micrograph repeats its border. Rescaling
crops the Fourier transform about pixel (0, 0); then a plane fitted to the background is taken away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from cryoglean.extract.settings import ExtractConfig
from cryoglean.types import FloatImage

_ROOM = 1.5
"""Box over diameter: what defocus carries out of the particle stays in the box, mostly."""

_BACKGROUND_RADIUS = 0.375
"""Radius beyond which a box is background, in boxes: RELION's default, 75 % of the box across."""


def suggested_box(diameter: float, pixel_size: float) -> int:
    """Suggest a box for a particle, in pixels: half again its diameter, even, and quick to transform.

    Parameters
    ----------
    diameter : float
        Of the particle, Å.
    pixel_size : float
        Å per pixel.
    """
    return 2 * int(fft.next_fast_len(int(np.ceil(_ROOM * diameter / pixel_size / 2)), real=True))


def particle_images(image: FloatImage, xy: NDArray[np.float64], config: ExtractConfig) -> FloatImage:
    """Cut, rescale, normalise and invert.

    Parameters
    ----------
    image : array of float32, shape (ny, nx)
        The micrograph.
    xy : array, shape (n, 2)
        Centres in pixels.
    config : ExtractConfig
        The box must be given in pixels.

    Returns
    -------
    array of float32, shape (n, m, m)
        m is `config.scale`, or the box where nothing is rescaled.
    """
    if config.box is None:
        raise ValueError("the box is not known")
    boxes = cut_boxes(image, xy, config.box)
    if config.scale is not None and config.scale != config.box:
        boxes = crop_fourier(boxes, config.scale)
    if config.normalise:
        size = boxes.shape[-1]
        radius = config.background_radius or int(_BACKGROUND_RADIUS * size)
        boxes = normalise_background(boxes, radius, ramp=config.ramp)
    return -boxes if config.invert else boxes


def cut_boxes(image: FloatImage, xy: NDArray[np.float64], box: int) -> FloatImage:
    """Cut boxes whose pixel box // 2 is the pixel of each coordinate without its fraction.

    Parameters
    ----------
    image : array of float32, shape (ny, nx)
        The micrograph. Beyond its border the pixels there repeat.
    xy : array, shape (n, 2)
        Centres in pixels.
    box : int
        Pixels along a side.

    Returns
    -------
    array of float32, shape (n, box, box)
    """
    corner = np.trunc(xy).astype(np.int64) - box // 2
    steps = np.arange(box)
    rows = np.clip(corner[:, 1, None] + steps, 0, image.shape[0] - 1)
    columns = np.clip(corner[:, 0, None] + steps, 0, image.shape[1] - 1)
    boxes: FloatImage = image[rows[:, :, None], columns[:, None, :]]
    return boxes


def crop_fourier(boxes: FloatImage, size: int) -> FloatImage:
    """Make images smaller by leaving out high frequencies; pixel (0, 0) and the mean stay.

    Parameters
    ----------
    boxes : array of float32, shape (n, m, m)
        The images.
    size : int
        Pixels along a side of the result: even, at most m.
    """
    box, half = boxes.shape[-1], size // 2
    transform = fft.rfft2(boxes)
    rows = np.r_[0 : half + 1, box - half + 1 : box]
    kept = transform[:, rows, : half + 1]
    small = fft.irfft2(kept, (size, size)) * np.float32((size / box) ** 2)
    return np.asarray(small, np.float32)


def normalise_background(boxes: FloatImage, radius: float, *, ramp: bool = True) -> FloatImage:
    """Give the background of each image mean 0 and standard deviation 1.

    Parameters
    ----------
    boxes : array of float32, shape (n, m, m)
        The images.
    radius : float
        Pixels farther than this from pixel m // 2 are background.
    ramp : bool
        Take a plane fitted to the background away first.
    """
    n, size = boxes.shape[0], boxes.shape[-1]
    y, x = (np.indices((size, size)) - size // 2).reshape(2, -1)
    outside = x * x + y * y > radius * radius
    flat = boxes.reshape(n, -1).astype(np.float64)
    plane = np.column_stack([x, y, np.ones_like(x)]) if ramp else np.ones((x.size, 1))
    fitted = np.linalg.lstsq(plane[outside], flat[:, outside].T, rcond=None)[0]
    flat -= (plane @ fitted).T
    spread = flat[:, outside].std(axis=1, keepdims=True)
    flat /= np.where(spread > 0, spread, 1)
    return flat.reshape(boxes.shape).astype(np.float32)
