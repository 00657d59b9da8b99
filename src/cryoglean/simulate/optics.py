"""The electron microscope: wavelength, contrast transfer and its envelopes.

Weak-phase imaging: with the projected potential ``V(x, y)`` in V·Å, the phase is ``σ V`` and the image's
contrast, ``intensity / mean - 1``, is ``-2 σ V`` convolved with the contrast transfer function. Underfocus is
positive and the function is RELION's: positive at low frequency, so protein, which scatters more than water,
is dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cryoglean.simulate.settings import Exposure, Optics

_REST_ENERGY_KV = 510.99895
_WAVELENGTH_FACTOR = 12.2642595
_ANGSTROM_PER_MM = 1e7


@dataclass(frozen=True)
class Frequencies:
    """Spatial frequencies of a real image's half Fourier transform, in 1/Å.

    Parameters
    ----------
    x, y : array, shape (1, nx // 2 + 1) and (ny, 1)
        Signed frequencies along columns and rows.
    """

    x: NDArray[np.floating]
    y: NDArray[np.floating]

    @classmethod
    def of(cls, shape: tuple[int, int], pixel_size: float, *, dtype: type = np.float32) -> Frequencies:
        """Frequencies of an image of this shape (ny, nx) and pixel size (Å)."""
        x: NDArray[np.floating] = np.fft.rfftfreq(shape[1], pixel_size)[None, :].astype(dtype)
        y: NDArray[np.floating] = np.fft.fftfreq(shape[0], pixel_size)[:, None].astype(dtype)
        return cls(x, y)

    @property
    def squared(self) -> NDArray[np.floating]:
        """Squared magnitude, shape (ny, nx // 2 + 1), 1/Å²."""
        return self.x**2 + self.y**2


def wavelength(voltage_kv: float) -> float:
    """De Broglie wavelength of a relativistic electron, in Å: 0.0197 at 300 kV."""
    volts = voltage_kv * 1e3
    return float(_WAVELENGTH_FACTOR / np.sqrt(volts * (1 + voltage_kv / (2 * _REST_ENERGY_KV))))


def interaction_parameter(voltage_kv: float) -> float:
    """Phase per projected potential, in rad/(V·Å): 6.53e-4 at 300 kV (Kirkland, 2010, eq. 5.6)."""
    return float(
        2
        * np.pi
        / (wavelength(voltage_kv) * voltage_kv * 1e3)
        * (_REST_ENERGY_KV + voltage_kv)
        / (2 * _REST_ENERGY_KV + voltage_kv)
    )


def ctf(frequencies: Frequencies, optics: Optics, *, depth: float = 0.0) -> NDArray[np.floating]:
    """Contrast transfer function with astigmatism, spherical aberration, amplitude contrast and phase plate.

    Parameters
    ----------
    frequencies : Frequencies
        Where to evaluate.
    optics : Optics
        The microscope's settings.
    depth : float
        How far below the plane of the mean defocus the object lies, Å; it adds to the defocus.

    Returns
    -------
    array, shape (ny, nx // 2 + 1)
        In [-1, 1], sin(amplitude contrast) at zero frequency.

    Notes
    -----
    Rohou & Grigorieff, J. Struct. Biol. 2015, 192, 216, with RELION's sign.
    """
    length = wavelength(optics.voltage_kv)
    x, y = frequencies.x, frequencies.y
    defocus_u, defocus_v = optics.defocus_u + depth, optics.defocus_v + depth
    angle = np.deg2rad(optics.astigmatism_angle)
    # The defocus in a frequency's direction times its squared length, as a quadratic form: no angles are
    # needed.
    mean, half = (defocus_u + defocus_v) / 2, (defocus_u - defocus_v) / 2
    xx, yy = x * x, y * y
    k2 = xx + yy
    half_cos, half_sin = float(half * np.cos(2 * angle)), float(half * np.sin(2 * angle))
    phase = (np.pi * length * (mean + half_cos)) * xx + (np.pi * length * (mean - half_cos)) * yy
    phase += (np.pi * length * 2 * half_sin) * (x * y)
    phase -= (np.pi / 2 * optics.cs_mm * _ANGSTROM_PER_MM * length**3) * (k2 * k2)
    phase += float(np.deg2rad(optics.phase_shift) + np.arcsin(optics.amplitude_contrast))
    return np.asarray(np.sin(phase, out=phase))


def temporal_envelope(frequency_squared: NDArray[np.floating], optics: Optics) -> NDArray[np.floating]:
    """Loss of contrast from the spread of focus, after chromatic aberration (Frank, Optik 1973, 38, 519)."""
    spread = optics.focal_spread
    return np.asarray(
        np.exp(-0.5 * (np.pi * wavelength(optics.voltage_kv) * spread) ** 2 * frequency_squared**2)
    )


def spatial_envelope(frequency_squared: NDArray[np.floating], optics: Optics) -> NDArray[np.floating]:
    """Loss of contrast from the illumination's spread of angle (Frank, Optik 1973, 38, 519)."""
    length, k2 = wavelength(optics.voltage_kv), frequency_squared
    cs = optics.cs_mm * _ANGSTROM_PER_MM
    slope_squared = k2 * (cs * length**2 * k2 - optics.defocus) ** 2
    return np.asarray(np.exp(-((np.pi * optics.convergence_mrad * 1e-3) ** 2) * slope_squared))


def bfactor_envelope(frequency_squared: NDArray[np.floating], bfactor: float) -> NDArray[np.floating]:
    """Gaussian fall-off exp(-B k² / 4) that gathers the specimen's disorder and charging; `bfactor` in Å²."""
    return np.asarray(np.exp(-bfactor / 4 * frequency_squared))


def motion_envelope(frequencies: Frequencies, exposure: Exposure) -> NDArray[np.floating]:
    """Blur from uniform motion along a line during the exposure: sinc of the way along the frequency."""
    angle = np.deg2rad(exposure.motion_angle)
    way = exposure.motion * (np.cos(angle) * frequencies.x + np.sin(angle) * frequencies.y)
    return np.asarray(np.sinc(way))


def damage_envelope(frequency_squared: NDArray[np.floating], exposure: Exposure) -> NDArray[np.floating]:
    """Fading of the structure by radiation, averaged over the exposure.

    Grant & Grigorieff (eLife 2015, 4, e06980): the amplitude falls as exp(-N / 2 Nc) with the critical
    dose ``Nc = 0.245 k^-1.665 + 2.81`` e/Å² at 300 kV.
    """
    k2 = np.maximum(frequency_squared, 1e-8)
    critical = 0.245 * k2 ** (-1.665 / 2) + 2.81
    lost = exposure.dose / (2 * critical)
    return np.asarray(-np.expm1(-lost) / lost)
