import numpy as np
import pytest

from cryoglean.pickers.template.side_views import find_side_views

DIAMETER_PX = 24.0


def barrels(places: list[tuple[float, float, float]], rng: np.random.Generator, noise: float) -> np.ndarray:
    """Draw bright squares at x, y, turned by degrees, in noise of unit variance."""
    y, x = np.mgrid[:300, :320]
    image = rng.normal(0, noise, x.shape)
    for column, row, degrees in places:
        turn = np.radians(degrees)
        along = (x - column) * np.cos(turn) + (y - row) * np.sin(turn)
        across = (y - row) * np.cos(turn) - (x - column) * np.sin(turn)
        image += 5.0 * (np.maximum(np.abs(along), np.abs(across)) < DIAMETER_PX / 2)
    return image.astype(np.float32)


PLACES = [(50, 60, 0), (130, 70, 30), (220, 60, 45), (60, 200, 15), (150, 190, 80), (250, 220, 60)]


def test_barrels_are_found_where_they_are(rng: np.random.Generator) -> None:
    found = find_side_views(barrels(PLACES, rng, 1.0), DIAMETER_PX)
    distance = np.hypot(*(np.array(PLACES)[:, None, :2] - found.xy).transpose(2, 0, 1))
    assert len(found) == len(PLACES)
    assert distance.min(axis=1).max() < 1.5
    assert np.all(np.diff(found.squareness) <= 0)


def test_fewer_than_three_are_chance(rng: np.random.Generator) -> None:
    assert len(find_side_views(barrels(PLACES[:2], rng, 1.0), DIAMETER_PX)) == 0


def test_discs_have_no_sides(rng: np.random.Generator) -> None:
    y, x = np.mgrid[:300, :320]
    image = rng.normal(0, 1, x.shape)
    for column, row, _ in PLACES:
        image += 5.0 * (np.hypot(x - column, y - row) < DIAMETER_PX / 2)
    assert len(find_side_views(image.astype(np.float32), DIAMETER_PX)) == 0


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_nothing_has_no_sides(level: float, rng: np.random.Generator) -> None:
    assert len(find_side_views((level * rng.normal(0, 1, (200, 200))).astype(np.float32), DIAMETER_PX)) == 0


def test_side_views_follow_a_quarter_turn(rng: np.random.Generator) -> None:
    image = barrels(PLACES, rng, 1.0)
    first = find_side_views(image, DIAMETER_PX).xy
    second = find_side_views(np.ascontiguousarray(np.rot90(image)), DIAMETER_PX).xy
    expected = np.column_stack([first[:, 1], image.shape[1] - 1 - first[:, 0]])
    assert np.hypot(*(expected[:, None] - second).transpose(2, 0, 1)).min(axis=1).max() < 1
