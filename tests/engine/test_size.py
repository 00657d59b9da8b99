import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from cryoglean.engine.size import (
    MAX_SOURCES,
    MeasuredSize,
    is_needed,
    measure_run,
    read_size,
    resolve,
    write_size,
)
from cryoglean.errors import MicrographError
from cryoglean.io import read_micrograph
from cryoglean.pickers.factory import build_picker
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Micrograph, MicrographFile
from tests.engine.session_files import draw_micrograph

OPEN = PickConfig()
DISCS = PickConfig(method="unsupervised")
"""The method that knows discs, as the session's particles are drawn; the networks know particles only."""


def test_the_particles_of_the_session_are_measured(session: list[Path]) -> None:
    found = measure_run(session, DISCS, read_micrograph)
    # How exactly is the business of the picker's own tests; micrographs as small as these say little.
    assert found.diameter == pytest.approx(96, rel=0.25)
    assert found.diameter_px == pytest.approx(found.diameter / 4)
    assert found.contrast == "dark"
    assert len(found.sources) == len(session)


def test_the_order_of_the_inputs_does_not_matter(session: list[Path]) -> None:
    assert measure_run(session[::-1], OPEN, read_micrograph) == measure_run(session, OPEN, read_micrograph)


def test_sources_are_spread_over_the_run_and_bad_files_stepped_over(
    many: Callable[[int], list[Path]],
) -> None:
    paths = many(40)
    bad = set(paths[::5])
    for path in bad:
        path.write_bytes(b"")
    found = measure_run(paths, OPEN, read_micrograph)
    numbers = [paths.index(Path(source)) for source in found.sources]
    assert numbers == [5 * k + 1 for k in range(MAX_SOURCES)]


def test_a_long_series_of_bad_files_is_not_read_to_its_end() -> None:
    tried: list[Path] = []

    def read(file: MicrographFile) -> Micrograph:
        tried.append(file.path)
        raise MicrographError(file.path, "cut off")

    found = measure_run([Path(f"{k}.mrc") for k in range(10_000)], OPEN, read)
    assert (found.diameter, found.sources) == (None, ())
    assert len(tried) <= 3 * MAX_SOURCES


def test_nothing_is_found_in_noise() -> None:
    def read(path: Path) -> Micrograph:
        return Micrograph(draw_micrograph(np.random.default_rng(5), particles=0), path=path, pixel_size=4.0)

    found = measure_run([Path("a.mrc")], OPEN, read)
    assert (found.diameter, found.contrast, found.diameter_px) == (None, None, None)
    assert resolve(OPEN, found).diameter is None


def test_large_micrographs_are_measured_in_little_memory_and_in_their_own_pixels() -> None:
    def read(path: Path) -> Micrograph:
        small = draw_micrograph(np.random.default_rng(3), particles=20)
        return Micrograph(np.kron(np.tile(small, (4, 4)), np.ones((5, 5))), path=path, pixel_size=0.8)

    found = measure_run([Path("a.mrc")], DISCS, read)
    assert found.pixel_size == 0.8
    assert found.diameter_px == pytest.approx(5 * 24, rel=0.25)


@pytest.mark.parametrize(
    ("given", "needed"),
    [({}, True), ({"diameter": 96.0}, True), ({"contrast": "dark"}, True)],
)
def test_what_is_left_open_is_measured(given: dict, needed: bool) -> None:
    assert is_needed(PickConfig(**given)) is needed
    assert not is_needed(PickConfig(diameter=96.0, contrast="bright"))


@pytest.mark.parametrize("method", ["unsupervised", "network", "auto"])
@pytest.mark.parametrize("limits", [(80.0, 120.0), (110.0, 130.0)])
def test_a_size_is_measured_within_the_range_that_the_user_gives(
    session: list[Path], method: str, limits: tuple[float, float]
) -> None:
    found = measure_run(session, PickConfig(method=method, diameter=limits), read_micrograph)
    settled = resolve(PickConfig(method=method, diameter=limits), found)
    assert limits[0] <= settled.known_diameter <= limits[1]


def test_where_nothing_stands_out_the_middle_of_the_range_is_taken() -> None:
    given = PickConfig.model_validate({"diameter": [80, 125]})
    assert resolve(given, MeasuredSize({})).diameter == 100.0
    assert is_needed(given)


@pytest.mark.parametrize("wrong", [(120, 80), (100, 100), (0, 80), (80,), (80, 100, 120)])
def test_a_range_that_is_none_is_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        PickConfig(diameter=wrong)


class TestResolve:
    found = MeasuredSize({}, diameter=90.0, contrast="bright", sources=("a.mrc",))

    def test_what_is_measured_fills_what_was_left_open(self) -> None:
        settled = resolve(OPEN, self.found)
        assert (settled.method.name, settled.diameter, settled.contrast) == ("unsupervised", 90.0, "bright")
        assert settled.min_score == 0.5

    def test_who_names_no_method_gets_the_one_that_sees_the_particles(self) -> None:
        settled = resolve(OPEN, replace(self.found, method="network"))
        assert settled.method.name == "network"
        assert settled.min_score == build_picker(PickConfig(method="network")).recommended_score
        assert (
            resolve(PickConfig(method="paper"), replace(self.found, method="network")).method.name == "paper"
        )

    def test_what_the_user_said_stays(self) -> None:
        settled = resolve(PickConfig(diameter=120.0, min_score=0.2, method="paper"), self.found)
        assert (settled.method.name, settled.diameter, settled.min_score) == ("paper", 120.0, 0.2)


class TestKeeping:
    micrographs = (MicrographFile(Path("a.mrc")), MicrographFile(Path("b.mrc")))
    found = MeasuredSize(
        {"method": "auto", "weights": "general", "diameter": None, "contrast": "auto", "angpix": None},
        90.0,
        "dark",
        sources=(micrographs[0].location, "/elsewhere/x.mrc"),
    )

    @pytest.fixture
    def kept(self, tmp_path: Path) -> Path:
        write_size(tmp_path / "measured.json", self.found)
        return tmp_path / "measured.json"

    def test_it_holds_at_the_next_start(self, kept: Path) -> None:
        assert read_size(kept, OPEN, self.micrographs) == self.found

    def test_that_of_an_earlier_version_holds_under_its_former_name(self, tmp_path: Path) -> None:
        stored = asdict(self.found)
        del stored["source"], stored["reason"]
        (tmp_path / "calibration.json").write_text(json.dumps(stored))
        assert read_size(tmp_path / "particle_size.json", OPEN, self.micrographs) == self.found

    def test_it_does_not_hold_for_other_words_of_the_user(self, kept: Path) -> None:
        assert read_size(kept, PickConfig(angpix=2.0), self.micrographs) is None
        assert read_size(kept, PickConfig(contrast="dark"), self.micrographs) is None
        assert read_size(kept, PickConfig(method="network"), self.micrographs) is None

    def test_it_does_not_hold_for_other_micrographs(self, kept: Path) -> None:
        assert read_size(kept, OPEN, self.micrographs[1:]) is None

    @pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"asked": 3, "sources": 4}'])
    def test_a_damaged_one_counts_as_none(self, kept: Path, damage: str) -> None:
        kept.write_text(damage)
        assert read_size(kept, OPEN, self.micrographs) is None
