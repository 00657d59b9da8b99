"""Electrostatic potential of atoms and residues, in water: what an electron sees of a protein.

The potential is the sum of isolated atoms' potentials (the independent-atom model) with the electron
scattering factors of the International Tables, Vol. C, Table 4.3.2.2 (from gemmi). Where a molecule is, water
is not: each species also takes away the potential of the water that it displaces, as in solution scattering
(Fraser, MacRae & Suzuki, J. Appl. Cryst. 1978, 11, 693).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import gemmi
import numpy as np
from numpy.typing import NDArray

POTENTIAL_PER_SCATTERING = 47.878
"""V·Å² per Å of scattering factor, h² / (2π m e): potential = this × scattering factor per volume."""

WATER_POTENTIAL = 4.53
"""Mean inner potential of vitreous water, 0.93 g/cm³, V (Vulović et al., J. Struct. Biol. 2013, 183, 19)."""

PROTEIN_POTENTIAL = 3.3
"""Mean inner potential of protein above the water it displaces, V: that of `RESIDUE` over its volume."""

RESIDUE, NUCLEOTIDE, METHYLENE, HEXOSE = 200, 201, 202, 203
"""Codes of pseudo-atoms, beyond the atomic numbers: a mean amino-acid residue or nucleotide, CH2, a sugar."""


@dataclass(frozen=True)
class Species:
    """One kind of scatterer.

    Parameters
    ----------
    composition : mapping of int to float
        Atomic number → how many atoms of it.
    volume : float
        Water displaced, Å³.
    spread : float
        Root-mean-square distance of its atoms from its centre, Å; 0 for an atom.
    """

    composition: Mapping[int, float]
    volume: float
    spread: float = 0.0


# Volumes of bare atoms, Å³ (Fraser et al. 1978, Table 1); others as sulphur, which is near enough for a few
# ions.
_ATOM_VOLUMES = {1: 5.15, 6: 16.44, 7: 2.49, 8: 9.13, 15: 5.73, 16: 19.86}

# Coordinates are used without hydrogens; each carbon and nitrogen carries the mean number that proteins have:
# 7.77 hydrogens on 4.94 carbons and 1.35 nitrogens a residue.
_RIDING_HYDROGENS = 1.24

_GROUPS = {
    RESIDUE: Species({6: 4.94, 1: 7.77, 7: 1.35, 8: 1.48, 16: 0.045}, volume=139.0, spread=2.2),
    NUCLEOTIDE: Species({6: 9.6, 1: 11.6, 7: 3.75, 8: 6.9, 15: 1}, volume=314.0, spread=3.3),
    METHYLENE: Species({6: 1, 1: 2}, volume=26.9, spread=0.8),
    HEXOSE: Species({6: 6, 1: 10, 8: 5}, volume=175.0, spread=2.4),
}


def species(code: int) -> Species:
    """Look up a species by atomic number or by the code of a pseudo-atom."""
    if code in _GROUPS:
        return _GROUPS[code]
    volume = _ATOM_VOLUMES.get(code, _ATOM_VOLUMES[16])
    if code in (6, 7):
        return Species(
            {code: 1, 1: _RIDING_HYDROGENS}, volume=volume + _RIDING_HYDROGENS * _ATOM_VOLUMES[1], spread=0.0
        )
    return Species({code: 1}, volume=volume)


@cache
def _factors(number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Amplitudes (Å) and widths (Å²) of the five Gaussians of an element's electron scattering factor."""
    # Elements beyond the table, which ends at californium, are not found in specimens.
    tabulated = gemmi.Element(min(number, 98)).c4322
    return np.array(tabulated.a), np.array(tabulated.b)


def scattering_factor(number: int, frequency_squared: NDArray[np.floating]) -> NDArray[np.float64]:
    """Electron scattering factor of an element, in Å.

    Parameters
    ----------
    number : int
        Atomic number.
    frequency_squared : array
        Squared spatial frequency, 1/Å². The tables' sin(θ)/λ is half the frequency.
    """
    amplitudes, widths = _factors(number)
    s2 = np.asarray(frequency_squared, np.float64) / 4
    total: NDArray[np.float64] = np.zeros_like(s2)
    for a, b in zip(amplitudes, widths, strict=True):
        total += a * np.exp(-b * s2)
    return total


def potential_in_water(
    code: int, frequency_squared: NDArray[np.floating], *, displaces: bool = True
) -> NDArray[np.float64]:
    """Fourier transform of one scatterer's potential above that of the water it displaces, in V·Å³.

    Parameters
    ----------
    code : int
        Atomic number or the code of a pseudo-atom.
    frequency_squared : array
        Squared spatial frequency, 1/Å².
    displaces : bool
        Whether to take away the displaced water; without, the potential in vacuum.
    """
    kind = species(code)
    k2 = np.asarray(frequency_squared, np.float64)
    total = sum(count * scattering_factor(number, k2) for number, count in kind.composition.items())
    potential = POTENTIAL_PER_SCATTERING * total * np.exp(-2 * np.pi**2 / 3 * kind.spread**2 * k2)
    if displaces:
        potential = potential - WATER_POTENTIAL * displaced_volume(kind.volume, k2)
    result: NDArray[np.float64] = potential
    return result


def displaced_volume(volume: float, frequency_squared: NDArray[np.floating]) -> NDArray[np.float64]:
    """Fourier transform of the Gaussian for a displaced volume, Å³ (Fraser et al. 1978)."""
    displaced: NDArray[np.float64] = volume * np.exp(
        -np.pi * volume ** (2 / 3) * np.asarray(frequency_squared, np.float64)
    )
    return displaced
