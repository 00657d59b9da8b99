"""The paper profile: drawn micrographs with known answers, and the paper's own micrographs."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cryoglean.errors import MicrographError
from cryoglean.evaluate import evaluate
from cryoglean.io import read_micrograph
from cryoglean.io.formats import read_picks
from cryoglean.pickers import Picker, find_alone
from cryoglean.pickers.autocryopicker.picker import AutoCryoPicker
from cryoglean.pickers.autocryopicker.settings import ClusterConfig, PaperConfig
from cryoglean.pickers.size.measure import measure_size
from cryoglean.types import Contrast, Micrograph, ParticleSize, Picks

DIAMETER_PX = 60.0
PIXEL_SIZE = 2.0
SIZE = ParticleSize(DIAMETER_PX * PIXEL_SIZE, "dark")


@pytest.fixture
def truth(rng: np.random.Generator) -> Picks:
    """Places of particles on a jittered grid, the outermost cut by the border."""
    grid = np.stack(np.meshgrid(np.arange(8), np.arange(6)), axis=-1).reshape(-1, 2) * 88.0 + 10
    return Picks(grid + rng.uniform(-8, 8, grid.shape), name="drawn", shape=(470, 640), pixel_size=PIXEL_SIZE)


@pytest.fixture
def micrograph(truth: Picks, rng: np.random.Generator) -> Micrograph:
    """Draw dark shells with a bright fringe, in noise of nearly twice their contrast."""
    image = rng.normal(0, 2.5, (570, 740))
    y, x = np.mgrid[-50:51, -50:51]
    for column, row in np.rint(truth.xy + 50).astype(int):
        r = np.hypot(x, y)
        shell = -np.exp(-(((r - 24) / 7) ** 2)) - 0.5 * (r < 26) + 0.4 * np.exp(-(((r - 38) / 5) ** 2))
        image[row - 50 : row + 51, column - 50 : column + 51] += shell
    return Micrograph(1000 + 50 * image[50:-50, 50:-50], name="drawn", pixel_size=PIXEL_SIZE)


@pytest.fixture
def picker() -> AutoCryoPicker:
    return AutoCryoPicker()


def kept(
    picker: AutoCryoPicker, micrograph: Micrograph, diameter: float | None = SIZE.diameter, **known: Contrast
) -> Picks:
    found = find_alone(picker, micrograph, diameter=diameter, **known)
    return found[found.score >= picker.recommended_score]


def f1(truth: Picks, picks: Picks, diameter_px: float, tolerance: float) -> float:
    """Score one micrograph, whatever the two are called."""
    pair = [replace(one, name="drawn") for one in (truth, picks)]
    return evaluate(pair[:1], pair[1:], diameter_px=diameter_px, tolerances=(tolerance,)).pooled[0].f1


def test_it_is_a_picker(picker: AutoCryoPicker) -> None:
    assert isinstance(picker, Picker)


def test_drawn_particles_are_found(picker: AutoCryoPicker, micrograph: Micrograph, truth: Picks) -> None:
    picks = kept(picker, micrograph)
    assert f1(truth, picks, DIAMETER_PX, 0.25) > 0.95
    assert picks.name == "drawn"
    assert picks.shape == (470, 640)
    assert picks.pixel_size == PIXEL_SIZE
    assert np.all(picks.diameter == 120)
    assert set(picks.kind) == {"top"}


def test_candidates_are_scored_and_not_thresholded(picker: AutoCryoPicker, micrograph: Micrograph) -> None:
    found = picker.find(micrograph, SIZE)
    assert np.all((found.score > 0) & (found.score <= 1))
    assert np.all(np.diff(found.score) <= 0)
    assert len(found) > len(kept(picker, micrograph))


def test_the_same_micrograph_gives_the_same_picks(picker: AutoCryoPicker, micrograph: Micrograph) -> None:
    first, second = picker.find(micrograph, SIZE), picker.find(micrograph, SIZE)
    np.testing.assert_array_equal(first.xy, second.xy)
    np.testing.assert_array_equal(first.score, second.score)


@pytest.mark.parametrize("axis", [0, 1])
def test_picks_follow_a_flip(axis: int, picker: AutoCryoPicker, micrograph: Micrograph) -> None:
    first = kept(picker, micrograph)
    second = kept(picker, micrograph.with_data(np.flip(micrograph.data, axis)))
    expected = first.xy.copy()
    expected[:, 1 - axis] = micrograph.shape[axis] - 1 - expected[:, 1 - axis]
    assert f1(Picks(expected), second, DIAMETER_PX, 0.05) > 0.95


def test_picks_follow_a_quarter_turn(picker: AutoCryoPicker, micrograph: Micrograph) -> None:
    first = kept(picker, micrograph)
    second = kept(picker, micrograph.with_data(np.ascontiguousarray(np.rot90(micrograph.data))))
    expected = np.column_stack([first.xy[:, 1], micrograph.shape[1] - 1 - first.xy[:, 0]])
    assert f1(Picks(expected), second, DIAMETER_PX, 0.05) > 0.95


def test_unit_and_origin_of_the_grey_values_do_not_matter(
    picker: AutoCryoPicker, micrograph: Micrograph
) -> None:
    first, second = (
        picker.find(micrograph, SIZE),
        picker.find(micrograph.with_data(0.01 * micrograph.data - 7), SIZE),
    )
    assert f1(first, second, DIAMETER_PX, 0.02) > 0.98


def test_contrast_is_found(picker: AutoCryoPicker, micrograph: Micrograph, truth: Picks) -> None:
    inverted = micrograph.with_data(-micrograph.data)
    assert f1(truth, kept(picker, inverted), DIAMETER_PX, 0.25) > 0.95
    assert f1(truth, kept(picker, inverted, contrast="dark"), DIAMETER_PX, 0.25) < 0.5


def test_circles_tell_the_contrast_where_no_discs_stand_out(picker: AutoCryoPicker, truth: Picks) -> None:
    y, x = np.mgrid[:200, :200]
    image = np.zeros((200, 200), np.float32)
    image[np.hypot(y - 60, x - 60) < DIAMETER_PX / 2] = 1
    image += np.random.default_rng(0).normal(0, 0.01, image.shape).astype(np.float32)
    one = Micrograph(image, pixel_size=PIXEL_SIZE)
    assert measure_size([one], diameter=SIZE.diameter).size is None
    assert picker.measure_size([one], diameter=SIZE.diameter).size == replace(SIZE, contrast="bright")


def test_the_working_scale_hardly_matters(micrograph: Micrograph, truth: Picks) -> None:
    for working in (30.0, 50.0):
        other = AutoCryoPicker(PaperConfig(working_px=working))
        assert f1(truth, kept(other, micrograph), DIAMETER_PX, 0.25) > 0.93


def test_binning_the_micrograph_keeps_the_places(picker: AutoCryoPicker, micrograph: Micrograph) -> None:
    small = cv2.resize(micrograph.data, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    binned = kept(picker, Micrograph(small, pixel_size=2 * PIXEL_SIZE))
    expected = (binned.xy + 0.5) * 2 - 0.5
    assert f1(kept(picker, micrograph), Picks(expected), DIAMETER_PX, 0.1) > 0.95


def test_stages_are_those_of_find(picker: AutoCryoPicker, micrograph: Micrograph) -> None:
    stages = picker.stages(micrograph, SIZE)
    assert list(stages)[:2] == ["resampled", "normalised"]
    assert list(stages)[-4:] == ["morphology", "clustered", "cleaned", "votes"]
    assert {image.shape for image in stages.values()} == {(298, 405)}
    assert set(np.unique(stages["clustered"])) == {0, 1}
    # The best pick stands at the top of the accumulator.
    row, column = np.unravel_index(np.argmax(stages["votes"]), stages["votes"].shape)
    best = picker.find(micrograph, SIZE).xy[:5]
    assert np.hypot(*(best - [column * 640 / 405, row * 470 / 298]).T).min() < 5


def test_a_particle_larger_than_the_micrograph_is_an_error(micrograph: Micrograph) -> None:
    with pytest.raises(MicrographError, match=r"particles of 2000 Å are 1000 pixels wide.*--diameter"):
        AutoCryoPicker().find(micrograph, ParticleSize(2000))


@pytest.mark.parametrize("image", [np.zeros((300, 320)), np.ones((300, 320)) * 5])
def test_constant_micrographs_hold_no_particle(image: np.ndarray, picker: AutoCryoPicker) -> None:
    assert len(kept(picker, Micrograph(image, pixel_size=PIXEL_SIZE))) == 0


def test_without_a_diameter_nothing_is_found_in_nothing(rng: np.random.Generator) -> None:
    blank = Micrograph(rng.normal(0, 1, (400, 400)))
    assert len(find_alone(AutoCryoPicker(), blank)) == 0
    verdict = AutoCryoPicker().measure_size([blank])
    assert (verdict.size, verdict.reason) == (None, "nothing stands out from the noise")


class TestRealMicrographs:
    @pytest.fixture
    def apoferritin(self, shared: Path) -> list[tuple[Micrograph, Picks]]:
        folder = shared / "data/apoferritin"
        names = ["May08_03.05.02", "May08_04.32.27"]
        return [
            (read_micrograph(folder / f"micrographs/{name}.mrc"), read_picks(folder / f"truth/{name}.csv")[0])
            for name in names
        ]

    def score(
        self, pairs: list[tuple[Micrograph, Picks]], diameter: float | None = 114.0, **config: object
    ) -> float:
        picker = AutoCryoPicker(PaperConfig.model_validate(config))
        found = [kept(picker, micrograph, diameter) for micrograph, _ in pairs]
        return evaluate([truth for _, truth in pairs], found, diameter_px=65, tolerances=(0.5,)).pooled[0].f1

    def test_apoferritin_as_the_paper_has_it(self, apoferritin: list[tuple[Micrograph, Picks]]) -> None:
        assert self.score(apoferritin) > 0.93

    def test_apoferritin_with_nothing_given(self, apoferritin: list[tuple[Micrograph, Picks]]) -> None:
        assert self.score(apoferritin, None) > 0.92

    def test_the_roundness_filter_costs_what_it_does(
        self, apoferritin: list[tuple[Micrograph, Picks]]
    ) -> None:
        assert self.score(apoferritin, cleaning={"max_irregularity": 5}) < 0.9

    def test_fuzzy_clustering_with_three_classes_does_as_well(
        self, apoferritin: list[tuple[Micrograph, Picks]]
    ) -> None:
        assert self.score(apoferritin, cluster=ClusterConfig(method="fuzzy", classes=3)) > 0.91

    def test_klh_top_and_side_views(self, shared: Path) -> None:
        folder = shared / "data/klh"
        micrograph = read_micrograph(next(folder.glob("*.mrc")))
        truth = read_picks(next(folder.glob("*.csv")))[0]
        picks = kept(AutoCryoPicker(), micrograph, 330)
        tops, sides = (picks[picks.kind == kind] for kind in ("top", "side"))
        distance = np.hypot(*(truth.xy[:, None] - tops.xy).transpose(2, 0, 1))
        assert np.all(distance.min(axis=1)[truth.kind == "top"] < 15)
        # All squares but the eleventh side view, which is of double length.
        distance = np.hypot(*(truth.xy[:, None] - sides.xy).transpose(2, 0, 1))
        assert len(sides) >= 9
        assert distance.min(axis=0).max() < 20
        assert set(truth.kind[distance.argmin(axis=0)]) == {"side"}
