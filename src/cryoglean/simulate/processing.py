"""What programs make of a micrograph before anybody picks on it: filters, denoisers, few grey levels, JPEG.

Each keeps the mean and about the contrast, so the micrograph stays comparable with its clean image.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import mean as mean_over

from cryoglean.image.spread import robust_std
from cryoglean.simulate.optics import Frequencies
from cryoglean.simulate.settings import Processing
from cryoglean.types import FloatImage

_REACH = 6.0
"""Pictures of 8 bits reach so many standard deviations to either side of the median."""

_PATCH, _SEARCH = 5, 15
"""Sides of what non-local means compares and of where it looks, pixels."""

_RING = 2
"""Pixels of the transform in one ring of a radial spectrum."""

_NOISE_RINGS = 0.8
"""Beyond this share of the Nyquist frequency a micrograph holds next to nothing but noise."""


def process(
    image: FloatImage, settings: Processing, *, pixel_size: float, rng: np.random.Generator
) -> FloatImage:
    """Do to a micrograph what its settings say, in the order in which a user's programs would.

    Parameters
    ----------
    image : array of float32, shape (ny, nx)
        Counts.
    settings : Processing
        What to do; nothing by default.
    pixel_size : float
        Å per pixel.
    rng : Generator
        Draws the noise.
    """
    if settings.gain_error:
        image = misread_gain(image, settings.gain_error, rng)
    if settings.coloured_noise:
        image = add_coloured_noise(image, settings.coloured_noise, power=settings.noise_power, rng=rng)
    if settings.wiener:
        image = wiener_filter(image, settings.wiener)
    if settings.nonlocal_means:
        image = nonlocal_means(image, settings.nonlocal_means)
    if settings.lowpass:
        image = lowpass_filter(image, settings.lowpass / pixel_size, steepness=settings.lowpass_steepness)
    if settings.equalising:
        image = equalise_contrast(image, settings.equalising / pixel_size)
    if settings.grey_levels:
        image = quantise_grey_levels(image, settings.grey_levels)
    if settings.jpeg_quality:
        image = compress_as_jpeg(image, settings.jpeg_quality)
    return image


def misread_gain(image: FloatImage, error: float, rng: np.random.Generator) -> FloatImage:
    """Multiply by a wrong gain reference: every row, column and pixel is off by this relative rms."""
    ny, nx = image.shape
    parts = (rng.standard_normal(shape, dtype=np.float32) for shape in ((ny, 1), (1, nx), (ny, nx)))
    return np.asarray(image * (1 + np.float32(error / np.sqrt(3)) * sum(parts)), np.float32)


def add_coloured_noise(
    image: FloatImage, level: float, *, power: float, rng: np.random.Generator
) -> FloatImage:
    """Add noise whose amplitude goes with a power of the frequency: -1 is pink, 0 white, 1 blue.

    Its standard deviation is `level` times that of the image.
    """
    ny, nx = image.shape
    k2 = Frequencies.of((ny, nx), 1.0).squared
    # Waves as long as the field would be a gradient, of which the ice's thickness has enough.
    amplitude = np.maximum(k2, (3 / min(ny, nx)) ** 2) ** (power / 2)
    amplitude[0, 0] = 0
    noise = fft.irfft2(fft.rfft2(rng.standard_normal((ny, nx), dtype=np.float32)) * amplitude, (ny, nx))
    noise *= level * float(np.std(image)) / max(float(np.std(noise)), 1e-12)
    return np.asarray(image + noise, np.float32)


def lowpass_filter(image: FloatImage, length_px: float, *, steepness: float) -> FloatImage:
    """Take away what varies more quickly than a length (pixels), by a Butterworth filter of this order."""
    ny, nx = image.shape
    k2 = Frequencies.of((ny, nx), 1.0).squared
    passing = 1 / (1 + (k2 * length_px**2) ** steepness)
    return np.asarray(fft.irfft2(fft.rfft2(image) * passing, (ny, nx)), np.float32)


def wiener_filter(image: FloatImage, strength: float) -> FloatImage:
    """Weaken each ring of the spectrum by the share of noise in it, as denoisers learn to do.

    The noise is taken to be white, as strong as at high frequencies, and overrated by `strength`. A learned
    denoiser (Lehtinen et al. 2018, noise2noise; Bepler et al. 2020, Topaz-Denoise) approaches this filter
    where it has seen no picture like the one at hand.
    """
    ny, nx = image.shape
    transform = fft.rfft2(image)
    radius = np.sqrt(Frequencies.of((ny, nx), 1.0).squared)
    ring = np.round(radius * max(ny, nx) / _RING).astype(np.int32)
    power = np.abs(transform) ** 2
    power[0, 0] = 0
    rings = np.arange(ring.max() + 1)
    spectrum = np.nan_to_num(mean_over(power, ring, rings))
    outer = (radius > _NOISE_RINGS / 2) & (radius < 0.5)
    noise = strength * float(power[outer].mean())
    passing = np.clip(1 - noise / np.maximum(spectrum, 1e-30), 0.02, 1)
    smooth = np.convolve(np.pad(passing, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    weakened = transform * smooth[ring]
    weakened[0, 0] = transform[0, 0]
    return np.asarray(fft.irfft2(weakened, (ny, nx)), np.float32)


def nonlocal_means(image: FloatImage, strength: float) -> FloatImage:
    """Average places that look alike, `strength` being how unlike they may be, in spreads of the image.

    Buades, Coll & Morel (2005), A non-local algorithm for image denoising.
    """
    levels, middle, unit = _as_8_bits(image)
    width = float(strength * robust_std(levels.astype(np.float32)))
    smooth = cv2.fastNlMeansDenoising(levels, None, width, _PATCH, _SEARCH)
    return _from_8_bits(smooth, middle, unit)


def equalise_contrast(image: FloatImage, length_px: float) -> FloatImage:
    """Make mean and spread the same everywhere, within a Gaussian of this width (pixels)."""
    mean = cv2.GaussianBlur(image, (0, 0), length_px, borderType=cv2.BORDER_REFLECT)
    level = image - mean
    spread = np.sqrt(cv2.GaussianBlur(level**2, (0, 0), length_px, borderType=cv2.BORDER_REFLECT))
    typical = np.float32(np.median(spread))
    return np.asarray(level * (typical / np.maximum(spread, typical / 20)) + mean.mean(), np.float32)


def quantise_grey_levels(image: FloatImage, count: int) -> FloatImage:
    """Leave so many grey levels between the 0.1 and the 99.9 percentile, as exported pictures have."""
    low, high = np.percentile(image[::2, ::2], (0.1, 99.9))
    step = np.float32(max(float(high - low), 1e-12) / max(count - 1, 1))
    level = np.rint((np.clip(image, low, high) - low) / step)
    return np.asarray(level * step + low, np.float32)


def compress_as_jpeg(image: FloatImage, quality: int) -> FloatImage:
    """Save and read as a JPEG of 8 bits of this quality."""
    levels, middle, unit = _as_8_bits(image)
    written = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    read = cv2.imdecode(written, cv2.IMREAD_GRAYSCALE)
    assert read is not None  # what was written a moment ago
    return _from_8_bits(read, middle, unit)


def _as_8_bits(image: FloatImage) -> tuple[NDArray[np.uint8], float, float]:
    """Grey levels with the median at 128, the median itself, and what one level is worth."""
    middle = float(np.median(image))
    unit = max(float(robust_std(image)) * _REACH / 127, 1e-12)
    levels = np.clip(np.rint((image - middle) / unit + 128), 0, 255).astype(np.uint8)
    return levels, middle, unit


def _from_8_bits(levels: NDArray[np.generic], middle: float, unit: float) -> FloatImage:
    return np.asarray((levels.astype(np.float32) - 128) * unit + middle, np.float32)
