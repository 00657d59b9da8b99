"""What sections say of a whole run: of `scores`, `spacing`, `density`, `contamination` and `course`.

Runs are made of figures here; `tests.report.test_run_report` reads them from a real one.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cryoglean.engine import RunFolder
from cryoglean.engine.plan import Job
from cryoglean.engine.size import MeasuredSize
from cryoglean.pickers.settings import PickConfig
from cryoglean.report.sections.contamination import contamination
from cryoglean.report.sections.course import course
from cryoglean.report.sections.density import density
from cryoglean.report.sections.scores import scores
from cryoglean.report.sections.spacing import spacing
from cryoglean.report.statistics import (
    FINE_SCORE_EDGES,
    SCORE_EDGES,
    SPACING_EDGES,
    MicrographStatistics,
    RunStatistics,
)
from cryoglean.types import MicrographFile
from tests.report.rendering import text_of

ONE = MicrographStatistics(
    Job("mic", MicrographFile(Path("mic.mrc"))),
    picks=100,
    expected_hits=95.0,
    expected_particles=100.0,
    candidates=400,
    contaminated=4,
    coverage=0.2,
    half_area=0.36,
    modified=1.7e9,
)
CONFIG = PickConfig(diameter=100.0, contrast="dark", min_score=0.5, method="unsupervised")


def run_of(*micrographs: MicrographStatistics, **config: object) -> RunStatistics:
    run = RunStatistics(RunFolder(Path("run")), CONFIG.changed(**config))
    run.micrographs = [
        replace(one, job=replace(one.job, name=f"mic{k}")) for k, one in enumerate(micrographs)
    ]
    telling = [one for one in micrographs if one.contaminated is not None]
    candidates = sum(one.candidates for one in telling)
    share = sum(one.contaminated for one in telling) / candidates if candidates else None
    picks = sum(one.picks for one in micrographs)
    run.summary = replace(run.summary, picks=picks, contaminated_share=share)
    return run


def scored(run: RunStatistics, values: np.ndarray) -> RunStatistics:
    """Give a run these candidates, of which those above the threshold are picks."""
    picks = values[values >= (run.config.min_score or 0)]
    run.candidate_scores = np.histogram(values, SCORE_EDGES)[0]
    run.pick_scores = np.histogram(picks, SCORE_EDGES)[0]
    run.selectable_scores = np.histogram(values, FINE_SCORE_EDGES)[0]
    run.summary = replace(run.summary, picks=len(picks))
    return run


# Scores and threshold


def test_two_separate_heaps_mean_that_the_threshold_hardly_matters() -> None:
    section = scores(scored(run_of(ONE), np.repeat([0.01, 0.99], [300, 100])))
    assert section.notices == ()
    text = text_of(section)
    assert "100 picks of 400 candidates have a score of at least 0.5" in text
    assert "it hardly matters" in text
    assert "Expected precision 0.99, expected recall 0.97" in text
    assert "threshold 0.5" in text


def test_many_scores_near_the_threshold_are_told() -> None:
    section = scores(scored(run_of(ONE), np.repeat([0.01, 0.45, 0.55, 0.99], [300, 20, 15, 100])))
    assert section.notices[0].startswith("35 candidates have scores within 0.1 of the threshold of 0.5")
    assert "35 candidates that could be picked have scores within 0.1" in text_of(section)


def test_a_threshold_that_loses_most_particles_is_told_with_a_better_one() -> None:
    """Of 100 at 0.8 and 300 at 0.6, a threshold of 0.7 keeps 80 of 260 expected particles."""
    section = scores(scored(run_of(ONE, min_score=0.7), np.repeat([0.8, 0.6], [100, 300])))
    (notice,) = [one for one in section.notices if "--min-score" in one]
    assert "leaves 31% of the particles among the picks, with a precision of 0.80" in notice
    assert "`cryoglean select run --min-score 0." in notice
    assert "would leave 100%, with a precision of 0.65" in notice


@pytest.mark.parametrize(("lost", "told"), [(12, True), (6, False)])
def test_a_slightly_better_threshold_is_not_worth_a_notice(lost: int, told: bool) -> None:
    """Beside 100 at 0.9, some at 0.8 are lost below the threshold; with them F1 is higher by 0.04 or 0.02."""
    section = scores(scored(run_of(ONE, min_score=0.85), np.repeat([0.9, 0.8], [100, lost])))
    assert any("--min-score" in one for one in section.notices) == told


def test_of_scores_that_are_no_probabilities_nothing_is_expected() -> None:
    text = text_of(scores(scored(run_of(ONE, method="paper"), np.repeat([0.2, 0.6], [100, 300]))))
    assert "no probabilities" in text
    assert "Expected precision" not in text


def test_a_run_without_candidates_says_so() -> None:
    assert "There are no candidates." in text_of(scores(run_of()))


# Expected and found


def test_found_and_expected_particles_are_compared() -> None:
    section = density(run_of(ONE, replace(ONE, picks=50, expected_particles=80.4)))
    assert section.notices == ()
    text = text_of(section)
    assert "150 picks beside 180 particles to expect" in text
    assert "the picks cover 20% of the area" in text
    assert "as many as expected" in text


def test_picks_denser_than_particles_lie_are_told() -> None:
    (notice,) = density(run_of(*[replace(ONE, coverage=0.8)] * 3)).notices
    assert "the picks cover 80% of the area" in notice


def test_densities_that_are_not_known_are_left_out() -> None:
    text = text_of(density(run_of(*[replace(ONE, coverage=math.nan)] * 3, method="paper")))
    assert "300 picks" in text
    assert "area" not in text
    assert "expect" not in text.replace("Expected and found", "")


# Sizes and spacing


def test_picks_in_islands_are_told() -> None:
    assert spacing(run_of(ONE, ONE)).notices == ()
    (notice,) = spacing(run_of(*[replace(ONE, half_area=0.12)] * 3, ONE)).notices
    assert notice.startswith("Picks lie in islands: in the typical micrograph half of them lie on 12%")


def test_picks_over_each_other_are_told() -> None:
    run = run_of(ONE, ONE)
    run.spacings = np.histogram(np.repeat([0.7, 0.88, 0.93], [10, 20, 70]), SPACING_EDGES)[0]
    (notice,) = spacing(run).notices
    assert notice.startswith("30% of the picks lie closer than 0.9 diameters")
    run.spacings = np.histogram(np.repeat([0.7, 1.42], [10, 90]), SPACING_EDGES)[0]
    assert spacing(run).notices == ()
    assert "nearest neighbour of the typical pick lies 1.4" in text_of(spacing(run))


@pytest.mark.parametrize(
    ("asked", "words"), [(None, "was measured in 2 micrographs: 100 Å"), (100.0, "given: 100 Å")]
)
def test_where_the_diameter_comes_from(asked: float | None, words: str) -> None:
    run = run_of(ONE)
    found = {"diameter": 100.0, "contrast": "dark", "pixel_size": 2.0, "sources": ("a", "b")}
    run.measured = MeasuredSize({"diameter": asked, "method": "auto"}, **found)
    assert words in text_of(spacing(run))


def test_diameters_are_drawn_where_they_differ() -> None:
    run = run_of(ONE, diameter=None)
    run.diameters.update({98.0: 5, 102.5: 7})
    run.kinds.update(top=7, side=5)
    text = text_of(spacing(run))
    assert "measured in each micrograph by itself" in text
    assert "Diameters of the picks." in text
    assert "7 top, 5 side" in text


# Contamination


def test_contamination_is_the_exception() -> None:
    section = contamination(run_of(ONE, replace(ONE, contaminated=0)))
    assert "4 of 800 candidates (0.5%) were refused as contamination" in text_of(section)


def test_the_worst_micrographs_come_first() -> None:
    text = text_of(contamination(run_of(ONE, replace(ONE, contaminated=60), replace(ONE, contaminated=0))))
    assert text.index("mic1 60 of 400 15%") < text.index("mic0 4 of 400 1.0%")
    assert "mic2" not in text


def test_micrographs_with_side_views_do_not_count() -> None:
    with_sides = replace(ONE, contaminated=None)
    text = text_of(contamination(run_of(ONE, with_sides, with_sides)))
    assert "4 of 400 candidates" in text
    assert "2 micrographs with side views" in text


@pytest.mark.parametrize("without", [{"contamination": False}, {"method": "paper"}])
def test_a_run_that_did_not_look_for_contamination_says_so(without: dict[str, object]) -> None:
    assert "was not looked for" in text_of(contamination(run_of(replace(ONE, contaminated=None), **without)))


# Over the run


def over_defocus(*mean_scores: float) -> RunStatistics:
    """Micrographs of rising defocus, 0.1 µm each."""
    run = run_of(*(replace(ONE, expected_hits=100 * score) for score in mean_scores))
    run.defocus = {one.name: 1000.0 * (k + 1) for k, one in enumerate(run.micrographs)}
    return run


def test_scores_that_depend_on_the_defocus_are_told() -> None:
    (notice,) = course(over_defocus(*np.linspace(0.5, 0.9, 15))).notices
    assert "mean score is 0.56 below 0.5 µm and 0.84 above 1.1 µm" in notice
    (notice,) = course(over_defocus(*np.linspace(0.9, 0.5, 15))).notices
    assert "mean score is 0.56 above 1.1 µm and 0.84 below 0.5 µm" in notice


def test_scores_alike_over_defocus_are_not() -> None:
    assert course(over_defocus(*np.linspace(0.85, 0.9, 15))).notices == ()
    assert course(over_defocus(0.5, 0.9)).notices == ()


def test_what_is_known_of_the_defocus_in_part_is_told() -> None:
    run = over_defocus(0.9, 0.9, 0.9)
    del run.defocus["mic1"]
    text = text_of(course(run))
    assert "defocus, µm" in text
    assert "The defocus of 1 micrograph is not known." in text


def test_time_is_shown_where_files_are_not_of_one_time() -> None:
    later = replace(ONE, modified=ONE.modified + 7200)
    assert "hours after the first file" in text_of(course(run_of(ONE, later)))
    assert "the first on 2023-11-14 22:13 UTC" in text_of(course(run_of(ONE, later)))
    text = text_of(course(run_of(ONE, ONE)))
    assert "micrographs in the order of the run" in text
    assert "The defocus is not known." in text


@pytest.mark.parametrize(
    ("number", "words"), [(0, "No micrograph is done."), (1, "There is one micrograph.")]
)
def test_one_micrograph_has_no_course(number: int, words: str) -> None:
    assert words in text_of(course(run_of(*[ONE] * number)))


@pytest.mark.parametrize(("number", "trend"), [(19, False), (20, True)])
def test_a_trend_is_drawn_of_twenty_micrographs(number: int, trend: bool) -> None:
    assert ("Lines join the medians" in text_of(course(run_of(*[ONE] * number)))) == trend


def test_micrographs_without_picks_have_a_course() -> None:
    empty = replace(ONE, picks=0, expected_hits=0.0)
    assert "Picks over the run." in text_of(course(run_of(empty, empty)))
