from pathlib import Path

import numpy as np

from cryoglean.engine.outliers import find_outliers
from cryoglean.engine.work import Outcome


def session_of(counts: list[int], scores: list[float] | None = None) -> list[Outcome]:
    scores = scores or [0.9] * len(counts)
    return [
        Outcome(f"mic{k}", Path(f"mic{k}.mrc"), picks=count, mean_score=score if count else None)
        for k, (count, score) in enumerate(zip(counts, scores, strict=True))
    ]


def test_counts_that_vary_by_chance_are_no_outliers() -> None:
    rng = np.random.default_rng(0)
    for mean in (3, 30, 300):
        assert find_outliers(session_of(rng.poisson(mean, 500).tolist())) == []


def test_an_empty_and_an_overfull_micrograph_are_told_with_what_is_usual() -> None:
    counts = [100, 103, 98, 0, 101, 99, 97, 400, 102, 100]
    found = find_outliers(session_of(counts))
    assert [outlier.name for outlier in found] == ["mic3", "mic7"]
    assert found[0].reason == "0 picks; 100 is usual"


def test_low_scores_are_told_and_high_ones_are_not() -> None:
    scores = [0.9, 0.91, 0.89, 0.9, 0.55, 0.9, 0.92, 0.9, 0.999]
    found = find_outliers(session_of([50] * 9, scores))
    assert [(outlier.name, outlier.reason) for outlier in found] == [
        ("mic4", "mean score 0.55; 0.90 is usual")
    ]


def test_a_few_micrographs_have_no_outliers() -> None:
    assert find_outliers(session_of([100, 100, 0])) == []


def test_failures_do_not_count() -> None:
    failed = [Outcome(f"bad{k}", Path("bad.mrc"), error="cut off") for k in range(5)]
    assert find_outliers(session_of([50] * 9) + failed) == []
