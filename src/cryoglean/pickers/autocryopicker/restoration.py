"""Restoration and edge-preserving smoothing: Wiener filters and the guided filter."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from cryoglean.types import FloatImage


def filter_wiener_local(image: ArrayLike, window: int = 5) -> FloatImage:
    """Pull every pixel towards the mean of its window, the more the less the window varies above the noise.

    The noise variance is the mean of the variances of all windows.

    Parameters
    ----------
    image : array of float, shape (ny, nx)
        The image.
    window : int
        Side of the square window, pixels.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The restored image, in the unit of the input.

    Notes
    -----
    Lee, J. S. (1980), IEEE Trans. Pattern Anal. 2:165; the adaptive Wiener filter that the
    AutoCryoPicker programs run where the paper writes the Fourier form (`filter_wiener`).
    """
    pixels = np.asarray(image, np.float32)
    mean, variance = _local_moments(pixels, window)
    noise = np.float32(variance.mean(dtype=np.float64))
    gain = np.maximum(variance - noise, 0) / np.maximum(np.maximum(variance, noise), np.float32(1e-12))
    return np.asarray(mean + gain * (pixels - mean), np.float32)


def filter_wiener(image: ArrayLike, transfer: ArrayLike | None = None) -> FloatImage:
    """Restore an image in Fourier space, with both power spectra estimated from it.

    Every frequency is multiplied by ``conj(H) S / (|H|² S + N)``. The noise power N is taken as white,
    equal to the rotational mean at the highest frequencies; the signal power S is what the rotational mean
    exceeds it by.

    Parameters
    ----------
    image : array of float, shape (ny, nx)
        The image.
    transfer : array, shape (ny, nx // 2 + 1), optional
        Transfer function H of the blur at the frequencies of `scipy.fft.rfft2`; 1 where not given.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The restored image, with the mean of the input.

    Notes
    -----
    Al-Azzawi et al. (2019), equation 3.
    """
    pixels = np.asarray(image, np.float32)
    mean = np.float32(pixels.mean(dtype=np.float64))
    spectrum = scipy.fft.rfft2(pixels - mean)
    ring = _frequency_rings(pixels.shape)
    count = np.maximum(np.bincount(ring.ravel()), 1)
    power = np.bincount(ring.ravel(), np.square(np.abs(spectrum)).ravel()) / count
    nyquist = min(pixels.shape) // 2
    noise = power[int(0.9 * nyquist) : nyquist + 1].mean()
    blur = 1.0 if transfer is None else np.asarray(transfer)
    squared = np.square(np.abs(blur))
    floor = np.finfo(np.float32).tiny
    signal = (np.maximum(power - noise, 0)[ring]) / np.maximum(squared, 1e-3)
    wiener = np.conj(blur) * signal / np.maximum(squared * signal + noise, floor)
    return np.asarray(scipy.fft.irfft2(spectrum * wiener, s=pixels.shape), np.float32) + mean


def filter_guided(
    image: FloatImage, *, window: int = 5, epsilon: float = 0.01, passes: int = 1
) -> FloatImage:
    """Smooth an image by a local linear model of itself: flat places are averaged, edges kept.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Both the guide and the image to smooth.
    window : int
        Side of the square window, pixels.
    epsilon : float
        Variance, in squared units of the image, below which a window counts as flat.
    passes : int
        How often in a row: four times in the authors' programs.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The smoothed image.

    Notes
    -----
    He, Sun and Tang (2013), IEEE Trans. Pattern Anal. 35:1397; Al-Azzawi et al. (2019), equations 5 and 6.
    """
    smooth = np.asarray(image, np.float32)
    for _ in range(passes):
        mean, variance = _local_moments(smooth, window)
        slope = variance / (variance + np.float32(epsilon))
        intercept = (1 - slope) * mean
        smooth = _box(slope, window) * smooth + _box(intercept, window)
    return smooth


def _box(image: FloatImage, window: int) -> FloatImage:
    # The border is mirrored, not padded with zeros: dark frames around the micrograph would become particles.
    return np.asarray(cv2.blur(image, (window, window), borderType=cv2.BORDER_REFLECT_101), np.float32)


def _local_moments(image: FloatImage, window: int) -> tuple[FloatImage, FloatImage]:
    # About the image's mean, so that float32 keeps the digits of the variance.
    middle = np.float32(image.mean(dtype=np.float64))
    centred = image - middle
    mean = _box(centred, window)
    variance = np.maximum(_box(np.square(centred), window) - np.square(mean), 0)
    return mean + middle, variance


def _frequency_rings(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Index of the ring, one frequency step of the shorter side wide, of each frequency of `rfft2`."""
    fy = scipy.fft.fftfreq(shape[0])[:, None]
    fx = scipy.fft.rfftfreq(shape[1])[None, :]
    return np.asarray(np.rint(np.hypot(fy, fx) * min(shape)), np.int64)
