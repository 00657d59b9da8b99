"""A run as it is viewed and corrected: what the page asks for, put together from the index and the files."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence, Sized
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

import cryoglean
from cryoglean.corrections.operations import name_of
from cryoglean.engine import RunFolder
from cryoglean.engine.defocus import kept_defocus
from cryoglean.engine.learning import learned_of
from cryoglean.engine.ledger import selection_of
from cryoglean.engine.outliers import find_outliers
from cryoglean.engine.plan import Job
from cryoglean.engine.proposals import Proposal, propose_for_threshold, propose_for_training
from cryoglean.engine.results import kept_summary
from cryoglean.engine.verdict import how_picked
from cryoglean.engine.work import Outcome
from cryoglean.errors import CryogleanError, UsageError
from cryoglean.io import read_header
from cryoglean.io.formats import DIALECTS
from cryoglean.io.limits import read_file
from cryoglean.pickers.factory import build_picker
from cryoglean.pickers.settings import Method
from cryoglean.select.settings import SelectConfig
from cryoglean.types import MicrographFile
from cryoglean.viewer.classes import ViewedClasses
from cryoglean.viewer.correcting import Corrector, candidates_of, state_of
from cryoglean.viewer.export import export, read_corrected
from cryoglean.viewer.index import NOWHERE, Entry, Index, bin_of
from cryoglean.viewer.messages import (
    SCORE_BINS,
    Candidates,
    Changes,
    CorrectionsReply,
    CorrectionsRequest,
    ExportRequest,
    Format,
    Level,
    Levels,
    MicrographPicks,
    MicrographTable,
    Points,
    Proposals,
    Proposed,
    ReferenceSet,
    RunInfo,
    ThresholdReply,
    TrainingRequest,
    TrainingState,
)
from cryoglean.viewer.overlays import OverlayKind, Overlays, overlay_config
from cryoglean.viewer.pictures import SMOOTHING, Pictures, levels
from cryoglean.viewer.reference import ReferencePicks
from cryoglean.viewer.results import Results
from cryoglean.viewer.training import Training, can_train


class NoSuchMicrographError(UsageError):
    """A number that no micrograph of the run has."""


class ViewedRun:
    """A run that its user views and corrects.

    Parameters
    ----------
    folder : RunFolder
        The run.
    reference : ReferencePicks, optional
        Picks to compare with.

    Raises
    ------
    FileError
        The folder is not that of a run.
    OutputError
        Corrections would be written outside of it.
    """

    def __init__(self, folder: RunFolder, reference: ReferencePicks | None = None) -> None:
        folder.require_own_folders()
        self.folder = folder
        self.index = Index(folder)
        self.reference = reference
        self._pictures = Pictures(folder.thumbnails, self.index.config.angpix)
        self._overlays = Overlays()
        self._results = Results(folder, self.index.selecting)
        self.training = Training(folder)
        self._corrector = Corrector(folder, self.index, self._results.are_stale)
        self.classes = ViewedClasses(folder, self.index, self._corrector)
        self._bodies: dict[str, tuple[int, bytes]] = {}
        self._making = {name: threading.Lock() for name in ("table", "histograms", "proposals")}
        self._recommended: tuple[Method, float | None] | None = None

    def start(self) -> None:
        """Begin to look for changes and to write results."""
        self.index.start()
        self._results.start()

    def close(self) -> None:
        """Stop, after the results agree with all corrections."""
        self.index.close()
        self.training.stop()
        self._results.close()

    @property
    def threshold(self) -> float:
        """Smallest score of the run's picks."""
        return self.index.config.min_score or 0.0

    # Reading ------------------------------------------------------------------------------------------------

    def info(self) -> RunInfo:
        """Return what the run is."""
        config, entries = self.index.config, self.index.entries
        summary = kept_summary(self.folder)
        return RunInfo(
            name=self.folder.root.resolve().name,
            folder=str(self.folder.root.resolve()),
            version=cryoglean.__version__,
            state=_state_of(self.folder),
            micrographs=len(entries),
            loaded=sum(entry is not None for entry in entries),
            method=config.method.name,
            weights=getattr(config.method, "weights", None),
            diameter=config.known_diameter,
            threshold=self.threshold,
            recommended=self._recommended_score(),
            formats=[Format(name=d.name, suffix=d.suffix, summary=d.summary) for d in DIALECTS.values()],
            reference=None if self.reference is None else _reference_set(self.reference),
            can_train=can_train(),
            about=[] if summary is None else how_picked(summary),
            notices=[] if summary is None else list(summary.notices),
            advice=[] if summary is None else list(summary.advice),
            classes_made=self.classes.made,
            revision=self.index.revision,
        )

    def table(self) -> bytes:
        """Return the table of all micrographs, a `MicrographTable` as JSON."""
        return self._remembered("table", lambda: self._table().model_dump_json().encode())

    def histograms(self) -> bytes:
        """Return the histograms of all micrographs, one after the other, as little-endian 16-bit numbers."""
        return self._remembered("histograms", self._histograms)

    def picks(self, number: int) -> MicrographPicks:
        """Return what was picked in a micrograph, and what the user made of it."""
        job = self._job(number)
        record, entry = self.index.read(number)
        selectable, candidates = candidates_of(record, self.index)
        places = self.reference.places.get(job.key) if self.reference else None
        names = [name_of(x, y) for x, y in selectable.xy.tolist()]
        classes = self.classes.of(job.key)
        return MicrographPicks(
            revision=entry.made.revision,
            candidates=Candidates(
                id=names,
                x=selectable.xy[:, 0].tolist(),
                y=selectable.xy[:, 1].tolist(),
                score=selectable.score.tolist(),
                diameter=[d if np.isfinite(d) else None for d in selectable.diameter.tolist()],
                kind=selectable.kind.tolist(),
                class_number=[classes.get(name, 0) for name in names],
            ),
            corrections=state_of(entry.made, selectable, candidates),
            reference=None if places is None else Points(x=places[:, 0].tolist(), y=places[:, 1].tolist()),
        )

    def levels(self, number: int) -> Levels:
        """Return the sizes of a micrograph's pictures."""
        file, entry = self.micrograph(number), self.index.entries[number]
        shape = entry.shape if entry and entry.shape[0] else read_header(file.path).shape
        return Levels(levels=[Level(width=nx, height=ny) for ny, nx in levels(shape)])

    def picture(self, number: int, level: int, lowpass: float | None) -> bytes:
        """Return a micrograph as a JPEG picture; see `Pictures.picture`."""
        lowpass = self._default_lowpass() if lowpass is None else lowpass
        return self._pictures.picture(self.micrograph(number), level, lowpass=lowpass)

    def thumbnail(self, number: int) -> bytes:
        """Return a micrograph as a small JPEG picture."""
        key = self._job(number).key
        return self._pictures.thumbnail(self.micrograph(number), key, lowpass=self._default_lowpass())

    def overlay(self, number: int, kind: OverlayKind) -> bytes:
        """Return a map of the picker over a micrograph, as a PNG picture; see `Overlays.get`."""
        config = self.index.config
        search = config.changed(**dict(SelectConfig()))
        return self._overlays.get(self.micrograph(number), kind, overlay_config(kind, search))

    def changes(self, since: int) -> Changes:
        """Return what has changed."""
        revision = self.index.revision
        return Changes(
            revision=revision,
            changed=self.index.changed_since(since),
            threshold=self.threshold,
            classes_made=self.classes.made,
        )

    def proposals(self) -> bytes:
        """Return which micrographs are worth correcting, a `Proposals` as JSON; it reads all records."""
        return self._remembered("proposals", lambda: self._proposals().model_dump_json().encode())

    def micrograph(self, number: int) -> MicrographFile:
        """Return which micrograph it is."""
        return self._job(number).micrograph

    # Changing -----------------------------------------------------------------------------------------------

    def correct(self, number: int, request: CorrectionsRequest) -> CorrectionsReply:
        """Make corrections on top of all that were made before, by whomever.

        Raises
        ------
        CorrectionsError
            What was there before cannot be read.
        OutputError
            They cannot be written.
        UsageError
            A pick outside the micrograph.
        """
        self._job(number)
        before, after = self._corrector.correct(number, lambda _: request.operations)
        state = state_of(after, before.selectable, before.candidates)
        return CorrectionsReply(revision=after.revision, corrections=state)

    def set_threshold(self, value: float) -> ThresholdReply:
        """Select the picks of the whole run anew.

        Raises
        ------
        OutputError
            Results cannot be written, or another run works in the folder.
        """
        summary = self._results.select(SelectConfig(min_score=value))
        return ThresholdReply(
            threshold=value,
            micrographs=summary.done - summary.rejected,
            picks=summary.picks,
            revision=self.index.revision,
        )

    def export(self, request: ExportRequest, folder: Path) -> Path:
        """Write the picks into one file of a folder; see `cryoglean.viewer.export.export`."""
        selection = selection_of(self.index.config)
        if request.min_score is not None:
            selection = selection.changed(min_score=request.min_score)
        found = read_corrected(self.index.jobs, self.folder, selection)
        name = f"{self.folder.root.resolve().name}-{request.format}"
        return export(found, folder, name=name, format=request.format)

    def train(self, request: TrainingRequest) -> TrainingState:
        """Start fine-tuning with the corrections; see `Training.start`."""
        return self.training.start(request)

    # --------------------------------------------------------------------------------------------------------

    def _job(self, number: int) -> Job:
        if not 0 <= number < len(self.index.jobs):
            raise NoSuchMicrographError(f"the run has no micrograph {number}")
        return self.index.jobs[number]

    def _numbered(self, proposed: Iterable[Proposal]) -> list[Proposed]:
        numbers = {job.name: number for number, job in enumerate(self.index.jobs)}
        return [Proposed(index=numbers[one.name], value=one.value, reason=one.reason) for one in proposed]

    def _default_lowpass(self) -> float:
        """Return a length in Å that smooths noise and keeps particles; 0 where their size is unknown."""
        return SMOOTHING * (self.index.config.known_diameter or 0.0)

    def _recommended_score(self) -> float | None:
        config = self.index.config
        if self._recommended is None or self._recommended[0] != config.method:
            score = None
            # The weights may be gone; the run can be looked at nevertheless.
            learned = learned_of(self.folder, config)
            with suppress(CryogleanError):
                if learned is not None and learned.threshold is not None:
                    score = learned.threshold.score
                else:
                    score = build_picker(config).recommended_score
            self._recommended = (config.method, score)
        return self._recommended[1]

    def _remembered(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return what was made last, or make it anew where anything has changed since."""
        with self._making[name]:
            revision = self.index.revision
            known = self._bodies.get(name)
            if known is None or known[0] != revision:
                known = self._bodies[name] = (revision, make())
            return known[1]

    def _proposals(self) -> Proposals:
        known = zip(self.index.jobs, list(self.index.entries), strict=False)
        made = [(job.name, entry.made) for job, entry in known if entry]
        checked = [name for name, one in made if one.digest or one.looked_at]
        rejected = [name for name, one in made if one.rejected]
        defocus = kept_defocus(self.folder)
        for_training = propose_for_training(self.folder, seen=checked)
        for_threshold = propose_for_threshold(self.folder, defocus=defocus, rejected=rejected)
        return Proposals(
            for_training=self._numbered(for_training), for_threshold=self._numbered(for_threshold)
        )

    def _histograms(self) -> bytes:
        return _stacked(self.index.entries).astype("<u2").tobytes()

    def _table(self) -> MicrographTable:
        revision = self.index.revision
        jobs, entries = self.index.jobs, self.index.entries[: len(self.index.jobs)]
        defocus = kept_defocus(self.folder)
        found = _found(entries, self.threshold)
        made = [None if entry is None else entry.made for entry in entries]
        strange = _outliers(jobs, entries, found)
        reference = self.reference.places if self.reference else None
        return MicrographTable(
            revision=revision,
            name=[job.name for job in jobs],
            path=[job.micrograph.listed for job in jobs],
            state=[_state_of_entry(entry, self.index.missing[n]) for n, entry in enumerate(entries)],
            error=[entry and entry.error for entry in entries],
            width=[entry.shape[1] if entry else 0 for entry in entries],
            height=[entry.shape[0] if entry else 0 for entry in entries],
            pixel_size=[entry and entry.pixel_size for entry in entries],
            seconds=[entry.seconds if entry and entry.record != NOWHERE else None for entry in entries],
            mean_score=found[1],
            defocus=[defocus.get(job.key) for job in jobs],
            candidates=[entry.candidates if entry else 0 for entry in entries],
            added=[len(one.added) if one else 0 for one in made],
            deleted=[len(one.deleted) if one else 0 for one in made],
            moved=[len(one.moved) if one else 0 for one in made],
            rejected=[bool(one and one.rejected) for one in made],
            looked_at=[bool(one and one.looked_at) for one in made],
            reference=None if reference is None else [_number(reference.get(job.key)) for job in jobs],
            outlier=[strange.get(job.name) for job in jobs],
            corrections_revision=[one.revision if one else 0 for one in made],
        )


def _number(places: Sized | None) -> int | None:
    return None if places is None else len(places)


def _state_of_entry(entry: Entry | None, missing: bool) -> Literal["done", "failed", "missing", "reading"]:
    if missing:
        return "missing"
    if entry is None:
        return "reading"
    return "done" if entry.error is None else "failed"


def _stacked(entries: Sequence[Entry | None]) -> NDArray[np.uint16]:
    """Histograms of micrographs, shape (n, SCORE_BINS)."""
    stacked = np.zeros((len(entries), SCORE_BINS), np.uint16)
    for row, entry in zip(stacked, entries, strict=True):
        if entry is not None:
            row[:] = entry.histogram
    return stacked


def _found(entries: Sequence[Entry | None], threshold: float) -> tuple[list[int], list[float | None]]:
    """Count the picks from a threshold on that were not made by hand, and return their mean scores."""
    counts = _stacked(entries).astype(np.int64)
    counts[:, -1] -= [entry.by_hand if entry else 0 for entry in entries]
    counts[:, : bin_of(threshold)] = 0
    numbers = counts.sum(axis=1)
    means = counts @ ((np.arange(SCORE_BINS) + 0.5) / SCORE_BINS) / np.maximum(numbers, 1)
    scores = [mean if number else None for mean, number in zip(means.tolist(), numbers, strict=True)]
    return numbers.tolist(), scores


def _outliers(
    jobs: Sequence[Job], entries: Sequence[Entry | None], found: tuple[list[int], list[float | None]]
) -> dict[str, str]:
    """Return, by name, why the picks of some micrographs are unlike those of the others."""
    outcomes = [
        Outcome(job.name, job.path, picks=count, mean_score=score)
        for job, entry, count, score in zip(jobs, entries, *found, strict=True)
        if entry and entry.error is None and not entry.made.rejected and entry.record != NOWHERE
    ]
    return {outlier.name: outlier.reason for outlier in find_outliers(outcomes)}


def _reference_set(reference: ReferencePicks) -> ReferenceSet:
    return ReferenceSet(name=reference.name, micrographs=len(reference.places), picks=reference.picks)


def _state_of(folder: RunFolder) -> str:
    try:
        return str(json.loads(read_file(folder.summary))["state"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "unfinished"
