"""What the page's list and histograms show of each micrograph, kept in memory and read anew where it changed.

Reading all records of a large run takes many seconds, so it is done by a thread of its own, and what is known
so far is shown meanwhile. What is kept of a micrograph is small, whatever its number of candidates.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoglean.corrections import Corrections, judge, read_corrections
from cryoglean.engine.folder import RunFolder
from cryoglean.engine.ledger import Record, selection_of
from cryoglean.engine.plan import Job
from cryoglean.engine.records import record_of
from cryoglean.engine.register import read_jobs
from cryoglean.engine.results import read_config
from cryoglean.errors import CorrectionsError, CryogleanError, NewerError
from cryoglean.select import select
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Picks
from cryoglean.viewer.messages import SCORE_BINS

EVERY = 1.0
"""Seconds between two looks at the folder."""
BATCH = 250
"""So many records are read before what is known is shown."""
SETTLED_NS = 2_000_000_000
"""A folder that was changed less than this before it was looked at is looked at again: clocks are coarse."""

Stamp = tuple[int, int]
NOWHERE: Stamp = (0, 0)
"""Of a file that is not there."""


@dataclass(frozen=True, eq=False)
class Entry:
    """What is known of a micrograph.

    Parameters
    ----------
    record, corrections : tuple of int
        Times, in ns, and sizes of the two files that this follows from; zeros for none.
    selection : SelectConfig
        What decides which candidates can be picked at some threshold; its smallest score does not count.
    made : Corrections
        Its corrections.
    error : str, optional
        Why it failed.
    seconds : float
        What picking took.
    shape : tuple of int
        (ny, nx); (0, 0) where unknown.
    pixel_size : float, optional
        Å per pixel.
    candidates : int
        How many can be picked at some threshold.
    histogram : ndarray of uint16, shape (SCORE_BINS,)
        Picks by score, with corrections; those made by hand are in the last bin.
    """

    record: Stamp
    corrections: Stamp
    selection: SelectConfig
    made: Corrections
    error: str | None = None
    seconds: float = 0.0
    shape: tuple[int, int] = (0, 0)
    pixel_size: float | None = None
    candidates: int = 0
    histogram: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(SCORE_BINS, np.uint16))

    @property
    def by_hand(self) -> int:
        """How many picks were moved or added."""
        return len(self.made.added) + len(self.made.moved)


def bin_of(score: float) -> int:
    """Return the first bin that counts at a threshold."""
    return min(max(round(score * SCORE_BINS), 0), SCORE_BINS)


def histogram_of(selectable: Picks, corrections: Corrections, candidates: Picks) -> NDArray[np.uint16]:
    """Count picks by score, with corrections.

    Parameters
    ----------
    selectable : Picks
        Candidates that can be picked at some threshold.
    corrections : Corrections
        What the user said. That the micrograph is rejected does not count here.
    candidates : Picks
        All candidates.
    """
    scores = selectable.score
    if corrections.digest:
        scores = scores[judge(selectable, corrections, candidates).stays]
    bins = np.clip((scores * SCORE_BINS).astype(np.int64), 0, SCORE_BINS - 1)
    counts = np.bincount(bins, minlength=SCORE_BINS)
    counts[-1] += len(corrections.moved) + len(corrections.added)
    return np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)


def selectable_of(record: Record, selection: SelectConfig) -> Picks:
    """Return the candidates that can be picked at some threshold, the best first; none where it failed."""
    if record.candidates is None:
        return Picks(np.zeros((0, 2)), name=record.name)
    # Better candidates drop worse ones, so those that are dropped are the same at every threshold.
    return select(record.candidates, selection.changed(min_score=None))


class Index:
    """All micrographs of a run.

    Micrographs keep their numbers, whatever becomes of the run while it is shown; new ones come last.

    Parameters
    ----------
    folder : RunFolder
        The run.

    Raises
    ------
    FileError
        The folder is not that of a run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.config = read_config(folder.config)
        self.jobs: list[Job] = []
        self.numbers: dict[str, int] = {}
        self.entries: list[Entry | None] = []
        self.missing: list[bool] = []
        self.revision = 0
        self._changed_at: list[int] = []
        self._lock, self._refreshing = threading.RLock(), threading.Lock()
        self._looked: dict[Path, int] = {}
        self._classes = stamp_of(folder.class_table)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep_up, name="index", daemon=True)
        self._take_inputs()

    def start(self) -> None:
        """Begin to read, and to look for changes."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def changed_since(self, revision: int) -> list[int]:
        """Return the numbers of the micrographs that changed after a revision."""
        with self._lock:
            return [number for number, at in enumerate(self._changed_at) if at > revision]

    def put(self, number: int, entry: Entry) -> None:
        """Replace what is known of a micrograph."""
        with self._lock:
            self.entries[number] = entry
            self.missing[number] = False
            self._touch([number])

    def read(self, number: int) -> tuple[Record | None, Entry]:
        """Read the record and the corrections of a micrograph, and sum them up."""
        job = self.jobs[number]
        files = (self.folder.record(job.key), self.folder.correction(job.key))
        stamps = (stamp_of(files[0]), stamp_of(files[1]))
        made, spoiled = Corrections(micrograph=job.name), None
        record = None
        try:
            record = record_of(job, self.folder)
            made = read_corrections(files[1], job.name)
        except (CorrectionsError, NewerError) as error:
            spoiled = str(error)
        # A damaged record is as good as none.
        seen = stamps[0] if record else NOWHERE
        entry = Entry(seen, stamps[1], selection_of(self.config), made, error=spoiled)
        if record is None:
            return None, entry
        entry = replace(entry, error=record.error or spoiled, seconds=record.seconds)
        return record, _with_candidates(entry, record)

    def refresh(self) -> None:
        """Look for what has changed, and read it."""
        with self._refreshing:
            self._take_config()
            self._take_records()
            self._take_classes()

    @contextmanager
    def selecting(self) -> Iterator[None]:
        """Hold still while records are selected anew inside, which changes nothing that is kept of them."""
        with self._refreshing:
            self._take_records()
            begun = time.time_ns()
            yield
            self._take_config()
            records = _stamps(self.folder.jobs)
            with self._lock:
                for number, entry in enumerate(self.entries):
                    now = records.get(f"{self.jobs[number].key}.json", NOWHERE)
                    if entry is not None and entry.record != NOWHERE and now[0] >= begun:
                        self.entries[number] = replace(entry, record=now)

    def _take_config(self) -> None:
        """Look for another threshold."""
        config = read_config(self.folder.config)
        if config != self.config:
            with self._lock:
                self.config = config
                self._touch([])

    def _take_classes(self) -> None:
        """Look for other 2D classes, which the picks of any micrograph may be in."""
        now = stamp_of(self.folder.class_table)
        if now != self._classes:
            with self._lock:
                self._classes = now
                self._touch(list(range(len(self.jobs))))

    def _take_records(self) -> None:
        came = self._take_inputs()
        if not (self._may_have_changed() or came):
            return
        records, corrections = _stamps(self.folder.jobs), _stamps(self.folder.corrections)
        todo = [number for number in range(len(self.jobs)) if self._is_stale(number, records, corrections)]
        for start in range(0, len(todo), BATCH):
            read = []
            for number in todo[start : start + BATCH]:
                if self._end.is_set():
                    return
                read.append((number, self.read(number)[1]))
            with self._lock:
                for number, entry in read:
                    self.entries[number], self.missing[number] = entry, entry.record == NOWHERE
                self._touch([number for number, _ in read])

    def _keep_up(self) -> None:
        while not self._end.is_set():
            clock = time.monotonic()
            # The run is being written, or its disk is away for a moment: what was known is shown.
            with suppress(CryogleanError, OSError):
                self.refresh()
            self._end.wait(max(EVERY, 10 * (time.monotonic() - clock)))

    def _take_inputs(self) -> bool:
        """Give numbers to new micrographs; report whether there were any."""
        # Both are to be looked at.
        newer = [self._is_newer(path) for path in (self.folder.register, self.folder.inputs)]
        if self.jobs and not any(newer):
            return False
        with self._lock:
            jobs = read_jobs(self.folder)
            new = [job for job in jobs if job.key not in self.numbers]
            # Names may have changed, as others of their name have come.
            changed = [
                job for job in jobs if job.key in self.numbers and job != self.jobs[self.numbers[job.key]]
            ]
            for job in changed:
                self.jobs[self.numbers[job.key]] = job
            for job in new:
                self.numbers[job.key] = len(self.jobs)
                self.jobs.append(job)
                self.entries.append(None)
                self.missing.append(not self.folder.record(job.key).exists())
                self._changed_at.append(0)
            self._touch([self.numbers[job.key] for job in (*new, *changed)])
        return bool(new)

    def _touch(self, numbers: list[int]) -> None:
        self.revision += 1
        for number in numbers:
            self._changed_at[number] = self.revision

    def _may_have_changed(self) -> bool:
        watched = (self.folder.jobs, self.folder.corrections, self.folder.config)
        # Each is to be looked at, whatever the others say.
        newer = [self._is_newer(path) for path in watched]
        return any(newer)

    def _is_newer(self, path: Path) -> bool:
        """Return whether a file or folder may have changed since this was asked last."""
        now, changed = time.time_ns(), stamp_of(path)[0]
        newer = self._looked.get(path) != changed
        settled = now - changed > SETTLED_NS
        self._looked[path] = changed if settled else -1
        return newer

    def _is_stale(self, number: int, records: Mapping[str, Stamp], corrections: Mapping[str, Stamp]) -> bool:
        entry, name = self.entries[number], f"{self.jobs[number].key}.json"
        if entry is None:
            return True
        now = (records.get(name, NOWHERE), corrections.get(name, NOWHERE))
        return now != (entry.record, entry.corrections) or not _agree(
            entry.selection, selection_of(self.config)
        )


def _with_candidates(entry: Entry, record: Record) -> Entry:
    """Sum up the candidates of a record."""
    if record.candidates is None:
        return entry
    selectable = selectable_of(record, entry.selection)
    return replace(
        entry,
        shape=record.candidates.shape,
        pixel_size=record.candidates.pixel_size,
        candidates=len(selectable),
        histogram=histogram_of(selectable, entry.made, record.candidates),
    )


def _agree(one: SelectConfig, other: SelectConfig) -> bool:
    """Return whether the same candidates can be picked."""
    return one.changed(min_score=other.min_score) == other


def stamp_of(path: Path) -> Stamp:
    """Return time of the last change, in ns, and size of a file; zeros where there is none."""
    try:
        status = path.stat()
    except OSError:
        return NOWHERE
    return (status.st_mtime_ns, status.st_size)


def _stamps(folder: Path) -> dict[str, Stamp]:
    """Return time and size of every file of a folder, by its name."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return {}
    return {name: (status.st_mtime_ns, status.st_size) for name, status in found}
