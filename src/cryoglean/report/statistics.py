"""What a report says of a run, gathered from its records in one pass: figures, not picks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cryoglean.engine import RunFolder
from cryoglean.engine.defocus import kept_defocus
from cryoglean.engine.ledger import Record
from cryoglean.engine.plan import plan_jobs, read_inputs
from cryoglean.engine.results import Summary, read_config, read_results, sum_up
from cryoglean.engine.size import MeasuredSize, kept_size
from cryoglean.engine.work import Outcome, outcome_of
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Picks

SCORE_EDGES = np.linspace(0, 1, 51)
SPACING_EDGES = np.linspace(0, 4, 81)
"""In particle diameters."""


@dataclass(frozen=True)
class MicrographStatistics:
    """One micrograph that is done.

    Parameters
    ----------
    name : str
        The micrograph.
    path : Path
        Its file.
    picks : int
        Number of picks.
    expected : float
        Sum of the picks' scores: as scores are probabilities, the number of particles to expect among them.
    candidates, contaminated : int
        Number of candidates, and of those that got no score because of what they lie on.
    changed : float
        When the file was last changed, seconds since 1970; NaN where unknown.
    """

    name: str
    path: Path
    picks: int
    expected: float
    candidates: int
    contaminated: int
    changed: float

    @property
    def mean_score(self) -> float:
        """Mean score of the picks; NaN without picks."""
        return self.expected / self.picks if self.picks else float("nan")


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
    """

    folder: RunFolder
    config: PickConfig
    measured: MeasuredSize | None = None
    defocus: dict[str, float] = field(default_factory=dict)
    micrographs: list[MicrographStatistics] = field(default_factory=list)
    candidate_scores: NDArray[np.int64] = field(default_factory=lambda: _zeros(SCORE_EDGES))
    pick_scores: NDArray[np.int64] = field(default_factory=lambda: _zeros(SCORE_EDGES))
    spacings: NDArray[np.int64] = field(default_factory=lambda: _zeros(SPACING_EDGES))
    diameters: Counter[float] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    last: Record | None = None
    summary: Summary = field(default_factory=lambda: sum_up([], missing=0))

    def add(self, record: Record, picks: Picks) -> None:
        """Take in one micrograph that is done, and its picks."""
        candidates = record.candidates if record.candidates is not None else picks
        changed = record.identity.mtime_ns / 1e9 if record.identity else float("nan")
        self.micrographs.append(
            MicrographStatistics(
                record.name,
                Path(record.path),
                picks=len(picks),
                expected=float(picks.score.sum()),
                candidates=len(candidates),
                contaminated=int(np.count_nonzero(candidates.score == 0)),
                changed=changed,
            )
        )
        self.candidate_scores += _counted(candidates.score, SCORE_EDGES)
        self.pick_scores += _counted(picks.score, SCORE_EDGES)
        self.spacings += np.histogram(nearest_neighbours(picks), SPACING_EDGES)[0]
        self.diameters.update(np.round(picks.diameter[np.isfinite(picks.diameter)], 1).tolist())
        self.kinds.update(picks.kind.tolist())
        self.last = max((one for one in (self.last, record) if one is not None), key=lambda one: one.started)


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
    jobs = plan_jobs(read_inputs(folder))
    config = read_config(folder.config)
    run = RunStatistics(folder, config, kept_size(folder.size), kept_defocus(folder))
    outcomes: list[Outcome] = []
    for record, picks in read_results(jobs, folder):
        outcomes.append(outcome_of(record, picks))
        if record.error is None and not record.rejected:
            run.add(record, picks)
    run.summary = sum_up(outcomes, missing=len(jobs) - len(outcomes))
    return run


def nearest_neighbours(picks: Picks) -> NDArray[np.float64]:
    """Distance of each pick from the nearest other one, in its own diameters; NaN where that is unknown."""
    if len(picks) < 2:
        return np.zeros(0)
    distance: NDArray[np.float64] = np.asarray(cKDTree(picks.xy).query(picks.xy, k=[2])[0])[:, 0]
    return distance / picks.diameter_px


def median_of(edges: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Median of what was counted in bins, to the width of one; NaN where nothing was."""
    total = counts.sum()
    if not total:
        return float("nan")
    middle = int(np.searchsorted(np.cumsum(counts), total / 2))
    return float((edges[middle] + edges[middle + 1]) / 2)


def _counted(scores: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.histogram(np.clip(scores, edges[0], edges[-1]), edges)[0].astype(np.int64)


def _zeros(edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.zeros(len(edges) - 1, np.int64)
