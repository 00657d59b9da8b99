"""Simulated micrographs for the measurement of particle sizes."""

import numpy as np

from cryoglean.simulate import Structure, apoferritin_like, simulate_micrograph
from cryoglean.simulate.settings import Conditions, Crowd, Exposure, Optics
from cryoglean.types import Micrograph


def field(structure: Structure, *, pixel_size: float) -> Micrograph:
    """Simulate a small micrograph of a structure."""
    conditions = Conditions(
        size=(900, 900),
        pixel_size=pixel_size,
        optics=Optics(defocus=20_000),
        exposure=Exposure(dose=30),
        crowd=Crowd(coverage=0.25),
    )
    return simulate_micrograph(structure, conditions, seed=6).micrograph


def clear_field() -> Micrograph:
    """Simulate round particles of 120 Å."""
    return field(apoferritin_like(), pixel_size=2.0)


def noise_field() -> Micrograph:
    """Draw noise alone."""
    grain = np.random.default_rng(3).normal(100, 10, (600, 700)).astype(np.float32)
    return Micrograph(grain, pixel_size=2.0)
