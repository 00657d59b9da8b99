"""Figures of merit: known answers, and agreement with an independent scorer."""

import csv
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cryoglean.errors import UsageError
from cryoglean.evaluate import PaperCounts, evaluate, paper_counting
from cryoglean.types import Picks


def picks_of(name: str, rows: Sequence[tuple[float, float, float]]) -> Picks:
    table = np.array(rows, float).reshape(-1, 3)
    return Picks(table[:, :2], table[:, 2], name=name)


def test_figures_of_a_counted_example() -> None:
    truth = [picks_of("a", [(10, 10, 1), (50, 10, 1), (90, 10, 1)]), picks_of("b", [(10, 10, 1)])]
    picks = [
        picks_of("a", [(11, 10, 0.9), (13, 10, 0.8), (50, 14, 0.7), (200, 200, 0.6)]),
        picks_of("c", [(0, 0, 1)]),
    ]
    result = evaluate(truth, picks, diameter_px=16)
    quarter, half = result.pooled
    assert (half.particles, half.picks, half.hits, half.missed, half.false, half.doubles) == (
        4,
        4,
        2,
        2,
        2,
        1,
    )
    assert half.precision == half.recall == half.f1 == 0.5
    assert half.accuracy == 2 / 6
    assert half.median_offset_px == 2.5
    assert quarter.hits == 1  # the pick 4 px away lies at the reach, not within it
    assert half.average_precision == pytest.approx(1 / 4 * 1 + 1 / 4 * 2 / 3)
    assert result.unpicked == ("b",)
    assert result.unknown == ("c",)
    assert result.worst_f1 == (0.0, 0.0)
    assert result.micrographs["a"][1].recall == 2 / 3


def test_scores_that_rank_nothing_have_no_average_precision() -> None:
    truth = [picks_of("a", [(10, 10, 1), (50, 10, 1)])]
    picks = [picks_of("a", [(10, 10, 0.5), (50, 10, 0.5)])]
    assert evaluate(truth, picks, diameter_px=16).pooled[0].average_precision is None


def test_picks_without_a_score_rank_last() -> None:
    truth = [picks_of("a", [(10, 10, 1)])]
    picks = [picks_of("a", [(90, 90, np.nan), (10, 10, 0.1)])]
    assert evaluate(truth, picks, diameter_px=16).pooled[0].average_precision == 1.0


def test_paper_counting_takes_doubles_for_hits() -> None:
    truth = picks_of("a", [(10, 10, 1), (50, 10, 1), (90, 10, 1)])
    picks = picks_of("a", [(11, 10, 1), (9, 10, 1), (10, 12, 1), (200, 200, 1)])
    counts = paper_counting(truth, picks, diameter_px=16)
    assert (counts.hits, counts.false, counts.missed) == (3, 1, 0)
    assert counts.recall == 1.0
    assert evaluate([truth], [picks], diameter_px=16).pooled[1].recall == pytest.approx(1 / 3)


def kinds_of(picks: Picks, *kinds: str) -> Picks:
    return Picks(picks.xy, picks.score, kind=np.array(kinds), name=picks.name)


def test_ignored_particles_count_neither_way() -> None:
    truth = kinds_of(picks_of("a", [(10, 10, 1), (50, 10, 1), (90, 10, 1)]), "ok", "edge", "edge")
    picks = picks_of("a", [(11, 10, 0.9), (50, 12, 0.8), (51, 12, 0.7), (70, 10, 0.6)])
    strict = evaluate([truth], [picks], diameter_px=16).pooled[1]
    lenient = evaluate([truth], [picks], diameter_px=16, ignored_kinds=["edge"]).pooled[1]
    assert (strict.particles, strict.picks, strict.hits) == (3, 4, 2)
    assert (lenient.particles, lenient.picks, lenient.hits) == (1, 2, 1)
    assert lenient.average_precision == 1.0


def test_a_pick_between_an_ignored_and_a_counted_particle_is_a_hit() -> None:
    truth = kinds_of(picks_of("a", [(10, 10, 1), (18, 10, 1)]), "ok", "edge")
    merit = evaluate([truth], [picks_of("a", [(15, 10, 1)])], diameter_px=16, ignored_kinds=["edge"]).pooled[
        1
    ]
    assert (merit.particles, merit.picks, merit.hits) == (1, 1, 1)


def test_kinds_are_counted_apart() -> None:
    truth = kinds_of(picks_of("a", [(10, 10, 1), (50, 10, 1), (90, 10, 1)]), "top", "side", "side")
    picks = kinds_of(picks_of("a", [(10, 10, 1), (50, 10, 1), (90, 10, 1)])[:2], "side", "side")
    side, top = evaluate([truth], [picks], diameter_px=16).kinds
    assert (side.kind, side.particles, side.hits, side.agreeing) == ("side", 2, 1, 1)
    assert (top.kind, top.particles, top.hits, top.agreeing) == ("top", 1, 1, 0)


def test_two_entries_for_one_micrograph_are_an_error() -> None:
    one = picks_of("a", [(10, 10, 1)])
    with pytest.raises(UsageError, match="two sets of coordinates"):
        evaluate([one], [one, one], diameter_px=16)


@pytest.fixture(scope="module")
def scorer(shared: Path) -> Path:
    path = shared / "tools" / "score_picks.py"
    if not path.is_file():
        pytest.skip("the neutral scorer is not beside the project")
    return path


@pytest.fixture(scope="module")
def neutral(scorer: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_picks", scorer)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_csv(path: Path, picks: Picks) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "y", "score"])
        writer.writerows(zip(*picks.xy.T.tolist(), picks.score.tolist(), strict=True))


def read_truth(path: Path) -> Picks:
    with path.open(newline="") as file:
        return picks_of(path.stem, [(float(row["x"]), float(row["y"]), 1.0) for row in csv.DictReader(file)])


def perturbed(truth: Picks, rng: np.random.Generator) -> Picks:
    """Make picks as a picker would: off centre, some missing, doubled or false, scores with ties."""
    kept = truth.xy[rng.random(len(truth)) < 0.9]
    doubled = kept[rng.random(len(kept)) < 0.2]
    xy = np.concatenate([kept + rng.normal(0, 9, kept.shape), doubled + rng.normal(0, 9, doubled.shape)])
    xy = np.concatenate([xy, rng.uniform(0, 1200, (len(truth) // 4, 2))])
    score = np.round(np.clip(rng.normal(0.6, 0.2, len(xy)), 0, 1), 2)
    return Picks(xy, score, name=truth.name)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agrees_with_the_neutral_scorer_to_its_printed_digits(
    scorer: Path, tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    folder = scorer.parents[1] / "data" / "apoferritin" / "truth"
    truth = [read_truth(path) for path in sorted(folder.glob("*.csv"))]
    picks = [perturbed(one, rng) for one in truth[:-1]]
    for one in picks:
        write_csv(tmp_path / "picks" / f"{one.name}.csv", one)
    command = [sys.executable, scorer, folder, tmp_path / "picks", "--diameter-px", "65", "--json"]
    theirs = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    result = evaluate(truth, picks, diameter_px=65)
    assert theirs["micrographs"] == len(result.micrographs)
    assert theirs["doubles"] == result.pooled[1].doubles
    for merit, worst in zip(result.pooled, result.worst_f1, strict=True):
        figures = theirs[f"tol_{merit.tolerance}"]
        assert (theirs["particles"], theirs["picks"]) == (merit.particles, merit.picks)
        own = merit.as_dict() | {"worst_f1": worst}
        assert figures.pop("median_offset_px") == round(own["median_offset_px"], 2)
        assert figures == {key: round(own[key], 4) for key in figures}


rows = st.integers(0, 12).flatmap(
    lambda n: hnp.arrays(np.float64, (n, 3), elements=st.integers(0, 9).map(float))
)


@given(st.lists(st.tuples(rows, rows), min_size=1, max_size=3))
def test_agrees_with_the_neutral_scorer_on_any_picks(
    neutral: ModuleType, tables: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    """Whole-numbered coordinates and scores are full of ties, in which the two could disagree."""
    truth = [picks_of(str(k), t) for k, (t, _) in enumerate(tables)]
    picks = [picks_of(str(k), p) for k, (_, p) in enumerate(tables)]
    result = evaluate(truth, picks, diameter_px=6)
    for merit in result.pooled:
        reach = merit.tolerance * 6
        assert merit.hits == sum(len(neutral.hits(t, p, reach)[0]) for t, p in tables)
        expected = neutral.average_precision(tables, reach)
        if expected is None:
            assert merit.average_precision is None
        else:
            assert merit.average_precision == pytest.approx(expected, abs=1e-12)


def test_the_papers_counts_are_added_up_over_micrographs() -> None:
    pooled = PaperCounts.pooled([PaperCounts(3, 1, 2), PaperCounts(5, 4, 0)])
    assert (pooled.hits, pooled.false, pooled.missed) == (8, 5, 2)
    assert pooled.precision == pytest.approx(8 / 13)
    assert pooled.recall == pytest.approx(8 / 10)
    assert pooled.f1 == pytest.approx(16 / 23)
    assert pooled.accuracy == pytest.approx(8 / 15)
