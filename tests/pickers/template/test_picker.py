"""The default picker: drawn micrographs with known answers, and what it must show on real ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cryoglean.errors import MicrographError
from cryoglean.evaluate import Evaluation, evaluate
from cryoglean.io import read_micrograph
from cryoglean.io.formats import read_picks
from cryoglean.pickers import Picker, find_alone
from cryoglean.pickers.template.picker import TemplatePicker
from cryoglean.pickers.template.settings import TemplateConfig
from cryoglean.types import Contrast, Micrograph, Picks
from tests.pickers.particles import DIAMETER_PX, PIXEL_SIZE, drawn, scattered

SHAPE = (520, 600)


@pytest.fixture
def scene() -> tuple[Micrograph, Picks]:
    rng = np.random.default_rng(7)
    return drawn(scattered(SHAPE, rng), SHAPE, rng)


def kept(
    micrograph: Micrograph,
    diameter: float | None = None,
    contrast: Contrast | None = None,
    **settings: object,
) -> Picks:
    picker = TemplatePicker(TemplateConfig.model_validate(settings))
    found = find_alone(picker, micrograph, diameter=diameter, contrast=contrast)
    return found[found.score >= picker.recommended_score]


def f1(truth: Picks, picks: Picks, tolerance: float = 0.25) -> float:
    """Score one micrograph, whatever the two are called."""
    pair = [replace(one, name="drawn") for one in (truth, picks)]
    return evaluate(pair[:1], pair[1:], diameter_px=DIAMETER_PX, tolerances=(tolerance,)).pooled[0].f1


def test_it_is_a_picker() -> None:
    assert isinstance(TemplatePicker(), Picker)


def test_drawn_particles_are_found_with_nothing_given(scene: tuple[Micrograph, Picks]) -> None:
    micrograph, truth = scene
    picks = kept(micrograph)
    assert f1(truth, picks) > 0.95
    assert picks.diameter[0] == pytest.approx(DIAMETER_PX * PIXEL_SIZE, rel=0.08)
    assert (picks.name, picks.shape, picks.pixel_size) == ("drawn", SHAPE, PIXEL_SIZE)
    assert set(picks.kind) == {"particle"}


def test_candidates_are_scored_and_not_thresholded(scene: tuple[Micrograph, Picks]) -> None:
    found = find_alone(TemplatePicker(), scene[0])
    assert np.all((found.score >= 0) & (found.score <= 1))
    assert np.all(np.diff(found.score) <= 0)
    assert len(found) > len(kept(scene[0]))
    assert np.all((found.xy >= -0.5) & (found.xy < np.array(SHAPE[::-1]) - 0.5))


def test_particles_at_every_edge_and_corner_are_found() -> None:
    rng = np.random.default_rng(3)
    ny, nx = SHAPE
    edge = [(x, y) for x in (80, 190, 300, 410, 520) for y in (2, ny - 3)]
    edge += [(x, y) for x in (2, nx - 3) for y in (2, 140, 260, 380, ny - 3)]
    inner = [(x, y) for x in (100, 220, 340, 460) for y in (120, 230, 340, 430)]
    micrograph, truth = drawn(np.array(edge + inner, float), SHAPE, rng, noise=1.0)
    distance = np.hypot(*(truth.xy[:, None] - kept(micrograph).xy).transpose(2, 0, 1))
    assert distance.min(axis=1).max() < 0.25 * DIAMETER_PX


@pytest.mark.parametrize("axis", [0, 1])
def test_picks_follow_a_flip(axis: int, scene: tuple[Micrograph, Picks]) -> None:
    first, second = kept(scene[0]), kept(scene[0].with_data(np.flip(scene[0].data, axis)))
    expected = first.xy.copy()
    expected[:, 1 - axis] = SHAPE[axis] - 1 - expected[:, 1 - axis]
    assert f1(Picks(expected), second, 0.03) > 0.97


def test_picks_follow_a_quarter_turn(scene: tuple[Micrograph, Picks]) -> None:
    first, second = kept(scene[0]), kept(scene[0].with_data(np.rot90(scene[0].data)))
    expected = np.column_stack([first.xy[:, 1], SHAPE[1] - 1 - first.xy[:, 0]])
    assert f1(Picks(expected), second, 0.03) > 0.97


def test_picks_follow_a_shift(scene: tuple[Micrograph, Picks]) -> None:
    top, left = 13, 22
    whole, part = kept(scene[0]), kept(scene[0].with_data(scene[0].data[top:, left:]))
    shifted = whole.xy - [left, top]
    inner = np.all((shifted > DIAMETER_PX) & (shifted < np.array([570, 500]) - DIAMETER_PX), axis=1)
    distance = np.hypot(*(shifted[inner][:, None] - part.xy).transpose(2, 0, 1))
    assert (distance.min(axis=1) < 0.05 * DIAMETER_PX).mean() > 0.95


@pytest.mark.parametrize(("scale", "offset"), [(0.01, 0), (1000, -5e4), (1, 3000)])
def test_unit_and_origin_of_the_grey_values_do_not_matter(
    scale: float, offset: float, scene: tuple[Micrograph, Picks]
) -> None:
    other = scene[0].with_data(scale * scene[0].data + offset)
    assert f1(kept(scene[0]), kept(other), 0.02) > 0.97


def test_inverted_contrast_gives_the_same_picks(scene: tuple[Micrograph, Picks]) -> None:
    inverted = scene[0].with_data(-scene[0].data)
    assert f1(kept(scene[0]), kept(inverted), 0.02) > 0.97
    assert f1(scene[1], kept(inverted, contrast="dark")) < 0.5


def test_the_same_micrograph_gives_the_same_picks(scene: tuple[Micrograph, Picks]) -> None:
    first, second = (find_alone(TemplatePicker(), scene[0]) for _ in range(2))
    np.testing.assert_array_equal(first.xy, second.xy)
    np.testing.assert_array_equal(first.score, second.score)


@pytest.mark.parametrize("seed", range(4))
def test_pure_noise_gives_no_picks(seed: int) -> None:
    noise = Micrograph(np.random.default_rng(seed).normal(0, 1, (700, 600)))
    assert len(kept(noise)) == 0


@pytest.mark.parametrize("shape", [(300, 320), (32, 32), (20, 20), (1, 1), (3, 1000), (1000, 32)])
def test_constant_micrographs_of_any_shape_hold_no_particle(shape: tuple[int, int]) -> None:
    constant = Micrograph(np.full(shape, 7.0))
    assert len(kept(constant)) == 0
    if min(shape) >= 20:
        assert len(kept(constant, diameter=20)) == 0


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (32, 32), (3, 1000), (1000, 32), (60, 61)])
def test_noise_of_any_shape_is_picked_without_an_error(
    shape: tuple[int, int], rng: np.random.Generator
) -> None:
    micrograph = Micrograph(rng.normal(0, 1, shape))
    assert len(kept(micrograph)) == 0
    if min(shape) >= 24:
        assert np.all(np.isfinite(find_alone(TemplatePicker(), micrograph, diameter=24).score))


def test_an_area_without_signal_holds_no_particle(scene: tuple[Micrograph, Picks]) -> None:
    image = scene[0].data.copy()
    image[:, 400:] = image.mean()
    picks = kept(scene[0].with_data(image), diameter=DIAMETER_PX * PIXEL_SIZE)
    assert (picks.xy[:, 0] < 400 + DIAMETER_PX / 2).all()
    assert (picks.xy[:, 0] < 380).sum() > 20


@pytest.mark.parametrize("diameter", [2000.0, 1e9, 3.0])
def test_a_diameter_that_does_not_fit_is_an_error(diameter: float, scene: tuple[Micrograph, Picks]) -> None:
    for contrast in (None, "dark"):
        with pytest.raises(MicrographError, match=r"pixels wide.*--diameter"):
            kept(scene[0], diameter=diameter, contrast=contrast)


def test_stages_are_those_of_find(scene: tuple[Micrograph, Picks]) -> None:
    size = TemplatePicker().measure_size([scene[0]]).size
    assert size is not None
    stages = TemplatePicker().stages(scene[0], size)
    assert list(stages) == ["resampled", "flattened", "template", "similarity"]
    similarity = stages["similarity"]
    assert similarity.shape == stages["resampled"].shape == stages["flattened"].shape
    row, column = np.unravel_index(similarity.argmax(), similarity.shape)
    place = [(column + 0.5) * SHAPE[1] / similarity.shape[1], (row + 0.5) * SHAPE[0] / similarity.shape[0]]
    assert np.hypot(*(TemplatePicker().find(scene[0], size).xy[:3] - place).T).min() < 3


class TestRealMicrographs:
    def apoferritin(self, shared: Path, number: int | None, noise: float = 0.0) -> Evaluation:
        folder = shared / "data/apoferritin"
        paths = sorted((folder / "micrographs").glob("*.mrc"))[:number]
        truth = [read_picks(folder / f"truth/{path.stem}.csv")[0] for path in paths]
        found = []
        for path in paths:
            micrograph = read_micrograph(path)
            added = np.random.default_rng(1).normal(0, 1, micrograph.shape) * noise * micrograph.data.std()
            found.append(find_alone(TemplatePicker(), micrograph.with_data(micrograph.data + added)))
            if not noise:
                assert found[-1].diameter[0] == pytest.approx(114, rel=0.1)
        picks = [one[one.score >= 0.5] for one in found]
        average = evaluate(truth, found, diameter_px=65, tolerances=(0.5,)).pooled[0].average_precision
        assert average is not None
        assert average >= (0.975 if not noise else 0.85)
        return evaluate(truth, picks, diameter_px=65, tolerances=(0.5, 0.25))

    def test_two_apoferritins(self, shared: Path) -> None:
        scored = self.apoferritin(shared, 2)
        assert [merit.f1 >= least for merit, least in zip(scored.pooled, (0.95, 0.94), strict=True)] == [
            True,
            True,
        ]

    @pytest.mark.slow
    def test_every_apoferritin(self, shared: Path) -> None:
        scored = self.apoferritin(shared, None)
        assert scored.pooled[0].f1 >= 0.96
        assert scored.pooled[1].f1 >= 0.95
        assert scored.worst_f1[0] >= 0.90
        assert scored.pooled[0].doubles == 0

    def test_under_noise_of_three_standard_deviations(self, shared: Path) -> None:
        assert self.apoferritin(shared, 3, noise=3.0).pooled[0].f1 >= 0.85

    def test_klh_top_and_side_views(self, shared: Path) -> None:
        path = next((shared / "data/klh").glob("*.mrc"))
        scored = evaluate(
            read_picks(path.with_suffix(".csv")),
            [kept(read_micrograph(path))],
            diameter_px=150,
            tolerances=(0.25,),
            ignored_kinds=("side_overlapping",),
        )
        side, top = scored.kinds
        assert (top.kind, top.hits, top.agreeing) == ("top", 7, 7)
        assert side.kind == "side"
        assert min(side.hits, side.agreeing) >= 10
        assert scored.pooled[0].false <= 2

    @pytest.mark.parametrize(
        ("name", "label_px"), [("ribosome/ribosome", 90), ("apoferritin_binned/apoferritin_binned", 21)]
    )
    def test_other_proteins(self, name: str, label_px: float, shared: Path) -> None:
        path = shared / "data" / f"{name}.mrc"
        truth, picks = read_picks(path.with_suffix(".csv")), [kept(read_micrograph(path))]
        scored = evaluate(truth, picks, diameter_px=label_px, tolerances=(0.5,))
        assert scored.pooled[0].f1 >= 0.90

    def test_no_pick_on_the_ice(self, shared: Path) -> None:
        folder = shared / "data/contamination"
        junk = read_micrograph(folder / "junk_probability.mrc").data > 0.5
        micrograph = read_micrograph(folder / "micrograph.mrc")
        for settings in ({}, {"diameter": 100 * micrograph.pixel_size, "contrast": "dark"}):
            column, row = np.rint(kept(micrograph, **settings).xy).astype(int).T
            assert not junk[row, column].any()

    def test_no_pick_in_an_empty_micrograph(self, shared: Path) -> None:
        assert len(kept(read_micrograph(shared / "data/screening/empty_avg.jpg"))) == 0
