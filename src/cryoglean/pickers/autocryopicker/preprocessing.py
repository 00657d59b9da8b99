"""The chain of AutoCryoPicker's pre-processing, and what each step does to an image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cryoglean.pickers.autocryopicker.clahe import equalise_adaptively
from cryoglean.pickers.autocryopicker.grey_levels import (
    equalise_histogram,
    standardise,
    stretch_contrast,
    stretch_mid_range,
)
from cryoglean.pickers.autocryopicker.morphology import close_grey, open_grey
from cryoglean.pickers.autocryopicker.restoration import filter_guided, filter_wiener, filter_wiener_local
from cryoglean.pickers.autocryopicker.settings import PreprocessConfig
from cryoglean.types import FloatImage


def preprocess_steps(
    image: ArrayLike, config: PreprocessConfig | None = None
) -> Iterator[tuple[str, FloatImage]]:
    """Yield the name and the result of each step of AutoCryoPicker's pre-processing, in order.

    Parameters
    ----------
    image : array, shape (ny, nx)
        A micrograph with dark particles, at the working scale of `PreprocessConfig`.
    config : PreprocessConfig, optional
        The constants.

    Yields
    ------
    name : str
        What the step does.
    image : ndarray of float32, shape (ny, nx)
        In [0, 1], but for the first, which has zero mean and unit variance.

    Notes
    -----
    Al-Azzawi et al. (2019), figure 1 and the section on pre-processing, with the steps of their programs.
    """
    config = config or PreprocessConfig()
    current = standardise(image)
    yield "normalised", current
    stretch = stretch_contrast if config.stretch == "limits" else stretch_mid_range
    current = stretch(current, config.saturate)
    yield "contrast_stretched", current
    current = equalise_histogram(current, config.levels)
    yield "equalised", current
    if config.restoration == "local":
        current = filter_wiener_local(current, config.wiener_window)
    else:
        current = np.clip(filter_wiener(current), 0, 1)
    yield "restored", current
    current = equalise_histogram(current, config.levels)
    yield "equalised_again", current
    for number, clip in enumerate(config.clips, start=1):
        current = equalise_adaptively(current, tiles=config.tiles, clip=clip, alpha=config.rayleigh_alpha)
        yield f"adaptively_equalised_{number}", current
    current = filter_guided(
        current, window=config.guided_window, epsilon=config.guided_epsilon, passes=config.guided_passes
    )
    yield "guided_filtered", current
    current = stretch_contrast(current, config.saturate)
    yield "adjusted", current
    yield "morphology", open_grey(current) if config.morphology == "open" else close_grey(current)


def preprocess(image: ArrayLike, config: PreprocessConfig | None = None) -> FloatImage:
    """Run AutoCryoPicker's pre-processing and return its last image; see `preprocess_steps`."""
    *_, (_, final) = preprocess_steps(image, config)
    return final


@dataclass(frozen=True)
class ImageQuality:
    """How far one image is from another of the same range.

    Parameters
    ----------
    mse : float
        Mean squared difference.
    psnr : float
        Peak signal-to-noise ratio, dB: the squared peak over the mean squared difference.
    snr : float
        Signal-to-noise ratio, dB: the reference's variance over that of the difference.
    """

    mse: float
    psnr: float
    snr: float


def measure_quality(reference: FloatImage, image: FloatImage, peak: float = 1.0) -> ImageQuality:
    """Measure what a step changed: mean squared error, PSNR and SNR of an image against a reference.

    Parameters
    ----------
    reference, image : ndarray of float, shape (ny, nx)
        The two images.
    peak : float
        Largest value that either may take.

    Returns
    -------
    ImageQuality
        PSNR and SNR are infinite for equal images.

    Raises
    ------
    ValueError
        The shapes differ.

    Notes
    -----
    The usual definitions; the formulas of the authors' programs are others, so the paper's figures
    compare in their order only.
    """
    if reference.shape != image.shape:
        raise ValueError(f"images of shapes {reference.shape} and {image.shape} cannot be compared")
    difference = np.asarray(image, np.float64) - reference
    mse, noise = float(np.mean(np.square(difference))), float(np.var(difference))
    signal = float(np.var(reference, dtype=np.float64))
    return ImageQuality(mse, _decibel(peak**2, mse), _decibel(signal, noise))


def _decibel(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf
