from dataclasses import replace

import numpy as np
import pytest

from cryoglean.corrections import Added, Corrections, Deleted, Moved, corrected
from cryoglean.types import Picks

CANDIDATES = Picks(
    np.array([[10.0, 10.0], [50.0, 10.0], [90.0, 10.0], [10.0, 50.0]]),
    np.array([0.9, 0.8, 0.6, 0.2]),
    np.full(4, 80.0),
    name="mic",
    shape=(100, 100),
    pixel_size=4.0,
)
PICKS = CANDIDATES[:3]


def applied(picks: Picks = PICKS, candidates: Picks = CANDIDATES, **made: object) -> Picks:
    return corrected(picks, Corrections(micrograph="mic", **made), candidates)


def places(picks: Picks) -> list[tuple[float, float]]:
    return sorted(map(tuple, picks.xy.tolist()))


def test_without_corrections_nothing_changes() -> None:
    assert applied() is PICKS
    assert applied(looked_at=True) is PICKS


def test_deleted_goes_moved_is_elsewhere_and_added_comes() -> None:
    found = applied(
        deleted=[Deleted(x=10, y=10)],
        moved=[Moved(from_x=50, from_y=10, x=53, y=12)],
        added=[Added(id="a", x=70, y=70)],
    )
    assert places(found) == [(53, 12), (70, 70), (90, 10)]
    by_hand = found[np.argsort(-found.score)][:2]
    assert by_hand.score.tolist() == [1.0, 1.0]
    assert found.diameter.tolist() == [80.0] * 3
    assert (found.name, found.shape, found.pixel_size) == ("mic", (100, 100), 4.0)
    assert found.score.tolist() == sorted(found.score.tolist(), reverse=True)


def test_a_rejected_micrograph_has_no_picks() -> None:
    assert len(applied(rejected=True, added=[Added(id="a", x=70, y=70)])) == 0


def test_a_correction_means_the_candidate_at_its_place_and_no_neighbour() -> None:
    near = replace(CANDIDATES, xy=np.array([[10.0, 10.0], [13.0, 10.0], [90.0, 10.0], [10.0, 50.0]]))
    assert places(applied(near, near, deleted=[Deleted(x=13, y=10)])) == [(10, 10), (10, 50), (90, 10)]
    # The candidate that was deleted is not picked at this threshold: its better neighbour stays.
    assert places(applied(near[:1], near, deleted=[Deleted(x=13, y=10)])) == [(10, 10)]


def test_after_another_search_it_means_what_lies_within_a_quarter_of_a_diameter() -> None:
    # 80 Å are 20 pixels.
    assert places(applied(deleted=[Deleted(x=14.9, y=10)])) == [(50, 10), (90, 10)]
    assert places(applied(deleted=[Deleted(x=15.1, y=10)])) == places(PICKS)
    assert places(applied(moved=[Moved(from_x=52, from_y=10, x=60, y=10)])) == [(10, 10), (60, 10), (90, 10)]


def test_an_added_particle_that_is_found_later_is_not_counted_twice() -> None:
    assert places(applied(added=[Added(id="a", x=12, y=11)])) == [(12, 11), (50, 10), (90, 10)]


@pytest.mark.parametrize("diameter", [None, 100.0])
def test_particles_can_be_added_where_nothing_was_found(diameter: float | None) -> None:
    nothing = Picks(np.zeros((0, 2)), name="mic", shape=(100, 100))
    made = Corrections(
        micrograph="mic", added=(Added(id="a", x=1, y=2),), deleted=(Deleted(x=5, y=5, score=0.5),)
    )
    found = corrected(nothing, made, nothing, diameter=diameter)
    assert places(found) == [(1, 2)]
    np.testing.assert_array_equal(found.diameter, [diameter or np.nan])


def test_further_columns_are_empty_for_added_picks() -> None:
    extra = {"psi": np.array([1.0, 2, 3, 4]), "votes": np.arange(4), "group": np.array(["a", "b", "c", "d"])}
    every = replace(CANDIDATES, extra=extra)
    found = applied(every[:3], every, added=[Added(id="a", x=70, y=70)])
    assert np.isnan(found.extra["psi"][0])
    assert found.extra["votes"].tolist() == [0, 0, 1, 2]
    assert found.extra["group"].tolist() == ["", "a", "b", "c"]
