"""Picks of several programs: one particle each, whoever is asked first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cryoglean.select.consensus import consensus
from cryoglean.types import Picks


def test_known_answer():
    sets = {
        "a": Picks(
            np.array([[10.0, 10.0], [50.0, 50.0]]), score=np.array([0.9, 0.2]), diameter=100.0, shape=(90, 80)
        ),
        "b": Picks(
            np.array([[12.0, 10.0], [80.0, 5.0]]), score=np.array([5.0, 7.0]), kind=np.array(["top", "side"])
        ),
        "c": Picks(np.array([[11.0, 13.0]]), score=np.array([-1.0]), diameter=130.0),
    }
    joined = consensus(sets, 6)
    assert joined.extra["votes"].tolist() == [3, 1, 1]
    np.testing.assert_allclose(joined.xy, [[11, 11], [50, 50], [80, 5]])
    np.testing.assert_allclose(joined.score, [1, 1 / 3, 1 / 3])
    np.testing.assert_allclose(joined.diameter, [115, 100, np.nan])
    assert joined.kind.tolist() == ["particle", "particle", "side"]
    np.testing.assert_array_equal(joined.extra["score_b"], [5, np.nan, 7])
    np.testing.assert_array_equal(joined.extra["score_c"], [-1, np.nan, np.nan])
    assert joined.shape == (90, 80)


def test_crowded_particles_keep_every_pair():
    """The nearest first would join 10 with 12 and leave 4 and 17 alone."""
    a = Picks(np.array([[10.0, 0.0], [4.0, 0.0]]))
    b = Picks(np.array([[12.0, 0.0], [9.0, 0.0]]))
    assert consensus({"a": a, "b": b}, 6).extra["votes"].tolist() == [2, 2]


def test_at_the_distance_itself_picks_are_two():
    a, b = Picks(np.array([[0.0, 0.0]])), Picks(np.array([[5.0, 0.0]]))
    assert len(consensus({"a": a, "b": b}, 5)) == 2
    assert len(consensus({"a": a, "b": b}, 5.01)) == 1


places = hnp.arrays(np.float64, st.tuples(st.integers(0, 12), st.just(2)), elements=st.floats(0, 60))


@given(sets=st.lists(places, min_size=1, max_size=3), reach=st.floats(0.1, 30))
def test_no_pick_is_lost_or_counted_twice(sets, reach):
    picks = {f"p{i}": Picks(xy, score=np.arange(len(xy))) for i, xy in enumerate(sets)}
    joined = consensus(picks, reach)
    assert joined.extra["votes"].sum() == sum(map(len, sets))
    for name, one in picks.items():
        scores = joined.extra[f"score_{name}"]
        assert sorted(scores[np.isfinite(scores)]) == list(range(len(one)))
    if len(sets) == 2:
        other = consensus(dict(reversed(picks.items())), reach)
        assert sorted(other.extra["votes"]) == sorted(joined.extra["votes"])


@pytest.mark.parametrize("n", [5000])
def test_many_picks_take_no_long_time(rng, n):
    xy = rng.uniform(0, 40_000, (n, 2))
    sets = {name: Picks(xy[rng.permutation(n)] + rng.normal(0, 1, (n, 2))) for name in "abc"}
    joined = consensus(sets, 20)
    assert (joined.extra["votes"] == 3).sum() > 0.98 * n
