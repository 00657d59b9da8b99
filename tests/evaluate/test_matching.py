"""Matching against a search through every assignment, and on sizes where the full table would not fit."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from cryoglean.evaluate import doubles, match
from cryoglean.types import Picks


def points(largest: int) -> st.SearchStrategy[Picks]:
    """Few places on a small grid, so that ties, coincident points and distances equal to the reach occur."""
    coordinates = hnp.arrays(
        np.float64, st.tuples(st.integers(0, largest), st.just(2)), elements=st.integers(0, 7)
    )
    return coordinates.map(Picks)


def best_assignment(truth: Picks, picks: Picks, reach_px: float) -> tuple[int, float]:
    """Number of pairs and total distance of the best of all assignments, each of which is tried."""
    few, many = (truth, picks) if len(truth) <= len(picks) else (picks, truth)
    table = cdist(few.xy, many.xy)
    best = (0, 0.0)
    for chosen in itertools.permutations(range(len(many)), len(few)):
        distance = table[np.arange(len(few)), list(chosen)]
        distance = distance[distance < reach_px]
        best = min(best, (-len(distance), float(distance.sum())))
    return -best[0], best[1]


@given(points(4), points(5), st.integers(1, 6))
def test_match_equals_the_best_of_all_assignments(truth: Picks, picks: Picks, reach_px: int) -> None:
    matches = match(truth, picks, reach_px)
    number, total = best_assignment(truth, picks, reach_px)
    assert len(matches.pairs) == number
    assert matches.distance_px.sum() == pytest.approx(total)
    assert np.all(matches.distance_px < reach_px)
    for column in matches.pairs.T:
        assert len(np.unique(column)) == len(column)
    offsets = truth.xy[matches.pairs[:, 0]] - picks.xy[matches.pairs[:, 1]]
    np.testing.assert_allclose(np.hypot(*offsets.T), matches.distance_px)


@given(points(40), points(40), st.integers(1, 6))
def test_match_equals_the_dense_hungarian_method(truth: Picks, picks: Picks, reach_px: int) -> None:
    matches = match(truth, picks, reach_px)
    number, total = 0, 0.0
    if len(truth) and len(picks):
        table = cdist(truth.xy, picks.xy)
        rows, columns = linear_sum_assignment(np.where(table < reach_px, table, 1000.0))
        distance = table[rows, columns]
        number, total = int((distance < reach_px).sum()), float(distance[distance < reach_px].sum())
    assert len(matches.pairs) == number
    assert matches.distance_px.sum() == pytest.approx(total)


@given(points(6), points(6), st.integers(1, 6))
def test_doubles_are_the_unpaired_picks_within_reach(truth: Picks, picks: Picks, reach_px: int) -> None:
    matches = match(truth, picks, reach_px)
    near = (cdist(truth.xy, picks.xy) < reach_px).any(axis=0)
    expected = set(np.flatnonzero(near)) - set(matches.pairs[:, 1])
    assert set(doubles(matches)) == expected


def test_more_pairs_win_over_a_nearer_pair() -> None:
    truth = Picks(np.array([[0.0, 0.0], [10.0, 0.0]]))
    picks = Picks(np.array([[1.0, 0.0], [-8.0, 0.0]]))
    matches = match(truth, picks, 9.5)
    assert matches.pairs.tolist() == [[0, 1], [1, 0]]
    assert matches.distance_px.tolist() == [8.0, 9.0]


def test_the_reach_itself_is_no_hit() -> None:
    truth, picks = Picks(np.array([[0.0, 0.0]])), Picks(np.array([[3.0, 4.0]]))
    assert len(match(truth, picks, 5.0).pairs) == 0
    assert len(match(truth, picks, np.nextafter(5.0, 6.0)).pairs) == 1


def test_two_picks_on_one_particle_are_one_hit_and_one_double() -> None:
    truth, picks = Picks(np.array([[5.0, 5.0]])), Picks(np.array([[5.0, 6.0], [5.0, 5.5], [30.0, 5.0]]))
    matches = match(truth, picks, 4.0)
    assert matches.pairs.tolist() == [[0, 1]]
    assert doubles(matches).tolist() == [0]


def test_fifty_thousand_picks_are_matched_without_the_full_table() -> None:
    rng = np.random.default_rng(5)
    n = 50_000
    grid = np.stack(np.meshgrid(np.arange(250), np.arange(200)), axis=-1).reshape(-1, 2) * 80.0
    truth = Picks(grid)
    order = rng.permutation(n)
    picks = Picks((grid + rng.uniform(-10, 10, grid.shape))[order])
    matches = match(truth, picks, 32.0)
    np.testing.assert_array_equal(matches.pairs[:, 0], np.arange(n))
    np.testing.assert_array_equal(order[matches.pairs[:, 1]], np.arange(n))
