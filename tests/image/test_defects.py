"""Margins without an image hold no particle, and single pixels that the detector made up change nothing."""

import numpy as np
import pytest

from cryoglean.image.defects import inner_part, sound_part, without_hot_pixels
from cryoglean.pickers import build_picker, find_alone, measure_size
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Micrograph, Picks

DIAMETER_PX = 30
SHAPE = (420, 500)


def discs(offset: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    """Dark discs in white noise, and their centres."""
    rng = np.random.default_rng(5)
    image = rng.normal(offset, 1, SHAPE)
    y, x = np.indices(SHAPE)
    centres: list[np.ndarray] = []
    while len(centres) < 24:
        centre = rng.uniform(DIAMETER_PX, np.array(SHAPE[::-1]) - DIAMETER_PX)
        if all(np.hypot(*(centre - other)) > 1.3 * DIAMETER_PX for other in centres):
            centres.append(centre)
            image -= 1.5 * (np.hypot(x - centre[0], y - centre[1]) < DIAMETER_PX / 2)
    return image.astype(np.float32), np.array(centres)


def with_margin(image: np.ndarray, side: str, width: int, value: float | str) -> np.ndarray:
    """Put a margin over one side of an image: constant, or the row beside it repeated."""
    image = image.copy()
    turned = {"top": image, "bottom": image[::-1], "left": image.T, "right": image.T[::-1]}[side]
    turned[:width] = turned[width] if value == "repeated" else value
    return image


def found(image: np.ndarray, **settings: object) -> Picks:
    settings = {"method": "unsupervised"} | settings
    config = PickConfig(diameter=float(DIAMETER_PX), contrast="dark", **settings)
    picks = find_alone(build_picker(config), Micrograph(image), diameter=config.diameter, contrast="dark")
    return picks[picks.score >= build_picker(config).recommended_score]


@pytest.mark.parametrize(
    ("method", "side", "value"),
    [
        *(
            ("unsupervised", side, value)
            for side in ("top", "left", "bottom", "right")
            for value in (0.0, 10.0, 1e6, -3e38, "repeated")
        ),
        ("network", "left", 0.0),
        ("network", "bottom", "repeated"),
    ],
)
def test_with_a_margin_the_rest_is_picked_as_if_there_were_nothing_else(method, side, value):
    image, _ = discs()
    width = 40
    # Of a margin that repeats it, the row beside it is the last one of the image.
    inner = {
        "top": np.s_[width:],
        "bottom": np.s_[:-width],
        "left": np.s_[:, width:],
        "right": np.s_[:, :-width],
    }[side]
    corner = {"top": (0, width), "left": (width, 0)}.get(side, (0, 0))
    alone = found(image[inner], method=method)
    picks = found(with_margin(image, side, width, value), method=method)
    assert len(alone) > 15
    np.testing.assert_array_equal(picks.xy, alone.xy + corner)
    np.testing.assert_array_equal(picks.score, alone.score)
    assert picks.shape == SHAPE


@pytest.mark.parametrize("width", [1, 2, 7, 60, 200, 350])
def test_a_margin_of_any_width_is_found_to_the_pixel(width):
    image, _ = discs()
    for value in (0.0, "repeated"):
        rows, columns = inner_part(with_margin(image, "left", width, value))
        assert (rows, columns) == (slice(0, SHAPE[0]), slice(width, SHAPE[1]))


def test_margins_on_all_sides_of_different_values_are_found():
    image, _ = discs()
    for side, width, value in (
        ("top", 12, 0.0),
        ("right", 30, "repeated"),
        ("bottom", 5, 7.0),
        ("left", 21, -2.0),
    ):
        image = with_margin(image, side, width, value)
    assert inner_part(image) == (slice(12, SHAPE[0] - 5), slice(21, SHAPE[1] - 30))


def test_a_hot_pixel_in_a_margin_does_not_hide_it():
    image, _ = discs()
    image = with_margin(image, "top", 20, 0.0)
    image[3, 100] = 1e5
    assert inner_part(image)[0] == slice(20, SHAPE[0])


@pytest.mark.parametrize("image", [np.zeros((50, 60)), np.zeros((50, 60)) + np.arange(60), np.eye(40)])
def test_of_an_image_that_is_all_margin_nothing_is_left_out(image):
    assert inner_part(image.astype(np.float32)) == (slice(0, image.shape[0]), slice(0, image.shape[1]))


def test_an_image_that_was_enlarged_by_repeating_pixels_has_no_margin():
    image = np.kron(discs()[0], np.ones((3, 3), np.float32))
    assert inner_part(image) == (slice(0, image.shape[0]), slice(0, image.shape[1]))
    assert inner_part(with_margin(image, "left", 60, 0.0))[1] == slice(60, image.shape[1])


def test_places_in_the_part_are_places_in_the_whole():
    image, _ = discs()
    part = sound_part(Micrograph(with_margin(with_margin(image, "left", 30, 0.0), "top", 20, 0.0)))
    assert part.micrograph.shape == (SHAPE[0] - 20, SHAPE[1] - 30)
    placed = part.placed(Picks(np.array([[0.0, 0.0]]), shape=part.micrograph.shape))
    assert (placed.xy.tolist(), placed.shape) == ([[30.0, 20.0]], SHAPE)
    padded = part.padded(np.ones((SHAPE[0] // 2 - 10, SHAPE[1] // 2 - 15), np.float32))
    assert padded.shape == (SHAPE[0] // 2, SHAPE[1] // 2)
    assert padded[:10].max() == padded[:, :15].max() == 0
    assert padded[10:, 15:].min() == 1


def test_margins_do_not_change_the_size_that_is_measured():
    image, _ = discs()
    plain = measure_size(PickConfig(method="unsupervised"), [Micrograph(image)]).size
    cut = measure_size(
        PickConfig(method="unsupervised"), [Micrograph(with_margin(image, "left", 60, 0.0))]
    ).size
    assert cut.contrast == plain.contrast == "dark"
    assert cut.diameter == pytest.approx(plain.diameter, rel=0.1)


@pytest.mark.parametrize(
    ("method", "height"),
    [*(("unsupervised", height) for height in (20.0, 300.0, 3e4, -3e4, 3e38, -3e38)), ("network", 3e38)],
)
def test_hot_pixels_of_any_height_change_no_pick(method, height):
    image, _ = discs()
    before = found(image, method=method)
    spoiled = image.copy()
    for y, x in ((0, 0), (100, 100), (101, 100), (250, 333), (SHAPE[0] - 1, 77)):
        spoiled[y, x] = height
    after = found(spoiled, method=method)
    assert len(after) == len(before)
    np.testing.assert_allclose(np.sort(after.xy, axis=0), np.sort(before.xy, axis=0), atol=0.5)


def test_only_hot_pixels_are_replaced():
    image, _ = discs()
    spoiled = image.copy()
    spoiled[50, 60] = 900.0
    mended = without_hot_pixels(spoiled)
    assert (mended != spoiled).sum() == 1
    assert abs(mended[50, 60] - 10) < 2


def test_crystals_and_counts_of_few_electrons_are_no_hot_pixels():
    image, _ = discs()
    crystal = image.copy()
    crystal[100:130, 100:130] += 40.0
    assert without_hot_pixels(crystal) is crystal
    counts = np.random.default_rng(1).poisson(0.05, SHAPE).astype(np.float32)
    assert without_hot_pixels(counts) is counts
    counts = np.random.default_rng(1).poisson(1.0, SHAPE).astype(np.float32)
    assert (without_hot_pixels(counts) != counts).sum() < 5


def test_a_sound_micrograph_is_left_as_it_is():
    micrograph = Micrograph(discs()[0])
    assert sound_part(micrograph).micrograph is micrograph
