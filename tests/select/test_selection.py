"""Selection against plain loops over all pairs, and its rules one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cryoglean.errors import UsageError
from cryoglean.select import select
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Picks


@st.composite
def candidates(draw: st.DrawFn) -> Picks:
    """Candidates on whole pixels with few distinct scores, so that ties in both occur."""
    n = draw(st.integers(0, 25))
    xy = draw(hnp.arrays(np.float64, (n, 2), elements=st.integers(0, 30).map(float), unique=False))
    score = draw(hnp.arrays(np.float64, n, elements=st.integers(0, 5).map(lambda k: k / 5)))
    diameter = draw(hnp.arrays(np.float64, n, elements=st.sampled_from([8.0, 12.0])))
    return Picks(xy, score, diameter, shape=(31, 31), pixel_size=2.0, extra={"number": np.arange(n)})


def kept_by_plain_loop(picks: Picks, separation: float) -> list[int]:
    """Greedy suppression as one would write it down."""
    order = sorted(range(len(picks)), key=lambda k: (-picks.score[k], picks.xy[k, 1], picks.xy[k, 0]))
    kept: list[int] = []
    for k in order:
        limits = [separation * (picks.diameter_px[k] + picks.diameter_px[j]) / 2 for j in kept]
        gaps = [np.hypot(*(picks.xy[k] - picks.xy[j])) for j in kept]
        if all(gap >= limit for gap, limit in zip(gaps, limits, strict=True)):
            kept.append(k)
    return kept


@given(candidates(), st.sampled_from([0.5, 1.0, 1.5]))
def test_separation_equals_a_plain_loop(picks: Picks, separation: float) -> None:
    kept = select(picks, SelectConfig(separation=separation))
    expected = picks[kept_by_plain_loop(picks, separation)]
    np.testing.assert_array_equal(kept.xy, expected.xy)
    np.testing.assert_array_equal(kept.score, expected.score)


@given(candidates(), st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(picks: Picks, random: object) -> None:
    order = list(range(len(picks)))
    random.shuffle(order)  # type: ignore[attr-defined]
    picks = Picks(picks.xy, picks.score, 10.0, shape=picks.shape, pixel_size=1.0)
    one, other = select(picks), select(picks[np.array(order, int)])
    np.testing.assert_array_equal(one.xy, other.xy)
    np.testing.assert_array_equal(one.score, other.score)


@given(candidates(), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_takes_picks_away_and_adds_none(picks: Picks, low: float, high: float) -> None:
    low, high = sorted((low, high))
    few = select(picks, SelectConfig(min_score=high)).extra["number"]
    many = select(picks, SelectConfig(min_score=low))
    assert few.tolist() == many[many.score >= high].extra["number"].tolist()


def line(*xs: float) -> Picks:
    """Candidates of 10 px along a row of pixels, each worse than the one before."""
    xy = np.array([(x, 50.0) for x in xs]).reshape(-1, 2)
    return Picks(xy, np.linspace(0.9, 0.1, len(xy)), 10.0, shape=(100, 200), pixel_size=1.0)


def test_a_suppressed_candidate_suppresses_nobody() -> None:
    kept = select(line(50, 54, 58), SelectConfig(separation=0.6))
    assert kept.xy[:, 0].tolist() == [50, 58]


def test_candidates_exactly_at_the_separation_both_stay() -> None:
    assert len(select(line(50, 55), SelectConfig(separation=0.5))) == 2
    assert len(select(line(50, 54.9), SelectConfig(separation=0.5))) == 1


def test_the_border_is_the_outer_edge_of_the_pixels() -> None:
    kept = select(line(4.4, 4.5, 195.6, 194.5), SelectConfig(border=0.5, separation=0))
    assert sorted(kept.xy[:, 0]) == [4.5, 194.5]
    assert len(select(line(-0.5, 199.5))) == 2


def test_a_particle_dropped_at_the_border_takes_its_flank_with_it() -> None:
    assert len(select(line(3, 6), SelectConfig(border=0.5, separation=0.5))) == 0


def test_the_best_ones_stay_where_the_number_is_limited() -> None:
    kept = select(line(90, 50, 70, 20), SelectConfig(max_picks=2))
    assert kept.xy[:, 0].tolist() == [90, 50]


def test_no_candidates_give_no_picks() -> None:
    empty = Picks(np.zeros((0, 2)), name="empty", shape=(50, 50))
    kept = select(empty, SelectConfig(border=0.5, separation=1, min_score=0.5, max_picks=3))
    assert len(kept) == 0
    assert kept.name == "empty"


def test_lengths_without_a_diameter_or_a_size_are_an_error() -> None:
    unknown = Picks(np.array([[5.0, 5.0]]), name="mic_7")
    with pytest.raises(UsageError, match=r"--separation .*'mic_7'"):
        select(unknown)
    sized = Picks(np.array([[5.0, 5.0]]), diameter=10.0, name="mic_7", pixel_size=1.0)
    with pytest.raises(UsageError, match=r"--border needs the size .*'mic_7'"):
        select(sized, SelectConfig(border=0.5))
    assert len(select(unknown, SelectConfig(separation=0))) == 1
