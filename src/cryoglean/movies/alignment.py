"""Whole-frame alignment of movies, and their average: the first step of AutoCryoPicker.

Each frame is compared with the sum of all others by phase correlation, and that is repeated with the frames
moved, until nothing moves any more. After Grant and Grigorieff (eLife 4 (2015) e06980), the frame itself is
left out of the sum, since it would find itself unmoved, and spatial frequencies are weighted by exp(-B s²/4).
Phase correlation (Kuglin and Hines 1975) divides each coefficient by its modulus. Here that is the root mean
square modulus over all frames: a single frame's coefficients are nearly pure noise, and where each of them
has the same say, a third of the accuracy is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from cryoglean.movies.settings import AlignmentConfig
from cryoglean.types import FloatImage

# Coefficients whose weight is less take no part; the correlation lives on the coarse grid of the others.
_MIN_WEIGHT = 0.01
# Bound on harmonics per axis, hence on memory: 4 MB a frame.
_MAX_HARMONICS = 512
# Alignment has settled when no frame moves further than this in a round.
_SETTLED_PX = 0.02


def align_frames(
    frames: Iterable[FloatImage], config: AlignmentConfig | None = None, *, pixel_size: float = 1.0
) -> NDArray[np.float64]:
    """Measure how the frames of a movie lie to each other.

    Parameters
    ----------
    frames : iterable of ndarray, shape (ny, nx)
        The frames; each is looked at once, so that they need not be in memory together.
    config : AlignmentConfig, optional
        Weights, bounds and rounds.
    pixel_size : float
        Å per pixel.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        Where each frame's content lies, from the first frame's: x and y in pixels. `average_frames` moves it
        back.
    """
    config = config or AlignmentConfig()
    band = None
    spectra: list[NDArray[np.complex64]] = []
    for frame in frames:
        band = band or _Band.of(frame.shape, config.bfactor / pixel_size**2)
        spectra.append(band.spectrum(frame))
    shifts = np.zeros((len(spectra), 2))
    if band is None or len(spectra) < 2:
        return shifts
    whitened = _whitened(np.stack(spectra))
    reach = config.max_shift / pixel_size
    for _ in range(config.iterations):
        moved = _one_round(band, whitened, shifts=shifts, reach=reach)
        settled = np.abs(moved - shifts).max() < _SETTLED_PX
        shifts = moved
        if settled:
            break
    return shifts


def average_frames(frames: Iterable[FloatImage], shifts: ArrayLike) -> FloatImage:
    """Move frames back by their shifts, in Fourier space, and average them.

    Parameters
    ----------
    frames : iterable of ndarray of float32, shape (ny, nx)
        The frames, read one at a time.
    shifts : array, shape (n, 2)
        Where each frame's content lies, x and y in pixels (see `align_frames`).

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The average. Near the border, of those frames that saw it; pixels that none saw hold the mean.
    """
    total: NDArray[np.float32] | None = None
    for frame, (x, y) in zip(frames, np.asarray(shifts, np.float64), strict=True):
        if total is None:
            total, seen = np.zeros(frame.shape, np.float32), np.zeros(frame.shape, np.uint16)
        rows, columns = _overlap(frame.shape[0], y), _overlap(frame.shape[1], x)
        total[rows, columns] += _translated(frame, -x, -y)[rows, columns]
        seen[rows, columns] += 1
    if total is None:
        raise ValueError("there are no frames to average")
    average: FloatImage = np.divide(total, np.maximum(seen, 1), dtype=np.float32)
    average[seen == 0] = total.sum() / max(1, int(seen.sum()))
    return average


@dataclass(frozen=True, eq=False)
class _Band:
    """The low spatial frequencies of frames of one shape that take part in the alignment.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of a frame.
    fy, fx : ndarray, shapes (2 h,) and (w,)
        Frequencies in cycles per pixel; y has both signs, x the upper half.
    weights : ndarray, shape (2 h, w)
        What their coefficients count.
    """

    shape: tuple[int, int]
    fy: NDArray[np.float64]
    fx: NDArray[np.float64]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, shape: tuple[int, ...], bfactor: float) -> _Band:
        """Choose the band for frames of a shape and a B-factor in pixels²."""
        ny, nx = shape
        limit = min(0.5, np.sqrt(-4 * np.log(_MIN_WEIGHT) / bfactor)) if bfactor else 0.5
        high, wide = (max(2, min(int(limit * n), _MAX_HARMONICS)) for n in (ny, nx))
        fy = np.concatenate([np.arange(high), np.arange(-high, 0)]) / ny
        fx = np.arange(wide) / nx
        weights = np.exp(-bfactor / 4 * (fy[:, None] ** 2 + fx**2))
        weights[0, 0] = 0
        return cls((ny, nx), fy, fx, weights.astype(np.float32))

    def spectrum(self, frame: FloatImage) -> NDArray[np.complex64]:
        """Transform a frame and keep the band."""
        high = len(self.fy) // 2
        whole = fft.rfft2(frame - frame.mean())[:, : len(self.fx)]
        kept: NDArray[np.complex64] = np.concatenate([whole[:high], whole[-high:]]).astype(np.complex64)
        return kept

    def ramp(self, shift: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Phases that move content back by a shift (x, y) in pixels."""
        x, y = np.exp(2j * np.pi * self.fx * shift[0]), np.exp(2j * np.pi * self.fy * shift[1])
        phases: NDArray[np.complex64] = (y[:, None] * x).astype(np.complex64)
        return phases

    def peak(self, product: NDArray[np.complex64], reach: float) -> NDArray[np.float64]:
        """Find the displacement (x, y) at which a cross-power spectrum correlates best; pixels."""
        ny, nx = self.shape
        rows, columns = len(self.fy), 2 * len(self.fx)
        correlation = fft.irfft2(np.pad(product, ((0, 0), (0, 1))), (rows, columns))
        near_y = np.abs(fft.fftfreq(rows, 1 / ny)) <= reach
        near_x = np.abs(fft.fftfreq(columns, 1 / nx)) <= reach
        window = np.where(near_y[:, None] & near_x, correlation, -np.inf)
        row, column = np.unravel_index(int(window.argmax()), window.shape)
        coarse = [fft.fftfreq(columns, 1 / nx)[column], fft.fftfreq(rows, 1 / ny)[row]]
        return self._refined(product, np.array(coarse))

    def _refined(self, product: NDArray[np.complex64], start: NDArray[np.float64]) -> NDArray[np.float64]:
        """Climb to the maximum of the correlation, a trigonometric polynomial, by Newton's method."""
        where = start
        step_most = np.array([self.shape[1] / (2 * len(self.fx)), self.shape[0] / len(self.fy)]) / 2
        # The half plane that is stored stands for both, so frequencies above 0 in x count twice.
        twice = np.where(self.fx > 0, 2.0, 1.0)
        ix, iy = 2j * np.pi * self.fx, 2j * np.pi * self.fy
        for _ in range(8):
            at_x, at_y = twice * np.exp(ix * where[0]), np.exp(iy * where[1])
            powers = np.arange(3)[:, None]
            # einsum, not `@`: for so few rows the threads of a BLAS cost more than they bring.
            in_y = np.einsum("ky,yx->kx", (at_y * iy**powers).astype(np.complex64), product)
            moments = np.einsum("kx,lx->kl", in_y, at_x * ix**powers).real
            slope = np.array([moments[0, 1], moments[1, 0]])
            bend = np.array([[moments[0, 2], moments[1, 1]], [moments[1, 1], moments[2, 0]]])
            if np.linalg.eigvalsh(bend).max() >= 0:
                break
            step = np.clip(-np.linalg.solve(bend, slope), -step_most, step_most)
            where = where + step
            if np.abs(step).max() < 1e-3:
                break
        return where


def _whitened(spectra: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Divide coefficients by their root mean square over all frames."""
    power = np.mean(np.abs(spectra) ** 2, axis=0)
    scale = np.divide(1, np.sqrt(power), out=np.zeros_like(power), where=power > 0)
    whitened: NDArray[np.complex64] = spectra * scale
    return whitened


def _one_round(
    band: _Band, spectra: NDArray[np.complex64], *, shifts: NDArray[np.float64], reach: float
) -> NDArray[np.float64]:
    """Align each frame to the sum of the others as they now lie."""
    back = [spectrum * band.ramp(shift) for spectrum, shift in zip(spectra, shifts, strict=True)]
    total = np.sum(back, axis=0)
    moved = [
        -band.peak(np.conj(spectrum) * (total - own) * band.weights, reach)
        for spectrum, own in zip(spectra, back, strict=True)
    ]
    return np.array(moved) - moved[0]


def _translated(frame: FloatImage, x: float, y: float) -> FloatImage:
    """Move content by x and y pixels, as a periodic image, through a phase ramp."""
    if x == 0 and y == 0:
        return frame
    ny, nx = frame.shape
    mean = frame.mean()
    ramp_y = np.exp(-2j * np.pi * fft.fftfreq(ny) * y).astype(np.complex64)
    ramp_x = np.exp(-2j * np.pi * fft.rfftfreq(nx) * x).astype(np.complex64)
    spectrum = fft.rfft2(frame - mean)
    spectrum *= ramp_y[:, None]
    spectrum *= ramp_x
    moved: FloatImage = fft.irfft2(spectrum, frame.shape) + mean
    return moved


def _overlap(length: int, shift: float) -> slice:
    """Range of pixels that a frame moved back by `shift` still covers without wrapping round."""
    first, last = max(0, int(np.ceil(-shift))), min(length - 1, int(np.floor(length - 1 - shift)))
    return slice(min(first, length), max(last + 1, 0))
