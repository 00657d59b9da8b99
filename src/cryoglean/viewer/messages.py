"""What the server and its page say to each other, under ``/api``.

Micrographs are addressed by their number in the run, from 0, which stays the same as long as the server runs.
Coordinates are pixels of the micrograph, x to the right, y down, pixel centres at integers, so that every
image of a micrograph covers it from -0.5 to ``width - 0.5``. A request that cannot be answered gets a
`Problem`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cryoglean.classes.judgement import Verdict
from cryoglean.corrections.operations import Operation
from cryoglean.corrections.types import Added
from cryoglean.types import Kind

SCORE_BINS = 256
"""Bins of scores from 0 to 1 in the histograms of micrographs."""
MAX_OPERATIONS = 20_000
"""So many steps can be sent at once."""

Score = Annotated[float, Field(ge=0, le=1)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Problem(_Message):
    """Why a request was not answered."""

    detail: str
    """One sentence for the user."""


class Format(_Message):
    """A format that picks can be exported to."""

    name: str
    """Its name, as `cryoglean convert --to` takes it."""
    suffix: str
    """How its files end."""
    summary: str
    """What it is, in a line."""


class ReferenceSet(_Message):
    """Reference picks to compare with: the truth, or picks of another program."""

    name: str
    """The file or folder that they come from."""
    micrographs: int
    """How many micrographs of the run have such picks."""
    picks: int
    """How many they are."""


class RunInfo(_Message):
    """The run that is shown (GET /api/run)."""

    name: str
    """Name of its folder."""
    folder: str
    """Path of its folder."""
    version: str
    """Of cryoglean."""
    state: str
    """'complete', 'incomplete' or 'unfinished', as the run's summary says."""
    micrographs: int
    """How many there are."""
    loaded: int
    """How many of their records have been read so far; the others have the state 'reading'."""
    method: str
    """How particles were found."""
    weights: str | None
    """The weights of the network, where there was one."""
    diameter: float | None
    """Particle diameter, Å; None where it was not known of the run as a whole."""
    threshold: float
    """Smallest score of the run's picks."""
    recommended: float | None
    """The smallest score that the method recommends."""
    score_bins: int = SCORE_BINS
    """Bins of each histogram."""
    formats: list[Format]
    """What picks can be exported to."""
    reference: ReferenceSet | None
    """The reference picks, where there are any."""
    about: list[str]
    """By which size and method it was picked and what to expect of its picks, a line each."""
    notices: list[str]
    """What concerns the run as a whole, and what to do; options stand between backticks."""
    advice: list[str]
    """What to try, as next to nothing was picked; empty otherwise."""
    classes_made: float | None
    """When its picks were sorted into 2D classes, seconds since 1970; None where they were not."""
    can_train: bool
    """Whether training is possible here."""
    revision: int
    """Rises whenever anything of the run changes; see /api/changes."""


class MicrographTable(_Message):
    """All micrographs of the run, one list a column (GET /api/micrographs)."""

    revision: int
    """Of the run, see `RunInfo`."""
    name: list[str]
    """Under which the micrograph's results are filed."""
    path: list[str]
    """Its file."""
    state: list[Literal["done", "failed", "missing", "reading"]]
    """'missing' has no record yet, 'reading' has one that has not been looked at."""
    error: list[str | None]
    """Why it failed."""
    width: list[int]
    """Columns; 0 where unknown."""
    height: list[int]
    """Rows; 0 where unknown."""
    pixel_size: list[float | None]
    """Å per pixel."""
    seconds: list[float | None]
    """What picking took."""
    mean_score: list[float | None]
    """Of the candidates above the run's threshold, without what was added by hand."""
    defocus: list[float | None]
    """Å, underfocus is positive; None where unknown."""
    candidates: list[int]
    """How many candidates can be picked at all, at some threshold."""
    added: list[int]
    """How many picks were added by hand."""
    deleted: list[int]
    """How many candidates were deleted."""
    moved: list[int]
    """How many candidates were moved."""
    rejected: list[bool]
    """Whether the user rejected the micrograph."""
    looked_at: list[bool]
    """Whether the user has looked at it."""
    reference: list[int | None] | None
    """How many reference picks there are; None where there are none for the micrograph."""
    outlier: list[str | None]
    """Why its picks are unlike those of the others."""
    corrections_revision: list[int]
    """How often its corrections have been changed."""


class Candidates(_Message):
    """Candidates of a micrograph that can be picked at some threshold, the best first, one list a column."""

    id: list[str]
    """Name of each: its place."""
    x: list[float]
    """Column of the centre."""
    y: list[float]
    """Row of the centre."""
    score: list[float]
    """From 0 to 1."""
    diameter: list[float | None]
    """Å."""
    kind: list[Kind]
    """Top view, side view, or just particle."""
    class_number: list[int]
    """2D class of each, from 1; 0 of those that are in none."""


class MovedPick(_Message):
    """A candidate in another place."""

    id: str
    """Of the candidate."""
    x: float
    """Column of the centre."""
    y: float
    """Row of the centre."""


class CorrectionsState(_Message):
    """The corrections of a micrograph.

    Its picks are the candidates from the threshold on that are neither deleted nor moved nor replaced, the
    moved and the added ones; none where it is rejected.
    """

    added: list[Added]
    """Particles that were missed."""
    deleted: list[str]
    """Candidates that are no particles, by id."""
    moved: list[MovedPick]
    """Candidates that lay beside their particles. Some may not be among the candidates any more."""
    replaced: list[str]
    """Candidates that are the same particle as one that was added or moved, by id."""
    rejected: bool
    """Whether the micrograph is of no use."""
    looked_at: bool
    """Whether the user has looked at it."""


class Points(_Message):
    """Places, one list a coordinate."""

    x: list[float]
    """Columns."""
    y: list[float]
    """Rows."""


class MicrographPicks(_Message):
    """Everything that is picked in a micrograph (GET /api/micrographs/{i}/picks)."""

    revision: int
    """How often its corrections have been changed."""
    candidates: Candidates
    """What the picker found."""
    corrections: CorrectionsState
    """What the user made of it."""
    reference: Points | None
    """The reference picks; None where there are none for the micrograph."""


class Level(_Message):
    """One image of a micrograph."""

    width: int
    """Columns of the image."""
    height: int
    """Rows of the image."""


class Levels(_Message):
    """Images of a micrograph, each half as large as the one before (GET /api/micrographs/{i}/levels)."""

    levels: list[Level]
    """The first is the micrograph at full size, the last has at most 1024 pixels a side."""


class CorrectionsRequest(_Message):
    """Corrections to be made (PUT /api/micrographs/{i}/corrections)."""

    base_revision: int = Field(ge=0)
    """The revision that the page showed when they were made; others may have been made since, which stay."""
    operations: list[Operation] = Field(max_length=MAX_OPERATIONS)
    """Steps, in order."""


class CorrectionsReply(_Message):
    """Corrections after the steps were taken."""

    revision: int
    """How often the corrections have been changed."""
    corrections: CorrectionsState
    """All that there are now, from whatever window."""


class ClassInfo(_Message):
    """A 2D class of the run's picks."""

    number: int
    """From 1."""
    picks: int
    """How many are in it, with those that were deleted."""
    deleted: int
    """How many of them were deleted."""
    verdict: Verdict
    """What it shows."""
    reason: str
    """Why it is not a particle; '' where it is."""


class Classes(_Message):
    """The 2D classes of the run's picks, the largest first (GET /api/classes)."""

    revision: int
    """Of the run, see `RunInfo`."""
    classes: list[ClassInfo]
    """None where the picks were not sorted into classes."""
    made: float | None
    """When they were sorted, seconds since 1970."""
    sorted: int
    """How many picks were sorted."""
    picks: int
    """How many there were; of many a part is sorted, evenly spread over the run."""
    current: bool
    """Whether the picks are still the same."""


class ClassRequest(_Message):
    """Whether a class is rejected (PUT /api/classes/{k})."""

    rejected: bool
    """True deletes its picks. False restores those that this has deleted, or all where that is not known."""


class ClassReply(_Message):
    """What rejecting a class, or accepting it again, has changed."""

    picks: int
    """Picks that were deleted or restored."""
    micrographs: int
    """Micrographs that they are in."""


class ThresholdRequest(_Message):
    """Another threshold for the run (PUT /api/threshold)."""

    value: Score
    """Smallest score to keep."""


class ThresholdReply(_Message):
    """The run after it was selected anew."""

    threshold: float
    """Smallest score that is kept."""
    micrographs: int
    """Micrographs that are done and not rejected."""
    picks: int
    """Picks of all of them, with corrections."""
    revision: int
    """Of the run."""


class Changes(_Message):
    """What has changed (GET /api/changes?since=revision)."""

    revision: int
    """Of the run now."""
    changed: list[int]
    """Micrographs whose record or corrections are newer than the revision that was asked about."""
    threshold: float
    """Of the run now."""
    classes_made: float | None
    """When the picks were sorted into 2D classes, as `RunInfo` has it."""


class ExportRequest(_Message):
    """Picks to be exported (POST /api/export). The answer is a file, or a ZIP of many."""

    format: str
    """One of `RunInfo.formats`, by name."""
    min_score: Score | None = None
    """Smallest score to keep; the run's where it is not given."""


class Proposed(_Message):
    """A micrograph that is worth looking at."""

    index: int
    """Its number."""
    value: float
    """What it was chosen by; only comparisons matter."""
    reason: str
    """Why."""


class Proposals(_Message):
    """Which micrographs to correct (GET /api/proposals)."""

    for_training: list[Proposed]
    """Those whose corrections would help fine-tuning most, the best first."""
    for_threshold: list[Proposed]
    """A few that span the defocus of the run, to choose settings by; the scores, where that is not known."""


class TrainingRequest(_Message):
    """Fine-tuning with the corrections of the run (POST /api/training)."""

    minutes: float = Field(10.0, gt=0, le=24 * 60)
    """How long to train."""
    start: str = Field("general", min_length=1, max_length=100, pattern=r"^\w[\w.-]*$")
    """Weights to start from: the name of some that come with cryoglean, or fine-tuned on this run."""


class TrainingState(_Message):
    """How the fine-tuning goes (GET /api/training)."""

    state: Literal["idle", "running", "done", "failed", "stopped"]
    """'idle' before it was ever started."""
    step: int
    """Steps that are done."""
    steps: int
    """Steps in all; 0 where not known yet."""
    message: str
    """What is going on, or went wrong."""
    before: dict[str, float] | None
    """Figures of the weights that it began with, on held-out micrographs."""
    after: dict[str, float] | None
    """The same figures of the new weights."""
    weights: str | None
    """Folder of the new weights."""
    command: str | None
    """How to pick with them."""
    log_tail: list[str]
    """The last lines that the training printed."""
