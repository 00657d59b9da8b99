"""The 2D classes of a run's picks: their averages, and rejecting one as a correction of all its picks."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from cryoglean.corrections import judge
from cryoglean.corrections.operations import Delete, Operation, Restore, name_of
from cryoglean.engine import RunFolder
from cryoglean.engine.class_files import KeptClasses, kept_classes
from cryoglean.engine.plan import Job
from cryoglean.errors import CryogleanError, UsageError
from cryoglean.io.formats import read_picks
from cryoglean.io.formats.naming import pair_micrographs
from cryoglean.io.formats.relion import CLASS
from cryoglean.viewer.correcting import Before, Corrector
from cryoglean.viewer.index import NOWHERE, Index, Stamp, stamp_of
from cryoglean.viewer.messages import Classes, ClassInfo, ClassReply

CLIPPED = (0.5, 99.5)
"""Per cent of the pixels of an average that are black, and that are not white."""

Members = Mapping[str, int]
"""Class of the picks of a micrograph, from 1, by their names."""
Names = frozenset[str]


class NoSuchClassError(UsageError):
    """A number that no class of the run has."""


@dataclass(frozen=True, eq=False)
class _Known:
    """What the run's folder says of its classes.

    Parameters
    ----------
    made, picks : tuple of int
        Times and sizes of the table of classes and of that of all picks, which this follows from.
    kept : KeptClasses, optional
        The classes; None where there are none.
    members : mapping of str to mapping
        Class of each pick that was sorted, by the key of its micrograph.
    """

    made: Stamp
    picks: Stamp
    kept: KeptClasses | None = None
    members: Mapping[str, Members] = field(default_factory=dict)


class ViewedClasses:
    """The classes of a run as its user views and rejects them.

    Parameters
    ----------
    folder : RunFolder
        The run.
    index : Index
        What is known of its micrographs.
    corrector : Corrector
        Makes the corrections.
    """

    def __init__(self, folder: RunFolder, index: Index, corrector: Corrector) -> None:
        self._folder, self._index, self._corrector = folder, index, corrector
        self._reading, self._deleting = threading.Lock(), threading.Lock()
        self._known = _Known(NOWHERE, NOWHERE)
        # What rejecting classes has deleted, by class and micrograph: accepting one restores just that.
        self._deleted: dict[int, dict[int, Names]] = {}

    @property
    def made(self) -> float | None:
        """When the picks were sorted, seconds since 1970; None where they were not."""
        known = self._read()
        return known.made[0] / 1e9 if known.kept else None

    def of(self, key: str) -> Members:
        """Return the class of each pick of a micrograph that was sorted."""
        return self._read().members.get(key, {})

    def table(self) -> Classes:
        """Return all classes, the largest first."""
        revision, known = self._index.revision, self._read()
        if known.kept is None:
            return Classes(revision=revision, classes=[], made=None, sorted=0, picks=0, current=True)
        deleted = self._count_deleted(known.members)
        classes = [
            ClassInfo(
                number=number,
                picks=one.measures.count,
                deleted=deleted[number],
                verdict=one.judgement.verdict,
                reason=one.judgement.reason,
            )
            for number, one in enumerate(known.kept.classes, 1)
        ]
        return Classes(
            revision=revision,
            classes=classes,
            made=self.made,
            sorted=known.kept.picks,
            picks=known.kept.total,
            current=known.kept.current,
        )

    def picture(self, number: int) -> bytes:
        """Return the average of a class as a grey PNG picture.

        Raises
        ------
        NoSuchClassError
            There is none of this number.
        """
        kept = self._require(number)
        average = kept.classes[number - 1].image
        low, high = np.percentile(average, CLIPPED)
        grey = np.clip((average - low) / max(float(high - low), 1e-9), 0, 1)
        return cv2.imencode(".png", np.rint(255 * grey).astype(np.uint8))[1].tobytes()

    def reject(self, number: int) -> ClassReply:
        """Delete the picks of a class in all micrographs; those that were placed by hand stay.

        Raises
        ------
        NoSuchClassError
            There is none of this number.
        """
        self._require(number)
        with self._deleting:
            deleted = self._correct(number, _delete, lambda _, names, gone: names - gone)
            kept = self._deleted.setdefault(number, {})
            for micrograph, names in deleted.items():
                kept[micrograph] = kept.get(micrograph, frozenset()) | names
        return _reply(deleted)

    def accept(self, number: int) -> ClassReply:
        """Restore the picks of a class that rejecting it has deleted; all of them where that is not known.

        Raises
        ------
        NoSuchClassError
            There is none of this number.
        """
        self._require(number)
        with self._deleting:
            mine = self._deleted.pop(number, None)

            def choose(micrograph: int, names: Names, gone: Names) -> Names:
                return names & gone & (names if mine is None else mine.get(micrograph, frozenset()))

            return _reply(self._correct(number, _restore, choose))

    def _require(self, number: int) -> KeptClasses:
        kept = self._read().kept
        if kept is None or not 1 <= number <= len(kept.classes):
            raise NoSuchClassError(f"the run has no class {number}")
        return kept

    def _read(self) -> _Known:
        """Return what the folder says, read anew where it has changed."""
        made, picks = stamp_of(self._folder.class_table), stamp_of(self._folder.table)
        with self._reading:
            if (made, picks) != (self._known.made, self._known.picks):
                if made != self._known.made:
                    self._deleted = {}
                kept = kept_classes(self._folder)
                members = _read_members(self._folder, self._index.jobs) if kept else {}
                self._known = _Known(made, picks, kept, members)
            return self._known

    def _count_deleted(self, members: Mapping[str, Members]) -> Counter[int]:
        """Count the picks of each class that were deleted."""
        deleted: Counter[int] = Counter()
        for key, classes in members.items():
            number = self._index.numbers.get(key)
            entry = None if number is None else self._index.entries[number]
            if entry is not None:
                names = (name_of(one.x, one.y) for one in entry.made.deleted)
                deleted.update(classes[name] for name in names if name in classes)
        return deleted

    def _correct(
        self, number: int, step: Callable[[str], Operation], choose: Callable[[int, Names, Names], Names]
    ) -> dict[int, Names]:
        """Take a step for picks of a class, chosen by micrograph, its picks of the class, and all deleted."""
        taken: dict[int, Names] = {}
        for key, classes in self._read().members.items():
            micrograph = self._index.numbers.get(key)
            names = frozenset(name for name, one in classes.items() if one == number)
            if micrograph is None or not names:
                continue

            def steps(before: Before, at: int = micrograph, names: Names = names) -> Sequence[Operation]:
                there = frozenset(before.names)
                gone = judge(before.selectable, before.corrections, before.candidates).deleted
                deleted = frozenset(name for name, one in zip(before.names, gone, strict=True) if one)
                taken[at] = choose(at, names & there, deleted)
                return [step(name) for name in sorted(taken[at])]

            self._corrector.correct(micrograph, steps)
        return {micrograph: names for micrograph, names in taken.items() if names}


def _read_members(folder: RunFolder, jobs: Sequence[Job]) -> dict[str, Members]:
    """Read which class each pick is in, by the key of its micrograph; nothing where that cannot be read."""
    try:
        every = read_picks(folder.class_particles)
    except CryogleanError:
        return {}
    keys = {job.micrograph.location: job.key for job in jobs}
    pairs = pair_micrographs([picks.micrograph for picks in every], keys).pairs
    return {
        keys[pairs[picks.micrograph]]: {
            name_of(x, y): int(number)
            for (x, y), number in zip(picks.xy.tolist(), picks.extra[CLASS], strict=True)
        }
        for picks in every
        if picks.micrograph in pairs and CLASS in picks.extra
    }


def _delete(name: str) -> Operation:
    return Delete(op="delete", id=name)


def _restore(name: str) -> Operation:
    return Restore(op="restore", id=name)


def _reply(taken: Mapping[int, Names]) -> ClassReply:
    return ClassReply(picks=sum(map(len, taken.values())), micrographs=len(taken))
