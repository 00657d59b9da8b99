"""Which micrographs of a run are worth a user's time: to learn most from, and to tune a threshold on.

Everything follows from the run's ledger; no micrograph is opened, so thousands are weighed in a moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from cryoglean.engine import RunFolder
from cryoglean.engine.ledger import Record
from cryoglean.engine.records import record_of
from cryoglean.engine.register import read_jobs

_SCORE_QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""What of the scores' distribution tells one micrograph from another."""

_BENT = 1e-4
"""Scores of 0 and 1 are taken for these odds short of certainty."""


@dataclass(frozen=True)
class Proposal:
    """A micrograph that is worth looking at.

    Parameters
    ----------
    index : int
        Its place in the run's order, from 0.
    name : str
        Its name in the run.
    reason : str
        Why, in words for the user.
    value : float
        What it was chosen by: for `propose_for_training` the number of picks expected to be wrong; for
        `propose_for_threshold` the defocus in Å, or the mean score where no defocus is known.
    """

    index: int
    name: str
    reason: str
    value: float


def propose_for_training(folder: RunFolder, *, count: int = 5, seen: Collection[str] = ()) -> list[Proposal]:
    """Propose the micrographs whose corrections would improve the networks most.

    A score is the probability of a particle that both networks give together, and middling where they
    disagree. So it tells how many of a micrograph's picks are likely wrong and how many particles were
    likely left out; the threshold counts as the score of even odds. The micrograph where most is to be
    corrected comes first; each further one is also to be unlike those before it, and unlike those that the
    user has seen, in number and scores of its candidates.

    Parameters
    ----------
    folder : RunFolder
        The run.
    count : int
        How many to propose at most.
    seen : collection of str
        Names of micrographs that are corrected or rejected already, which are not proposed.

    Returns
    -------
    list of Proposal
        The most instructive first; fewer than `count` where fewer micrographs have uncertain candidates.

    Raises
    ------
    FileError
        The folder is not that of a run.
    """
    done = [_weighed(place, record) for place, record in _done(folder)]
    if not done:
        return []
    doubt = np.array([one.doubt for one in done])
    traits = _standardised(np.array([one.traits for one in done]))
    known = [k for k, one in enumerate(done) if one.name in seen]
    open_ = np.array([one.name not in seen for one in done], bool) & (doubt > 0)
    chosen = _greedy(doubt, traits, known=known, eligible=open_, count=count)
    return [
        Proposal(one.place, one.name, _why_training(one), one.doubt) for one in map(done.__getitem__, chosen)
    ]


def propose_for_threshold(
    folder: RunFolder,
    *,
    count: int = 6,
    defocus: Mapping[str, float] | None = None,
    rejected: Collection[str] = (),
) -> list[Proposal]:
    """Propose a subset that spans the run's range of defocus, on which to tune a threshold.

    Parameters
    ----------
    folder : RunFolder
        The run.
    count : int
        How many to propose at most.
    defocus : mapping of str to float, optional
        Defocus of micrographs by name, Å, underfocus positive. Where it is known of fewer than half of them
        the mean score stands in, which rises with contrast and so with defocus, but follows ice and
        crowding too; the reasons say so.
    rejected : collection of str
        Names of micrographs that are not to be proposed.

    Returns
    -------
    list of Proposal
        By rising defocus or score: the micrographs in the middle of `count` equally large groups.

    Raises
    ------
    FileError
        The folder is not that of a run.
    """
    kept = {
        place: (record.name, _mean_score(record))
        for place, record in _done(folder)
        if record.name not in rejected
    }
    known_defocus = {place: (defocus or {}).get(name, np.nan) for place, (name, _) in kept.items()}
    known = {place: float(known_defocus[place]) for place in kept if np.isfinite(known_defocus[place])}
    if known and 2 * len(known) >= len(kept):
        value, say = known, _say_defocus
    else:
        value, say = {place: score for place, (_, score) in kept.items()}, _say_score
    order = sorted(value, key=lambda place: (value[place], place))
    chosen = [order[int(i)] for i in (np.arange(min(count, len(order))) + 0.5) * len(order) / max(count, 1)]
    if len(order) <= count:
        chosen = order
    return [Proposal(place, kept[place][0], say(value[place]), value[place]) for place in chosen]


def expected_errors(record: Record) -> float:
    """Expect how many picks of a micrograph are wrong or missing, from the candidates' probabilities.

    The log odds are shifted so that the threshold means even odds: a user who lowered it holds candidates for
    likelier than the networks do. A candidate then counts with the smaller of its two probabilities.
    """
    assert record.candidates is not None
    threshold = record.selection.min_score
    odds = _log_odds(record.candidates.score) - _log_odds(0.5 if threshold is None else threshold)
    right = expit(odds)
    return float(np.minimum(right, 1 - right).sum())


@dataclass(frozen=True, eq=False)
class _Weighed:
    """What of a micrograph counts for a proposal, which is little beside its record.

    Parameters
    ----------
    place : int
        Its place in the run's order.
    name : str
        Its name.
    candidates : int
        How many it has.
    doubt : float
        How many picks are expected to be wrong or missing.
    traits : ndarray of float64
        Numbers that are alike where micrographs are.
    """

    place: int
    name: str
    candidates: int
    doubt: float
    traits: NDArray[np.float64]


def _weighed(place: int, record: Record) -> _Weighed:
    assert record.candidates is not None
    return _Weighed(place, record.name, len(record.candidates), expected_errors(record), _traits(record))


def _done(folder: RunFolder) -> Iterator[tuple[int, Record]]:
    """Micrographs of a run that were picked, one at a time: their places in its order, and their records."""
    for place, job in enumerate(read_jobs(folder)):
        record = record_of(job, folder)
        if record is not None and record.candidates is not None:
            yield place, record


def _log_odds(score: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(score, _BENT, 1 - _BENT)), np.float64)


def _mean_score(record: Record) -> float:
    """Mean score of what passes the threshold; 0 where nothing does."""
    assert record.candidates is not None
    score = record.candidates.score
    kept = score[score >= (record.selection.min_score or 0.0)]
    return float(kept.mean()) if len(kept) else 0.0


def _traits(record: Record) -> NDArray[np.float64]:
    """Numbers that are alike where micrographs are: how many candidates, and how their scores are spread."""
    assert record.candidates is not None
    score = record.candidates.score
    spread = np.quantile(score, _SCORE_QUANTILES) if len(score) else np.zeros(len(_SCORE_QUANTILES))
    return np.concatenate([[np.sqrt(len(score)), _mean_score(record)], spread])


def _standardised(traits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each trait in its own standard deviations, divided by the usual distance of two micrographs."""
    level = (traits - traits.mean(axis=0)) / np.maximum(traits.std(axis=0), 1e-6)
    # Neighbours in an order drawn once are as good as all pairs, of which there may be 10⁸.
    shuffled = level[np.random.default_rng(0).permutation(len(level))]
    usual = np.median(np.linalg.norm(np.diff(shuffled, axis=0), axis=1)) if len(level) > 1 else 1.0
    return np.asarray(level / max(float(usual), 1e-6), np.float64)


def _greedy(
    value: NDArray[np.float64],
    traits: NDArray[np.float64],
    *,
    known: Sequence[int],
    eligible: NDArray[np.bool_],
    count: int,
) -> list[int]:
    """Choose one after another by value times distance to the nearest that is chosen or known.

    Distances beyond the usual one count as that: unlike is enough, the strangest is not sought.
    """
    nearest = np.ones(len(value))
    for k in known:
        nearest = np.minimum(nearest, np.linalg.norm(traits - traits[k], axis=1))
    chosen: list[int] = []
    open_ = eligible.copy()
    while open_.any() and len(chosen) < count:
        # A tenth remains for twins of the known: where all are alike, the most doubtful are still proposed.
        best = int(np.argmax(np.where(open_, value * (0.1 + nearest), -np.inf)))
        chosen.append(best)
        open_[best] = False
        nearest = np.minimum(nearest, np.linalg.norm(traits - traits[best], axis=1))
    return chosen


def _why_training(one: _Weighed) -> str:
    number = max(1, round(one.doubt))
    wrong = f"about {number} wrong or missing pick{'' if number == 1 else 's'}"
    return f"{wrong} expected among {one.candidates} candidates"


def _say_defocus(value: float) -> str:
    return f"defocus {value / 1e4:.2f} µm"


def _say_score(value: float) -> str:
    return f"mean score {value:.2f}, as the defocus is not known"
