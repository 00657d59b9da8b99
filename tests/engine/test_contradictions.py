"""What a user says of the particles' size is checked against what the micrographs show."""

from dataclasses import replace
from pathlib import Path

import pytest

from cryoglean.engine import contradictions
from cryoglean.engine.contradictions import find_contradictions
from cryoglean.io import read_micrograph, write_mrc
from cryoglean.pickers.settings import PickConfig
from cryoglean.pickers.size.by_discs import measure_by_discs
from cryoglean.simulate import apoferritin_like, simulate_micrograph
from cryoglean.simulate.settings import SimulationConfig
from cryoglean.types import Micrograph, MicrographFile, ParticleSize


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[MicrographFile, Micrograph, ParticleSize]:
    """A simulated micrograph of cages 124 Å across, and what discs say of it."""
    config = SimulationConfig(
        size=(1024, 1024), pixel_size=(2.0, 2.0), coverage=(0.2, 0.3), contamination=0.0
    )
    made = simulate_micrograph(apoferritin_like(), config, seed=3).micrograph
    path = tmp_path_factory.mktemp("seen") / "mic.mrc"
    write_mrc(path, made.data, pixel_size=2.0)
    micrograph = read_micrograph(path)
    discs = measure_by_discs([micrograph])
    assert discs is not None
    return MicrographFile(path), micrograph, discs


Seen = tuple[MicrographFile, Micrograph, ParticleSize]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (0.1, ": was it in nm?"),
        (10.0, ": was it ten times too much?"),
        (0.5, ": was it in pixels, or the radius?"),
    ],
)
def test_a_mistake_is_told_with_what_it_likely_was(seen: Seen, part: float, told: str) -> None:
    file, micrograph, discs = seen
    given = round(part * discs.diameter, 1)
    (text,) = find_contradictions(PickConfig(diameter=given), [(file, micrograph)], discs)
    assert text.startswith(f"you gave a diameter of {given:g} Å, the micrographs suggest 1")
    assert told in text
    assert text.endswith(f"{given:g} Å is used")


@pytest.mark.parametrize("part", [0.75, 1.0, 1.4, 2.0])
def test_what_may_be_right_is_not_contradicted(seen: Seen, part: float) -> None:
    file, micrograph, discs = seen
    given = PickConfig(diameter=part * discs.diameter)
    assert find_contradictions(given, [(file, micrograph)], discs) == ()


def test_a_wrong_contrast_is_told(seen: Seen) -> None:
    file, micrograph, _ = seen
    (text,) = find_contradictions(PickConfig(contrast="bright"), [(file, micrograph)], None)
    assert "particles are bright, in these micrographs they look dark" in text
    assert find_contradictions(PickConfig(contrast="dark"), [(file, micrograph)], None) == ()


class TestGuess:
    """Which mistake explains a difference, where the size is sure."""

    @pytest.fixture(autouse=True)
    def _sure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(contradictions, "load_networks", lambda weights: None)
        monkeypatch.setattr(contradictions, "contradicting_size", lambda *_, **__: ParticleSize(113.0))

    def told(self, seen: Seen, **given: float) -> str:
        file, micrograph, _ = seen
        return " ".join(find_contradictions(PickConfig(**given), [(file, micrograph)], None))

    def test_half_of_it_is_the_radius(self, seen: Seen) -> None:
        file, micrograph, _ = seen
        fine = replace(micrograph, pixel_size=1.2)
        (text,) = find_contradictions(PickConfig(diameter=56.0, angpix=1.2), [(file, fine)], None)
        assert ": was it the radius?" in text

    def test_a_pixel_size_by_which_the_files_fit_is_told(self, seen: Seen) -> None:
        assert "by the files a pixel is 2 Å, which fits: is --angpix 1 right?" in self.told(
            seen, diameter=226.0, angpix=1.0
        )

    def test_a_pixel_size_that_would_fit_is_told(self, seen: Seen) -> None:
        assert "it fits if a pixel is 0.8 Å: is --angpix 3 right?" in self.told(
            seen, diameter=30.0, angpix=3.0
        )

    def test_without_a_pixel_size_it_is_asked_for(self, seen: Seen) -> None:
        file, micrograph, _ = seen
        unknown = replace(micrograph, pixel_size=1.0, calibrated=False)
        (text,) = find_contradictions(PickConfig(diameter=226.0), [(file, unknown)], None)
        assert "you gave a diameter of 226 pixels, the micrographs suggest 113 pixels" in text
        assert "it fits if a pixel is 2 Å: give --angpix" in text

    def test_the_length_of_long_particles_is_no_mistake(self, seen: Seen) -> None:
        assert self.told(seen, diameter=230.0) == ""
        assert "suggest 113 Å; 400 Å is used" in self.told(seen, diameter=400.0)


@pytest.mark.parametrize(("given", "told"), [(11.3, "in nm?"), (57.0, "the radius?"), (113.0, "")])
def test_of_a_real_micrograph(shared: Path, given: float, told: str) -> None:
    path = min((shared / "data/apoferritin/micrographs").glob("*.mrc"))
    micrograph = read_micrograph(path)
    text = " ".join(
        find_contradictions(PickConfig(diameter=given), [(MicrographFile(path), micrograph)], None)
    )
    assert told in text if told else not text
