"""Making corrections while others make theirs: in another window, or in a viewer of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cryoglean.corrections import Corrections, judge, read_corrections, write_corrections
from cryoglean.corrections.operations import Add, Move, Operation, corrected_by, name_of
from cryoglean.engine import RunFolder
from cryoglean.engine.ledger import Record, selection_of
from cryoglean.engine.lock import locked
from cryoglean.errors import UsageError
from cryoglean.types import Picks
from cryoglean.viewer.index import Index, selectable_of
from cryoglean.viewer.messages import CorrectionsState, MovedPick

LOCK = ".lock"
"""File in the folder of corrections that is locked while one is made."""


@dataclass(frozen=True, eq=False)
class Before:
    """A micrograph as it is when corrections are about to be made.

    Parameters
    ----------
    selectable : Picks
        Candidates that can be picked at some threshold, the best first.
    candidates : Picks
        All candidates.
    corrections : Corrections
        What was made before.
    shape : tuple of int
        (ny, nx); (0, 0) where unknown.
    """

    selectable: Picks
    candidates: Picks
    corrections: Corrections
    shape: tuple[int, int]

    @property
    def names(self) -> list[str]:
        """Name of each candidate that can be picked."""
        return [name_of(x, y) for x, y in self.selectable.xy.tolist()]


class Corrector:
    """Makes corrections on top of all that were made before, by whomever.

    Parameters
    ----------
    folder : RunFolder
        The run.
    index : Index
        What is known of its micrographs, which follows the corrections.
    changed : callable
        Called when picks have changed.
    """

    def __init__(self, folder: RunFolder, index: Index, changed: Callable[[], None]) -> None:
        self._folder, self._index, self._changed = folder, index, changed
        self._editing = threading.Lock()

    def correct(
        self, number: int, steps: Callable[[Before], Sequence[Operation]]
    ) -> tuple[Before, Corrections]:
        """Make corrections of a micrograph; return what there was before and after.

        Parameters
        ----------
        number : int
            The micrograph.
        steps : callable
            Returns the steps, from what there is.

        Raises
        ------
        CorrectionsError
            What was there before cannot be read.
        OutputError
            They cannot be written.
        UsageError
            A pick outside the micrograph.
        """
        job = self._index.jobs[number]
        with self._editing, locked(self._folder.corrections / LOCK, wait=True):
            record, entry = self._index.read(number)
            made = read_corrections(self._folder.correction(job.key), job.name)
            before = Before(*candidates_of(record, self._index), made, entry.shape)
            operations = steps(before)
            _require_inside(operations, entry.shape)
            after = corrected_by(made, operations, before.candidates)
            if after != made:
                after = after.model_copy(update={"file": job.micrograph.location})
                write_corrections(self._folder.correction(job.key), after)
                self._index.put(number, self._index.read(number)[1])
        if after.digest != made.digest:
            self._changed()
        return before, after


def candidates_of(record: Record | None, index: Index) -> tuple[Picks, Picks]:
    """Return the candidates of a record that can be picked at some threshold, and all."""
    if record is None or record.candidates is None:
        return Picks(np.zeros((0, 2))), Picks(np.zeros((0, 2)))
    return selectable_of(record, selection_of(index.config)), record.candidates


def state_of(made: Corrections, selectable: Picks, candidates: Picks) -> CorrectionsState:
    """Return which candidates the corrections concern."""
    names = np.array([name_of(x, y) for x, y in selectable.xy.tolist()])
    judgement = judge(selectable, made, candidates)
    return CorrectionsState(
        added=list(made.added),
        deleted=names[judgement.deleted].tolist(),
        moved=[MovedPick(id=name_of(one.from_x, one.from_y), x=one.x, y=one.y) for one in made.moved],
        replaced=names[judgement.replaced & ~judgement.deleted & ~judgement.moved].tolist(),
        rejected=made.rejected,
        looked_at=made.looked_at,
    )


def _require_inside(operations: Sequence[Operation], shape: tuple[int, int]) -> None:
    for one in operations:
        if isinstance(one, Add | Move) and not _is_inside(one.x, one.y, shape):
            size = f"{shape[1]} × {shape[0]} pixels" if shape[0] else "unknown, as it was not picked"
            raise UsageError(f"({one.x:g}, {one.y:g}) lies outside the micrograph, whose size is {size}")


def _is_inside(x: float, y: float, shape: tuple[int, int]) -> bool:
    return -0.5 <= x <= shape[1] - 0.5 and -0.5 <= y <= shape[0] - 0.5
