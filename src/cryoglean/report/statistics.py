"""What a report says of a run, gathered from its records in one pass: figures, not picks."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cryoglean.engine import RunFolder
from cryoglean.engine.defocus import kept_defocus
from cryoglean.engine.ledger import Record
from cryoglean.engine.plan import Job
from cryoglean.engine.register import read_jobs
from cryoglean.engine.results import read_config, read_results, told_of
from cryoglean.engine.size import MeasuredSize, kept_size
from cryoglean.engine.summary import Summary, sum_up
from cryoglean.engine.work import Outcome, outcome_of
from cryoglean.pickers.settings import PickConfig
from cryoglean.select import select
from cryoglean.types import Picks

SCORE_EDGES = np.linspace(0, 1, 51)
SPACING_EDGES = np.linspace(0, 4, 81)
"""In particle diameters."""
FINE_SCORE_EDGES = np.linspace(0, 1, 1001)
PICKS_PER_CELL = 5.0
"""A micrograph is cut into cells of so many picks on average to see whether they lie in islands."""
MIN_PICKS_FOR_ISLANDS = 50
"""Of fewer picks nobody can tell whether they lie in islands."""


@dataclass(frozen=True)
class MicrographStatistics:
    """One micrograph that is done.

    Parameters
    ----------
    job : Job
        The micrograph.
    picks : int
        Number of picks.
    expected_hits : float
        Sum of the picks' scores: as scores are probabilities, the particles to expect among them.
    expected_particles : float
        The same sum over all candidates that could be picked at some threshold: the particles to expect in
        the micrograph.
    candidates : int
        Number of candidates.
    contaminated : int, optional
        Number of candidates that were taken for contamination; None where that cannot be told.
    coverage : float
        Share of the micrograph's area that particles of the picks' size and number cover; NaN where unknown.
    half_area : float
        Smallest share of the area that holds half of the picks; NaN where there are too few picks to tell.
    modified : float
        When the file was last changed, seconds since 1970; NaN where unknown.
    """

    job: Job
    picks: int
    expected_hits: float
    expected_particles: float
    candidates: int
    contaminated: int | None
    coverage: float
    half_area: float
    modified: float

    @property
    def name(self) -> str:
        """The micrograph's name."""
        return self.job.name

    @property
    def mean_score(self) -> float:
        """Mean score of the picks; NaN without picks."""
        return self.expected_hits / self.picks if self.picks else math.nan


@dataclass(eq=False)
class RunStatistics:
    """A run in figures.

    Parameters
    ----------
    folder : RunFolder
        The run.
    config : PickConfig
        Its resolved configuration.
    measured : MeasuredSize, optional
        What was measured before, where that was needed.
    defocus : dict of str to float
        Å, by name, where it is known.
    micrographs : list of MicrographStatistics
        Those that are done and not rejected, in the order of the run.
    candidate_scores, pick_scores : ndarray, shape (50,)
        Numbers of candidates and of picks by score, in the bins of `SCORE_EDGES`.
    selectable_scores : ndarray, shape (1000,)
        Numbers of candidates that could be picked at some threshold, in the bins of `FINE_SCORE_EDGES`.
    spacings : ndarray, shape (80,)
        Numbers of picks by the distance of the nearest other one, in the bins of `SPACING_EDGES`.
    diameters, kinds : Counter
        Numbers of picks by diameter, Å, and by kind.
    last : Record, optional
        The micrograph that was picked last.
    summary : Summary
        What the run's summary says.
    """

    folder: RunFolder
    config: PickConfig
    measured: MeasuredSize | None = None
    defocus: dict[str, float] = field(default_factory=dict)
    micrographs: list[MicrographStatistics] = field(default_factory=list)
    candidate_scores: NDArray[np.int64] = field(default_factory=lambda: _zeros(SCORE_EDGES))
    pick_scores: NDArray[np.int64] = field(default_factory=lambda: _zeros(SCORE_EDGES))
    selectable_scores: NDArray[np.int64] = field(default_factory=lambda: _zeros(FINE_SCORE_EDGES))
    spacings: NDArray[np.int64] = field(default_factory=lambda: _zeros(SPACING_EDGES))
    diameters: Counter[float] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    last: Record | None = None
    summary: Summary = field(default_factory=lambda: sum_up([], missing=0))

    def add(self, job: Job, record: Record, picks: Picks) -> None:
        """Take in one micrograph that is done, and its picks."""
        candidates = record.candidates if record.candidates is not None else picks
        # Better candidates displace worse ones, so those that are displaced are the same at every threshold.
        selectable = select(candidates, record.selection.changed(min_score=None))
        self.micrographs.append(
            MicrographStatistics(
                job,
                picks=len(picks),
                expected_hits=float(picks.score.sum()),
                expected_particles=float(selectable.score.sum()),
                candidates=len(candidates),
                contaminated=record.contaminated,
                coverage=coverage(picks),
                half_area=half_area(picks),
                modified=record.identity.mtime_ns / 1e9 if record.identity else math.nan,
            )
        )
        self.candidate_scores += _counted(candidates.score, SCORE_EDGES)
        self.pick_scores += _counted(picks.score, SCORE_EDGES)
        self.selectable_scores += _counted(selectable.score, FINE_SCORE_EDGES)
        self.spacings += np.histogram(nearest_neighbours(picks), SPACING_EDGES)[0]
        self.diameters.update(np.round(picks.diameter[np.isfinite(picks.diameter)], 1).tolist())
        self.kinds.update(picks.kind.tolist())
        self.last = max((one for one in (self.last, record) if one is not None), key=lambda one: one.started)

    @property
    def scores_are_probabilities(self) -> bool:
        """Whether a score is the probability of a particle, which AutoCryoPicker's is not."""
        return self.config.method.description.score == "probability"


@dataclass(frozen=True, eq=False)
class Expectation:
    """Precision and recall to expect at every threshold, as far as scores are probabilities.

    Parameters
    ----------
    threshold : ndarray, shape (n,)
        Rising.
    precision, recall : ndarray, shape (n,)
        Mean score of the candidates above the threshold, and their part of the sum of all scores; NaN where
        there are none.
    """

    threshold: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    def at(self, threshold: float) -> tuple[float, float]:
        """Precision and recall to expect at a threshold; NaN above all scores that there can be."""
        if threshold > 1:
            return math.nan, math.nan
        nearest = int(np.argmin(np.abs(self.threshold - threshold)))
        return float(self.precision[nearest]), float(self.recall[nearest])


def run_statistics(folder: RunFolder) -> RunStatistics:
    """Read all records of a run.

    Parameters
    ----------
    folder : RunFolder
        The run, finished or not.

    Returns
    -------
    RunStatistics
        Its figures, of its picks as they are now.

    Raises
    ------
    FileError
        The folder is not that of a run.
    """
    jobs = read_jobs(folder)
    config = read_config(folder.config)
    known = kept_defocus(folder)
    defocus = {job.name: known[job.key] for job in jobs if job.key in known}
    run = RunStatistics(folder, config, kept_size(folder.size), defocus)
    outcomes: list[Outcome] = []
    for job, record, picks in read_results(jobs, folder):
        outcomes.append(outcome_of(job, record, picks))
        if record.error is None and not record.rejected:
            run.add(job, record, picks)
    run.summary = told_of(folder, sum_up(outcomes, missing=len(jobs) - len(outcomes)), config)
    return run


def expectation(counts: NDArray[np.int64], edges: NDArray[np.float64]) -> Expectation:
    """Follow precision and recall to expect as the threshold rises.

    Parameters
    ----------
    counts : ndarray of int, shape (n,)
        Candidates by score.
    edges : ndarray, shape (n + 1,)
        Ends of the bins; the middle of a bin stands for the scores in it.
    """
    scores = counts * (edges[:-1] + edges[1:]) / 2
    above, hits = (np.cumsum(values[::-1])[::-1].astype(np.float64) for values in (counts, scores))
    with np.errstate(invalid="ignore"):
        return Expectation(edges[:-1], hits / above, hits / hits[:1])


def nearest_neighbours(picks: Picks) -> NDArray[np.float64]:
    """Distance of each pick from the nearest other one, in its own diameters; NaN where that is unknown."""
    if len(picks) < 2:
        return np.zeros(0)
    distance: NDArray[np.float64] = np.asarray(cKDTree(picks.xy).query(picks.xy, k=[2])[0])[:, 0]
    return distance / picks.diameter_px


def coverage(picks: Picks) -> float:
    """Share of a micrograph's area that its picks would cover side by side; NaN where sizes are unknown."""
    if 0 in picks.shape or not np.isfinite(picks.diameter).all():
        return math.nan
    return float((np.pi / 4 * picks.diameter_px**2).sum() / math.prod(picks.shape))


def half_area(picks: Picks) -> float:
    """Smallest share of a micrograph's area that holds half of its picks, in cells of five picks on average.

    Picks that lie at random hold half of themselves in a third of the area; picks that keep their distance in
    more, picks in islands in less.

    Returns
    -------
    float
        NaN where there are fewer than 50 picks, or the micrograph's shape is unknown.
    """
    if len(picks) < MIN_PICKS_FOR_ISLANDS or 0 in picks.shape:
        return math.nan
    ny, nx = picks.shape
    wanted = len(picks) / PICKS_PER_CELL
    # The cells of a narrow strip stand in one row, however long they are then.
    rows = round(np.clip(math.sqrt(wanted * ny / nx), 1, wanted))
    columns = max(1, round(wanted / rows))
    cells = np.floor((picks.xy + 0.5) / (nx, ny) * (columns, rows)).astype(np.intp)
    column, row = np.clip(cells, 0, (columns - 1, rows - 1)).T
    counts = np.sort(np.bincount(row * columns + column, minlength=rows * columns))[::-1]
    held = np.append(0, np.cumsum(counts)) / len(picks)
    return float(np.interp(0.5, held, np.linspace(0, 1, len(held))))


def median_of(edges: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Median of what was counted in bins, to the width of one; NaN where nothing was."""
    total = counts.sum()
    if not total:
        return math.nan
    middle = int(np.searchsorted(np.cumsum(counts), total / 2))
    return float((edges[middle] + edges[middle + 1]) / 2)


def _counted(scores: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.histogram(np.clip(scores, edges[0], edges[-1]), edges)[0].astype(np.int64)


def _zeros(edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.zeros(len(edges) - 1, np.int64)
