"""A small particle and plain conditions, on which effects are looked at one by one."""

import pytest

from cryoglean.simulate import Structure, procedural_structure
from cryoglean.simulate.settings import Conditions, Crowd, Exposure, Ice, Optics


@pytest.fixture(scope="session")
def complex_() -> Structure:
    """A made-up membrane protein: no symmetry that could hide a wrong convention, three kinds of matter."""
    return procedural_structure("membrane", 4)


@pytest.fixture
def conditions() -> Conditions:
    """A small clean micrograph with many electrons."""
    return Conditions(
        size=(256, 320),
        pixel_size=3.0,
        optics=Optics(defocus=20_000.0),
        exposure=Exposure(dose=50.0, ntf_nyquist=1.0, mtf_nyquist=1.0),
        ice=Ice(thickness=300.0),
        crowd=Crowd(coverage=0.2),
    )
