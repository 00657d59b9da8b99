"""A run in numbers, and what these say of it as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cryoglean.engine.learning import Learned
from cryoglean.engine.outliers import Outlier, find_outliers
from cryoglean.engine.size import MeasuredSize
from cryoglean.engine.verdict import advice_of, notices_of
from cryoglean.engine.work import Outcome
from cryoglean.pickers.settings import PickConfig

MAX_CONTAMINATED = 0.05
"""Contamination is the exception: where more of all candidates is taken for it, something is wrong."""
FEW_PICKS = 3
"""Fewer picks a micrograph than this are next to none."""

Learning = Literal["learned", "first opinion stays", "not tried"]


@dataclass(frozen=True)
class Summary:
    """A run in numbers.

    Parameters
    ----------
    micrographs, done, failed, missing : int
        All; those with picks, possibly none; those that failed; those not yet worked on.
    rejected : int
        Those of the done that the user has rejected, which do not count in what follows.
    picks, candidates : int
        Number of picks, and of candidates, picked or not.
    median_picks : float
        Median number of picks of the micrographs that are done.
    seconds : float
        What all micrographs took together, at whatever start of the run they were done.
    failures : tuple of Outcome
        Those that failed.
    warnings : dict of str to int
        What was strange about files, and about how many.
    outliers : tuple of Outlier
        Micrographs worth a look.
    pixel_size : float, optional
        Median Å per pixel of the micrographs that are done; None where it is not known.
    contaminated_share : float, optional
        Share of the candidates that were refused as contamination; None where that cannot be told.
    best_score : float, optional
        Of all candidates; None where there are none.
    expected_precision, expected_recall : float, optional
        Share of particles to expect among the picks, and of picks among the particles that candidates show.
        None where scores are no probabilities, or where there is nothing to expect.
    method : str
        How particles were found.
    diameter : float, optional
        Of the particles, Å; None where each micrograph was measured by itself.
    contrast : {'auto', 'dark', 'bright'}
        Of the particles; 'auto' where each micrograph was measured by itself.
    size_source : {'given', 'discs', 'networks'}, optional
        What the diameter rests on; None where there is none, or where that is not known.
    threshold : float, optional
        Smallest score of a pick.
    learning : {'learned', 'first opinion stays', 'not tried'}
        Whether the run taught what its particles look like.
    learning_reason : str
        What it taught, or why nothing.
    notices : tuple of str
        What concerns the run as a whole, and what to do about it.
    advice : tuple of str
        What to try, as next to nothing was picked; empty otherwise.
    """

    micrographs: int
    done: int
    failed: int
    missing: int
    picks: int
    median_picks: float
    seconds: float
    failures: tuple[Outcome, ...]
    warnings: dict[str, int]
    outliers: tuple[Outlier, ...]
    rejected: int = 0
    candidates: int = 0
    pixel_size: float | None = None
    contaminated_share: float | None = None
    best_score: float | None = None
    expected_precision: float | None = None
    expected_recall: float | None = None
    method: str = ""
    diameter: float | None = None
    contrast: str = "auto"
    size_source: str | None = None
    threshold: float | None = None
    learning: Learning = "not tried"
    learning_reason: str = ""
    notices: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def much_contamination(self) -> bool:
        """Whether more candidates were refused as contamination than is usual: it is the exception."""
        return self.contaminated_share is not None and self.contaminated_share > MAX_CONTAMINATED

    @property
    def next_to_nothing(self) -> bool:
        """Whether hardly anything was picked in micrographs that could be read."""
        return self.picks < FEW_PICKS * (self.done - self.rejected)

    @property
    def diameter_px(self) -> float | None:
        """Diameter of the particles in pixels of the typical micrograph, where both are known."""
        return None if self.diameter is None else self.diameter / (self.pixel_size or 1.0)


def sum_up(outcomes: Sequence[Outcome], *, missing: int) -> Summary:
    """Sum up what became of the jobs of a run, of which some may be missing."""
    failures = tuple(outcome for outcome in outcomes if outcome.error is not None)
    done = [outcome for outcome in outcomes if outcome.error is None]
    kept = [outcome for outcome in done if not outcome.rejected]
    counts = [outcome.picks for outcome in kept]
    precision, recall = _expected(kept)
    return Summary(
        micrographs=len(outcomes) + missing,
        done=len(done),
        failed=len(failures),
        missing=missing,
        picks=sum(counts),
        median_picks=float(np.median(counts)) if counts else 0.0,
        seconds=round(sum(outcome.seconds for outcome in outcomes), 3),
        failures=failures,
        warnings=dict(Counter(text for outcome in outcomes for text in outcome.warnings).most_common()),
        outliers=tuple(find_outliers(kept)),
        rejected=len(done) - len(kept),
        candidates=sum(outcome.candidates for outcome in kept),
        pixel_size=_median([outcome.pixel_size for outcome in kept]),
        contaminated_share=_contaminated_share(kept),
        best_score=max((one.best_score for one in kept if one.best_score is not None), default=None),
        expected_precision=precision,
        expected_recall=recall,
    )


def told(
    summary: Summary, config: PickConfig, *, measured: MeasuredSize | None, learned: Learned | None
) -> Summary:
    """Add to a run's numbers how it was picked, and what both say of the run as a whole.

    Parameters
    ----------
    summary : Summary
        The numbers.
    config : PickConfig
        The run's resolved configuration.
    measured : MeasuredSize, optional
        What was measured of its particles, by this start or by an earlier one.
    learned : Learned, optional
        What it taught.
    """
    summary = replace(
        summary,
        method=config.method.name,
        diameter=config.known_diameter,
        contrast=config.contrast,
        size_source=_size_source(config, measured),
        threshold=config.min_score,
        learning=_learning(learned),
        learning_reason="" if learned is None else learned.reason,
    )
    if config.method.description.score != "probability":
        summary = replace(summary, expected_precision=None, expected_recall=None)
    notices = notices_of(summary, _contradictions(measured, config))
    return replace(summary, notices=notices, advice=advice_of(summary, config))


def _size_source(config: PickConfig, measured: MeasuredSize | None) -> str | None:
    if config.known_diameter is None:
        return None
    # What an earlier start measured may lie unused.
    if measured is None or measured.diameter != config.diameter:
        return "given"
    return "given" if measured.is_of_given_diameter else measured.source


def _contradictions(measured: MeasuredSize | None, config: PickConfig) -> tuple[str, ...]:
    """Return what contradicts the user's words, unless an earlier start measured for other ones."""
    if measured is None or not measured.is_about(config):
        return ()
    return measured.contradictions


def _learning(learned: Learned | None) -> Learning:
    if learned is None:
        return "not tried"
    return "first opinion stays" if learned.threshold is None else "learned"


def _expected(outcomes: Sequence[Outcome]) -> tuple[float | None, float | None]:
    """Precision and recall to expect, as far as scores are probabilities."""
    picks = sum(outcome.picks for outcome in outcomes)
    hits = sum(outcome.picks * (outcome.mean_score or 0.0) for outcome in outcomes)
    particles = sum(outcome.expected_particles for outcome in outcomes)
    precision = round(min(hits / picks, 1.0), 4) if picks else None
    return precision, round(min(hits / particles, 1.0), 4) if particles else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _contaminated_share(outcomes: Iterable[Outcome]) -> float | None:
    """Return the share of all candidates that were refused as contamination, where that can be told."""
    telling = [(one.contaminated, one.candidates) for one in outcomes if one.contaminated is not None]
    candidates = sum(number for _, number in telling)
    return round(sum(number for number, _ in telling) / candidates, 6) if candidates else None
