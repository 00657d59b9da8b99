"""The layer that holds the particles: thickness, tilt, and the structural noise of amorphous matter."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from cryoglean.simulate.optics import Frequencies
from cryoglean.simulate.scattering import POTENTIAL_PER_SCATTERING, scattering_factor
from cryoglean.simulate.settings import Ice

INELASTIC_PATH_300 = 3950.0
"""Inelastic mean free path in vitreous ice at 300 kV, Å (Rice et al., J. Struct. Biol. 2018, 204, 38)."""

_MICROMETRE = 1e4

_BROWNIAN = 1.0
"""Mean square movement of water in the beam, Å² per e/Å² (McMullan et al., Ultramicroscopy 2015, 158, 26)."""


@dataclass(frozen=True)
class Amorphous:
    """Amorphous matter, as far as its noise goes.

    Parameters
    ----------
    density : float
        Units (atoms or molecules) per Å³.
    composition : tuple of (int, float)
        Atomic numbers and their counts in one unit.
    disorder : float
        Structure factor at low frequency: 1 for a gas, small for a liquid that is hard to compress.
    ring : float
        Frequency of the first diffuse ring, 1/Å.
    """

    density: float
    composition: tuple[tuple[int, float], ...]
    disorder: float
    ring: float


WATER = Amorphous(density=0.0311, composition=((8, 1.0), (1, 2.0)), disorder=0.065, ring=1 / 3.7)
"""Low-density amorphous ice at 0.93 g/cm³; the disorder is that of liquid water's compressibility."""

CARBON = Amorphous(density=0.100, composition=((6, 1.0),), disorder=0.25, ring=1 / 2.1)
"""Evaporated carbon at 2.0 g/cm³."""


def thickness_map(
    shape: tuple[int, int], ice: Ice, *, pixel_size: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Thickness of the ice along the beam over a field, Å: a slope and smooth irregular variations.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    ice : Ice
        Mean, gradient, direction, roughness and tilt.
    pixel_size : float
        Å per pixel.
    rng : Generator
        Draws the irregular variations.
    """
    y, x = ((np.arange(n) - n / 2) * (pixel_size / _MICROMETRE) for n in shape)
    angle = np.deg2rad(ice.slope_angle)
    along_x, along_y = ice.gradient * np.cos(angle) * x, 1 + ice.gradient * np.sin(angle) * y
    slope = along_y[:, None].astype(np.float32) + along_x.astype(np.float32)
    # A field with this spectrum varies over a window in proportion to the window's size.
    window = max(shape) * pixel_size / _MICROMETRE
    relative = slope + np.float32(ice.roughness * window) * smooth_field(shape, rng)
    along_beam = np.float32(ice.thickness / np.cos(np.deg2rad(ice.tilt)))
    return np.asarray(along_beam * np.maximum(relative, 0.05), np.float32)


def smooth_field(
    shape: tuple[int, int], rng: np.random.Generator, *, exponent: float = 2.0
) -> NDArray[np.float32]:
    """Random field with mean 0 and variance 1 whose amplitude falls as 1/frequency^`exponent`.

    It is made on a coarse grid and interpolated, since it holds nothing fine.
    """
    coarse = (64, max(8, round(64 * shape[1] / shape[0])))
    k2 = Frequencies.of(coarse, 1.0, dtype=np.float64).squared
    k2[0, 0] = np.inf
    noise = fft.irfft2(fft.rfft2(rng.standard_normal(coarse)) * k2 ** (-exponent / 2), coarse)
    noise = (noise - noise.mean()) / noise.std()
    return np.asarray(
        cv2.resize(noise.astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32
    )


def noise_power(matter: Amorphous, frequency_squared: NDArray[np.floating]) -> NDArray[np.float64]:
    """Power of the potential per Å³ of amorphous matter, V²·Å³: density × scattering² × structure factor.

    Parameters
    ----------
    matter : Amorphous
        Its structure factor is `disorder` at low frequency and rises to a peak at its first diffuse ring.
    frequency_squared : array
        Squared spatial frequency, 1/Å².
    """
    k2 = np.asarray(frequency_squared, np.float64)
    scattering = sum(count * scattering_factor(number, k2) for number, count in matter.composition)
    peak = np.exp(-0.5 * ((np.sqrt(k2) - matter.ring) / (0.2 * matter.ring)) ** 2)
    structure = matter.disorder + (1.6 - matter.disorder) * peak
    power: NDArray[np.float64] = matter.density * (POTENTIAL_PER_SCATTERING * scattering) ** 2 * structure
    return power


def amorphous_noise(
    shape: tuple[int, int],
    pixel_size: float,
    matter: Amorphous,
    *,
    rng: np.random.Generator,
    dose: float = 0.0,
) -> NDArray[np.float32]:
    """Projected potential of 1 Å of amorphous matter about its mean, V·Å; it grows as the root of thickness.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    pixel_size : float
        Å per pixel.
    matter : Amorphous
        What it is.
    rng : Generator
        Draws the field.
    dose : float
        Exposure over which the molecules wander in the beam, e/Å²; 0 for matter that stays put.
    """
    k2 = Frequencies.of(shape, pixel_size).squared
    table = np.linspace(0, float(k2.max()), 4096)  # the power is smooth: a table saves most of the time
    power = noise_power(matter, table) * brownian_averaging(table, dose) / pixel_size**2
    white = fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    white *= np.interp(k2, table, np.sqrt(power)).astype(np.float32)
    return np.asarray(fft.irfft2(white, shape, overwrite_x=True), np.float32)


def brownian_averaging(frequency_squared: NDArray[np.floating], dose: float) -> NDArray[np.floating]:
    """Share of the noise's power that is left when molecules wander during the exposure.

    A pattern that forgets itself as exp(-r t) keeps 2 (x - 1 + exp(-x)) / x² of its power over an exposure,
    with x = 2 π² k² × the mean square movement along one axis.
    """
    x = np.maximum(2 * np.pi**2 * frequency_squared * _BROWNIAN * dose / 3, 1e-3)
    return np.asarray(2 * (x - 1 + np.exp(-x)) / x**2)


def depth_of_plane(ice: Ice, xy: NDArray[np.floating], centre: NDArray[np.floating]) -> NDArray[np.float64]:
    """Depth of the tilted specimen at places (n, 2) about the tilt axis through `centre`, all in Å."""
    axis = np.deg2rad(ice.tilt_axis)
    along = np.asarray(xy, np.float64) - centre
    depth: NDArray[np.float64] = np.tan(np.deg2rad(ice.tilt)) * (
        np.cos(axis) * along[:, 1] - np.sin(axis) * along[:, 0]
    )
    return depth


def inelastic_path(voltage_kv: float) -> float:
    """Mean free path in ice, Å: that at 300 kV scaled by the square of the electron's velocity."""

    def velocity_squared(kv: float) -> float:
        return 1 - (510.99895 / (510.99895 + kv)) ** 2

    return INELASTIC_PATH_300 * velocity_squared(voltage_kv) / velocity_squared(300.0)
