"""What a report says of a run are the run's own figures."""

import numpy as np
import pytest

from cryoglean.corrections import Added, Corrections, write_corrections
from cryoglean.engine import RunFolder
from cryoglean.io.formats import read_picks
from cryoglean.report.statistics import (
    coverage,
    expectation,
    half_area,
    median_of,
    nearest_neighbours,
    run_statistics,
)
from cryoglean.types import Picks

SHAPE = (1000, 2000)


def spread(
    number: int, rng: np.random.Generator, *, width: int = SHAPE[1], shape: tuple[int, int] = SHAPE
) -> Picks:
    """Picks at random over the left part of a micrograph."""
    xy = rng.uniform(-0.5, np.array([width, shape[0]]) - 0.5, (number, 2))
    return Picks(xy, diameter=20.0, shape=shape)


def test_the_figures_are_those_of_the_run(run: RunFolder) -> None:
    statistics, left = run_statistics(run), read_picks(run.table)
    assert statistics.summary.picks == sum(map(len, left)) == sum(one.picks for one in statistics.micrographs)
    assert statistics.pick_scores.sum() == statistics.summary.picks
    assert statistics.candidate_scores.sum() == sum(one.candidates for one in statistics.micrographs)
    one = statistics.micrographs[3]
    assert one.expected_hits == pytest.approx(left[3].score.sum(), abs=1e-4)
    assert one.expected_hits <= one.expected_particles
    assert one.mean_score == pytest.approx(left[3].score.mean(), abs=1e-6)
    assert one.coverage == pytest.approx(one.picks * np.pi * 12**2 / 200**2)
    assert list(statistics.diameters) == [96.0]


def test_corrections_of_the_user_count(run: RunFolder) -> None:
    before = run_statistics(run).summary
    added = Added(id="one", x=100.0, y=100.0)
    write_corrections(run.correction("mic0"), Corrections(micrograph="mic0", added=[added]))
    write_corrections(run.correction("mic7"), Corrections(micrograph="mic7", rejected=True))
    statistics = run_statistics(run)
    assert statistics.micrographs[0].picks == 10
    assert statistics.summary.picks == before.picks + 1 - 16
    assert "mic7" not in [one.name for one in statistics.micrographs]


def test_nearest_neighbours_are_measured_in_diameters() -> None:
    picks = Picks(np.array([[0.0, 0.0], [30.0, 40.0], [30.0, 140.0]]), diameter=50.0, pixel_size=2.0)
    np.testing.assert_allclose(nearest_neighbours(picks), [2.0, 2.0, 4.0])
    assert len(nearest_neighbours(picks[:1])) == 0


def test_coverage_is_a_share_of_the_area() -> None:
    picks = Picks(np.zeros((8, 2)), diameter=40.0, pixel_size=2.0, shape=(100, 200))
    assert coverage(picks) == pytest.approx(8 * np.pi * 10**2 / 20_000)
    assert coverage(Picks(np.zeros((0, 2)), shape=(100, 200))) == 0
    assert np.isnan(coverage(Picks(np.zeros((8, 2)), shape=(100, 200))))


@pytest.mark.parametrize("number", [50, 300, 3000])
def test_picks_by_chance_hold_half_of_themselves_in_a_third_of_the_area(
    number: int, rng: np.random.Generator
) -> None:
    assert np.mean([half_area(spread(number, rng)) for _ in range(30)]) == pytest.approx(0.34, abs=0.02)


def test_picks_in_a_fifth_of_the_micrograph_hold_half_of_themselves_in_less(rng: np.random.Generator) -> None:
    assert half_area(spread(500, rng, width=SHAPE[1] // 5)) < 0.1


def test_picks_on_a_grid_hold_half_of_themselves_in_more() -> None:
    x, y = np.meshgrid(np.arange(25, 2000, 50), np.arange(25, 1000, 50))
    assert half_area(Picks(np.column_stack([x.ravel(), y.ravel()]), shape=SHAPE)) > 0.37


def test_of_few_picks_nobody_can_tell_whether_they_lie_in_islands(rng: np.random.Generator) -> None:
    assert np.isnan(half_area(spread(49, rng)))
    assert np.isnan(half_area(spread(500, rng, shape=(0, 0), width=100)))


def test_a_long_strip_is_cut_into_cells_too(rng: np.random.Generator) -> None:
    assert 0.2 < half_area(spread(60, rng, shape=(10_000, 20), width=20)) < 0.5


def test_precision_and_recall_follow_from_honest_scores(rng: np.random.Generator) -> None:
    """Scores that are probabilities, drawn with what became of each."""
    score = rng.beta(0.4, 0.6, 200_000)
    is_particle = rng.uniform(size=len(score)) < score
    edges = np.linspace(0, 1, 1001)
    expected = expectation(np.histogram(score, edges)[0], edges)
    for threshold in (0.0, 0.3, 0.5, 0.9):
        kept = score >= threshold
        precision, recall = expected.at(threshold)
        assert precision == pytest.approx(is_particle[kept].mean(), abs=0.005)
        assert recall == pytest.approx(is_particle[kept].sum() / is_particle.sum(), abs=0.005)


def test_above_all_scores_nothing_is_expected() -> None:
    expected = expectation(np.array([3, 0]), np.array([0.0, 0.5, 1.0]))
    assert np.isnan(expected.at(2.0)).all()
    assert np.isnan(expected.at(0.5)[0])
    assert expected.at(0.5)[1] == 0


def test_the_median_of_a_histogram_is_that_of_what_was_counted(rng: np.random.Generator) -> None:
    values, edges = rng.uniform(0, 4, 999), np.linspace(0, 4, 81)
    assert median_of(edges, np.histogram(values, edges)[0]) == pytest.approx(np.median(values), abs=0.05)
    assert np.isnan(median_of(edges, np.zeros(80, np.int64)))
