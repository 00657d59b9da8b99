"""From the intensity behind the specimen to counts: dose, Poisson statistics, and the detector's transfer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from cryoglean.simulate.optics import Frequencies
from cryoglean.simulate.settings import Exposure


def transfer(
    frequency_squared: NDArray[np.floating], at_nyquist: float, nyquist: float, *, shape: float = 2.0
) -> NDArray[np.floating]:
    """Transfer of a detector, as far as it goes.

    Parameters
    ----------
    frequency_squared : array
        Squared spatial frequency, 1/Å².
    at_nyquist : float
        Transfer at the Nyquist frequency.
    nyquist : float
        The detector's Nyquist frequency, 1/Å. An image with finer pixels than the detector's, as re-sampling
        makes, holds nothing beyond.
    shape : float
        Its logarithm falls with this power of the frequency: 2 for a Gaussian, more for a shoulder.
    """
    # A detector's transform is a square: the cut lies at its corners, where the squared frequency doubles.
    relative = frequency_squared / nyquist**2
    cut = 1 / (1 + np.exp(np.minimum((relative - 2.1) * 20, 60)))
    return np.asarray(np.exp(np.log(at_nyquist) * relative ** (shape / 2)) * cut)


def signal_to_noise_transfer(
    frequency_squared: NDArray[np.floating], exposure: Exposure, nyquist: float
) -> NDArray[np.floating]:
    """Root of the DQE relative to zero frequency: transfer of the signal over that of the noise.

    The signal takes it before the electrons are counted, and everything the noise's transfer after, so that
    both end with their own (Vulović et al., J. Struct. Biol. 2013, 183, 19).
    """
    fall = min(np.log(exposure.mtf_nyquist) - np.log(exposure.ntf_nyquist), 0.0)
    return np.asarray(np.exp(fall * (frequency_squared / nyquist**2) ** (exposure.mtf_shape / 2)))


def illumination(shape: tuple[int, int], unevenness: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Relative intensity of a beam that is not centred on the field: 1 at its brightest, shape (ny, nx)."""
    centre = rng.uniform(-0.5, 0.5, 2)
    y2, x2 = ((np.linspace(-0.5, 0.5, n) - c) ** 2 for n, c in zip(shape, centre, strict=True))
    nearest, farthest = y2.min() + x2.min(), y2.max() + x2.max()
    fall = np.float32(unevenness / (farthest - nearest))
    r2 = (y2 - nearest)[:, None].astype(np.float32) + x2.astype(np.float32)
    return np.asarray(1 - fall * r2)


def count_electrons(rate: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw each pixel's count of electrons about its mean `rate`."""
    return rng.poisson(rate).astype(np.float32)


def denoise(counts: NDArray[np.float32], rate: NDArray[np.floating], share: float) -> NDArray[np.float32]:
    """Bring counts closer to their mean `rate` by a share of the way, as an ideal denoiser would."""
    return np.asarray(counts + np.float32(share) * (rate - counts), np.float32) if share else counts


def blur_noise(counts: NDArray[np.float32], exposure: Exposure, *, pixel_size: float) -> NDArray[np.float32]:
    """Spread counts over neighbouring pixels (Å) by the detector's noise transfer."""
    detector_pixel = exposure.detector_pixel or pixel_size
    if exposure.ntf_nyquist == 1 and detector_pixel <= pixel_size:
        return counts
    k2 = Frequencies.of((counts.shape[0], counts.shape[1]), pixel_size).squared
    passing = transfer(k2, exposure.ntf_nyquist, 0.5 / detector_pixel, shape=exposure.mtf_shape)
    blurred = fft.rfft2(counts) * passing
    return np.asarray(fft.irfft2(blurred, counts.shape), np.float32)


def flatten(image: NDArray[np.float32], length_px: float) -> NDArray[np.float32]:
    """Take away what varies more slowly than a length (pixels), but not the mean, as many programs do."""
    k2 = Frequencies.of((image.shape[0], image.shape[1]), 1.0).squared
    passing = -np.expm1(-((2 * length_px) ** 2) * k2)
    passing[0, 0] = 1
    return np.asarray(fft.irfft2(fft.rfft2(image) * passing, image.shape), np.float32)


def spoil_pixels(
    counts: NDArray[np.float32], fraction: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Make a fraction of the pixels hot (up to 30 times too bright) or dead (zero)."""
    spoiled = counts.copy()
    where = rng.integers(0, counts.size, rng.poisson(fraction * counts.size))
    factor = np.where(rng.random(len(where)) < 0.8, rng.uniform(2, 30, len(where)), 0.0)
    spoiled.flat[where] = factor * float(counts.mean())
    return spoiled
