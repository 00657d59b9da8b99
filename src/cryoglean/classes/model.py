"""What a run teaches about its own candidates: class averages, and what each kind of evidence is worth.

Candidates in the left halves of micrographs are compared with class averages of those in right halves, and
the other way round, so none is scored by what it taught, in a run of one micrograph as in one of thousands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cryoglean.classes.alignment import align
from cryoglean.classes.averaging import average_classes
from cryoglean.classes.pool import SEARCH, Pool
from cryoglean.classes.populations import (
    Populations,
    Threshold,
    choose_threshold,
    find_populations,
    first_guess,
)
from cryoglean.io.arrays import Layout, read_arrays
from cryoglean.types import FloatImage, Picks

AnyType = TypeVar("AnyType", bound=np.generic)

CLASSES = 8
"""Class averages of each half: enough for several views, few enough for some hundred particles."""
ROUNDS = 8
"""Of alignment and averaging; more change little."""
TEACHERS = 0.7
"""The best of so many of the expected particles teach."""
MAX_TEACHERS = 1500
"""In each half: more do not sharpen the averages, and cost time."""
MIN_PARTICLES = 60
"""From fewer nothing is learned: class averages of noise would confirm themselves."""
MIN_SUPPORT = 0.4
"""The networks or discs must, by themselves, be sure of this part of the particles that the run seems to
hold: 0.7 to 1 in real runs, 0.3 and less in noise alone, which falls into two groups as well."""
RANKING = 1e-3
"""Part of a probability by which the score orders candidates that are all but certain."""

_KINDS = 3
"""Of evidence."""
_LAYOUT: Layout = {
    "references": ("f", f"2 n {SEARCH.side} {SEARCH.side}"),
    **dict.fromkeys(("middle", "spread", "weight"), ("f", f"{_KINDS}")),
    "share": ("f", ""),
    **dict.fromkeys(("mean", "width"), ("f", "2")),
    "threshold": ("f", "3"),
}
"""Of the file of a model."""
_SEED = 20190620
"""Of the random crops from which classes start; the same micrographs give the same bytes."""


@dataclass(frozen=True, eq=False)
class RunModel:
    """What was learned in a run.

    Parameters
    ----------
    references : ndarray of float32, shape (2, k, side, side)
        Class averages of left and of right halves.
    populations : Populations
        What the evidence is worth, by `evidence_of`.
    threshold : Threshold
        Where to cut, and what is expected of it.
    """

    references: FloatImage
    populations: Populations
    threshold: Threshold

    def rescore(self, pool: Pool) -> Picks:
        """Give the candidates of a micrograph the probability that they are particles, judged by the run."""
        scores = self.populations.scores(evidence_of(pool, self.references))
        probability = self.populations.probability(scores)
        order = np.interp(scores, *_range(self.populations))
        score = np.where(pool.contaminated, 0.0, (1 - RANKING) * probability + RANKING * order)
        return replace(pool.picks, score=score)


@dataclass(frozen=True)
class Lesson:
    """What came of an attempt to learn.

    Parameters
    ----------
    model : RunModel or None
        None where the first opinion stays.
    reason : str
        Why, in words.
    """

    model: RunModel | None
    reason: str


def learn(pools: Sequence[Pool]) -> Lesson:
    """Learn from the candidates of some micrographs of a run what its particles look like.

    Parameters
    ----------
    pools : sequence of Pool
        Candidates of micrographs that hold the same particles.

    Returns
    -------
    Lesson
        The same for the same pools in the same order.
    """
    if not pools:
        return Lesson(None, "no micrograph could be read")
    clean = [_without(pool, pool.contaminated) for pool in pools]
    first = _joined([_first_evidence(pool) for pool in clean])
    if len(first) < MIN_PARTICLES:
        return Lesson(None, f"only {len(first)} candidates, too few to learn from")
    guess = find_populations(first, first_guess(first))
    probability = guess.probability(guess.scores(first))
    left = _joined([pool.is_left for pool in clean])
    crops = _joined([pool.crops for pool in clean])
    expected = [float(probability[half].sum()) for half in (left, ~left)]
    if min(expected) < MIN_PARTICLES / 2:
        return Lesson(None, f"only about {sum(expected):.0f} particles, too few to learn from")
    rng = np.random.default_rng(_SEED)
    references = np.stack([_references(crops[half], probability[half], rng) for half in (left, ~left)])
    evidence = _joined([evidence_of(pool, references) for pool in clean])
    populations = find_populations(evidence, probability)
    final = populations.probability(populations.scores(evidence))
    by_networks = float(sum(pool.picks.score.sum() for pool in clean))
    own = max(by_networks, sum(pool.round_particles for pool in clean))
    if own < MIN_SUPPORT * final.sum():
        return Lesson(
            None,
            f"the networks and discs are sure of {own:.0f} particles, the candidates seem to hold "
            f"{final.sum():.0f}: more likely noise than particles",
        )
    threshold = choose_threshold(final)
    return Lesson(
        RunModel(references, populations, threshold),
        f"{final.sum():.0f} of {len(final)} candidates are expected to be particles, "
        f"apart from the others by {populations.separation:.1f} of their widths",
    )


def evidence_of(pool: Pool, references: FloatImage) -> NDArray[np.float64]:
    """Evidence for each candidate: the networks' log odds, similarity to the round template and to classes.

    Parameters
    ----------
    pool : Pool
        n candidates.
    references : ndarray of float32, shape (2, k, side, side)
        Class averages of left and of right halves; candidates are compared with the other half's.

    Returns
    -------
    ndarray, shape (n, 3)
    """
    alike = np.zeros(len(pool.picks))
    for half, averages in ((pool.is_left, references[1]), (~pool.is_left, references[0])):
        if half.any():
            alike[half] = align(pool.crops[half], averages, SEARCH).correlation.max(axis=1)
    return np.column_stack([_first_evidence(pool), alike])


def write_model(path: Path, model: RunModel) -> None:
    """Write a model as plain numbers, without pickle; `path` must be one that is renamed when complete."""
    populations, threshold = model.populations, model.threshold
    with path.open("wb") as file:
        np.savez(
            file,
            references=model.references,
            middle=populations.middle,
            spread=populations.spread,
            weight=populations.weight,
            share=populations.share,
            mean=populations.mean,
            width=populations.width,
            threshold=[threshold.score, threshold.precision, threshold.recall],
        )


def read_model(path: Path) -> RunModel:
    """Read what `write_model` wrote.

    Raises
    ------
    ValueError
        It cannot be read, or is no such file.
    """
    parts = read_arrays(path, _LAYOUT)
    references = np.asarray(parts.pop("references"), np.float32)
    if not 0 < references.shape[1] <= CLASSES:
        raise ValueError(f"is no model of a run: it has {references.shape[1]} class averages of each half")
    threshold = Threshold(*parts.pop("threshold").tolist())
    numbers = {name: np.asarray(values, np.float64) for name, values in parts.items()}
    share = float(numbers.pop("share"))
    return RunModel(references, Populations(**numbers, share=share), threshold)


def _references(crops: FloatImage, probability: NDArray[np.float64], rng: np.random.Generator) -> FloatImage:
    number = int(np.clip(TEACHERS * probability.sum(), MIN_PARTICLES / 2, MAX_TEACHERS))
    best = np.argsort(-probability, kind="stable")[:number]
    return average_classes(crops[best], SEARCH, classes=CLASSES, rounds=ROUNDS, rng=rng).images


def _first_evidence(pool: Pool) -> NDArray[np.float64]:
    return np.column_stack([pool.log_odds, pool.similarity])


def _joined(parts: Sequence[NDArray[AnyType]]) -> NDArray[AnyType]:
    return np.concatenate(parts)


def _without(pool: Pool, left_out: NDArray[np.bool_]) -> Pool:
    kept = ~left_out
    return replace(
        pool,
        picks=pool.picks[kept],
        similarity=pool.similarity[kept],
        crops=pool.crops[kept],
        contaminated=pool.contaminated[kept],
    )


def _range(populations: Populations) -> tuple[list[float], list[float]]:
    """Scores between which candidates are put in order, and the ends of that order."""
    low = float(populations.mean[0] - 4 * populations.width[0])
    return [low, float(populations.mean[1] + 4 * populations.width[1])], [0.0, 1.0]
