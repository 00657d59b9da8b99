import shutil
import subprocess

import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from cryoglean.simulate import optics
from cryoglean.simulate.optics import Frequencies
from cryoglean.simulate.settings import Exposure, Optics


@pytest.mark.parametrize(
    ("voltage", "wavelength", "interaction"),
    [(120, 0.033492, 8.639e-4), (200, 0.025079, 7.288e-4), (300, 0.019687, 6.526e-4)],
)
def test_electrons_have_the_textbook_wavelength_and_interaction(voltage, wavelength, interaction):
    assert optics.wavelength(voltage) == pytest.approx(wavelength, abs=1e-6)
    assert optics.interaction_parameter(voltage) == pytest.approx(interaction, rel=2e-3)


@pytest.fixture
def frequencies():
    return Frequencies.of((64, 96), 2.0, dtype=np.float64)


def test_the_transfer_is_the_amplitude_contrast_at_zero_frequency(frequencies):
    transfer = optics.ctf(frequencies, Optics(amplitude_contrast=0.1, defocus=12_000, astigmatism=500))
    assert transfer[0, 0] == pytest.approx(0.1)


def test_the_transfer_vanishes_where_the_phase_is_a_multiple_of_pi():
    # Without aberration and amplitude contrast: π λ Δf k² = π.
    settings = Optics(defocus=10_000, cs_mm=0, amplitude_contrast=0)
    k = 1 / np.sqrt(optics.wavelength(300) * 10_000)
    exact = Frequencies(np.array([[k]]), np.array([[0.0]]))
    assert optics.ctf(exact, settings)[0, 0] == pytest.approx(0, abs=1e-9)
    assert optics.ctf(Frequencies(exact.x * 0.9, exact.y), settings)[0, 0] > 0.3


def test_underfocus_makes_matter_dark_at_low_frequency(frequencies):
    low = Frequencies(np.array([[0.01]]), np.array([[0.0]]))
    assert optics.ctf(low, Optics(defocus=15_000))[0, 0] > 0.1
    assert optics.ctf(low, Optics(defocus=-15_000, amplitude_contrast=0.0))[0, 0] < 0


def test_a_phase_plate_of_90_degrees_transfers_low_frequencies_whole(frequencies):
    settings = Optics(defocus=5000, phase_shift=90, amplitude_contrast=0)
    assert optics.ctf(frequencies, settings)[0, 0] == pytest.approx(1)


def test_astigmatism_gives_each_direction_its_own_defocus():
    settings = Optics(defocus=15_000, astigmatism=2000, astigmatism_angle=90, cs_mm=2.7)
    k = 0.07
    along_y = optics.ctf(Frequencies(np.array([[0.0]]), np.array([[k]])), settings)
    along_x = optics.ctf(Frequencies(np.array([[k]]), np.array([[0.0]])), settings)
    plain = Frequencies(np.array([[k]]), np.array([[0.0]]))
    assert along_y == pytest.approx(optics.ctf(plain, Optics(defocus=16_000)))
    assert along_x == pytest.approx(optics.ctf(plain, Optics(defocus=14_000)))


@given(depth=st.floats(-2000, 2000), defocus=st.floats(5000, 30_000))
def test_depth_adds_to_the_defocus(depth, defocus):
    frequencies = Frequencies.of((16, 16), 4.0, dtype=np.float64)
    below = optics.ctf(frequencies, Optics(defocus=defocus), depth=depth)
    np.testing.assert_allclose(below, optics.ctf(frequencies, Optics(defocus=defocus + depth)), atol=1e-9)


def test_single_precision_is_enough_for_images():
    settings = Optics(defocus=30_000, astigmatism=1000)
    single = optics.ctf(Frequencies.of((512, 512), 1.0), settings)
    double = optics.ctf(Frequencies.of((512, 512), 1.0, dtype=np.float64), settings)
    assert single.dtype == np.float32
    assert np.abs(single - double).max() < 2e-3


def test_envelopes_start_at_one_and_only_fall(frequencies):
    k2 = np.sort(frequencies.squared.ravel())
    settings, exposure = Optics(defocus=10_000, cs_mm=0.0), Exposure(dose=50)
    for envelope in (
        optics.temporal_envelope(k2, settings),
        optics.spatial_envelope(k2, settings),
        optics.bfactor_envelope(k2, 100.0),
        optics.damage_envelope(k2, exposure),
    ):
        assert envelope[0] == pytest.approx(1, abs=1e-3)
        assert (np.diff(envelope) <= 1e-12).all()
        assert envelope[-1] < 0.99


def test_motion_blurs_along_its_direction_alone(frequencies):
    envelope = optics.motion_envelope(frequencies, Exposure(motion=5.0, motion_angle=0.0))
    assert envelope[5, 0] == pytest.approx(1)
    assert envelope[0, 30] == pytest.approx(np.sinc(5.0 * frequencies.x[0, 30]))


@pytest.mark.external
@pytest.mark.parametrize(
    "settings",
    [
        Optics(defocus=19_000, astigmatism=2000, astigmatism_angle=30, cs_mm=2.5, amplitude_contrast=0.125),
        Optics(
            voltage_kv=200, cs_mm=2, defocus=8500, astigmatism=1000, astigmatism_angle=-70, phase_shift=90
        ),
        Optics(voltage_kv=120, cs_mm=0, defocus=31_000, amplitude_contrast=0.0625),
    ],
)
def test_the_transfer_is_that_of_relion(tmp_path, settings):
    program = shutil.which("relion_ctf_toolbox")
    if program is None:
        pytest.skip("relion_ctf_toolbox is not installed")
    # RELION's constants of the electron are older than CODATA's and differ in the sixth digit; at the voltage
    # where our wavelength is RELION's, the function itself is compared. Its values are exact in float32.
    theirs = 12.2643247 / np.sqrt(settings.voltage_kv * 1e3 * (1 + settings.voltage_kv * 0.978466e-3))
    voltage = brentq(lambda kv: optics.wavelength(kv) - theirs, 50, 500, xtol=1e-12)
    options = {
        "kV": settings.voltage_kv,
        "Q0": settings.amplitude_contrast,
        "Cs": settings.cs_mm,
        "defU": settings.defocus_u,
        "defV": settings.defocus_v,
        "defAng": settings.astigmatism_angle,
        "phase_shift": settings.phase_shift,
        "angpix": 1.25,
        "box": 128,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", repr(value))]
    subprocess.run([program, "--simulate", "ctf.mrc", *words], cwd=tmp_path, check=True, capture_output=True)
    image = mrcfile.read(tmp_path / "ctf.mrc")
    same = settings.changed(voltage_kv=voltage)
    ours = optics.ctf(Frequencies.of((128, 128), 1.25, dtype=np.float64), same)
    centred = np.fft.fftshift(ours, axes=0)
    # Their centred image lacks the Nyquist column on the right.
    np.testing.assert_allclose(image[1:, 64:], centred[1:, :64], atol=1e-5)
