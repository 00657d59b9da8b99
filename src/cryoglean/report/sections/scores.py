"""Scores of all candidates beside the threshold, and the precision and recall to expect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cryoglean.report.page import Section, plot
from cryoglean.report.plots import Axis, Line, Mark, histogram, lines
from cryoglean.report.statistics import (
    FINE_SCORE_EDGES,
    SCORE_EDGES,
    Expectation,
    RunStatistics,
    expectation,
)

NEAR = 0.1
"""Scores that differ from the threshold by less than this are near it."""
MANY_NEAR = 0.1
"""The choice of the threshold matters where so large a part of the picks' number is near it."""
MUCH_BETTER = 0.03
"""Another threshold is proposed where the F1 to expect is higher by so much."""


def scores(run: RunStatistics) -> Section:
    """Show the scores of all candidates beside the threshold, and what to expect of the picks."""
    threshold = run.config.min_score
    values: dict[str, object] = {
        "candidates": int(run.candidate_scores.sum()),
        "picks": int(run.pick_scores.sum()),
        "threshold": threshold,
        "probabilities": run.scores_are_probabilities,
        "near": 0,
        "precision": None,
        "plots": [],
    }
    if not run.candidate_scores.any():
        return Section("Scores and threshold", "scores.html", values)
    marks = [] if threshold is None else [Mark(threshold, f"threshold {threshold:g}")]
    drawn = [
        plot(
            histogram(
                SCORE_EDGES,
                run.candidate_scores,
                kept=run.pick_scores,
                x=Axis("score", 0.0, 1.0),
                y=Axis("candidates", log=True),
                marks=marks,
            ),
            "Scores of all candidates, on a logarithmic scale; those of the picks are blue.",
        )
    ]
    notices: tuple[str, ...] = ()
    if threshold is not None:
        values["near"] = near = _near(run, threshold)
        if near > MANY_NEAR * max(run.summary.picks, 1):
            notices += (
                f"{near:,} candidates have scores within {NEAR:g} of the threshold of {threshold:g}, beside "
                f"{run.summary.picks:,} picks: the number of picks depends on the threshold. Look at the "
                "picks with low scores in `cryoglean view`; `cryoglean select` takes another threshold.",
            )
    if run.scores_are_probabilities:
        expected = expectation(run.selectable_scores, FINE_SCORE_EDGES)
        drawn.append(
            plot(
                lines(
                    [
                        Line(expected.threshold, expected.precision, "precision"),
                        Line(expected.threshold, expected.recall, "recall"),
                    ],
                    x=Axis("threshold", 0.0, 1.0),
                    y=Axis("expected", 0.0, 1.1),
                    marks=marks,
                ),
                "Precision and recall to expect at every threshold, if the scores are right.",
            )
        )
        if threshold is not None:
            values["precision"], values["recall"] = expected.at(threshold)
            notices += _better(run, expected, threshold)
    values["plots"] = drawn
    return Section("Scores and threshold", "scores.html", values, notices)


def _near(run: RunStatistics, threshold: float) -> int:
    """Count the candidates near the threshold that could be picked."""
    middle = (FINE_SCORE_EDGES[:-1] + FINE_SCORE_EDGES[1:]) / 2
    return int(run.selectable_scores[np.abs(middle - threshold) < NEAR].sum())


def _better(run: RunStatistics, expected: Expectation, threshold: float) -> tuple[str, ...]:
    """Propose another threshold where much more is to be expected of it."""
    precision, recall = np.nan_to_num(expected.at(threshold))
    f1 = _f1(expected.precision, expected.recall)
    best = int(np.argmax(f1))
    if f1[best] < _f1(precision, recall) + MUCH_BETTER:
        return ()
    other = f"{expected.threshold[best]:.2f}"
    return (
        f"If the scores are right, the threshold of {threshold:g} leaves {recall:.0%} of the particles among "
        f"the picks, with a precision of {precision:.2f}. A threshold of {other} would leave "
        f"{expected.recall[best]:.0%}, with a precision of {expected.precision[best]:.2f}: "
        f"`cryoglean select {run.folder.root} --min-score {other}`.",
    )


def _f1(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nan_to_num(2 * precision * recall / np.maximum(precision + recall, 1e-9))
