"""The single steps in which corrections are made.

Each speaks of picks by name and not of the state before it, so steps that were made in two windows at once
can be taken one after the other, in any order, and none is lost. A candidate is called after its place,
``"1024.250,77.000"``; an added pick has the name that was made up for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal, assert_never

from pydantic import Field, FiniteFloat

from cryoglean.corrections.application import reach_px
from cryoglean.corrections.types import Added, Corrections, Deleted, Moved
from cryoglean.settings import Config
from cryoglean.types import Picks

DECIMALS = 3
"""Of coordinates, pixels, as in the ledger."""

Name = Annotated[str, Field(min_length=1, max_length=64)]


class Add(Config):
    """Add a particle that was missed."""

    op: Literal["add"]
    id: Name
    """A new name, such as a UUID."""
    x: FiniteFloat
    """Column of the centre, pixels of the micrograph."""
    y: FiniteFloat
    """Row of the centre."""


class Delete(Config):
    """Say that a candidate is no particle; one that was moved is deleted where it was found."""

    op: Literal["delete"]
    id: Name
    """Of a candidate."""


class Restore(Config):
    """Leave a candidate as the picker found it: neither deleted nor moved."""

    op: Literal["restore"]
    id: Name
    """Of a candidate."""


class Move(Config):
    """Put a pick, found or added, on the centre of its particle."""

    op: Literal["move"]
    id: Name
    """Of a candidate or of an added pick."""
    x: FiniteFloat
    """Column of the centre, pixels of the micrograph."""
    y: FiniteFloat
    """Row of the centre."""


class RemoveAdded(Config):
    """Take back an added pick."""

    op: Literal["remove_added"]
    id: Name
    """Of an added pick."""


class Reject(Config):
    """Say whether the micrograph is of no use."""

    op: Literal["reject"]
    value: bool
    """Whether it is rejected."""


class LookedAt(Config):
    """Say whether the user has looked at the micrograph."""

    op: Literal["looked_at"]
    value: bool
    """Whether it has been looked at."""


Operation = Annotated[
    Add | Delete | Restore | Move | RemoveAdded | Reject | LookedAt, Field(discriminator="op")
]


def name_of(x: float, y: float) -> str:
    """Call a candidate after its place."""
    return f"{x:.{DECIMALS}f},{y:.{DECIMALS}f}"


def corrected_by(corrections: Corrections, operations: Iterable[Operation], candidates: Picks) -> Corrections:
    """Take steps, one after the other.

    Parameters
    ----------
    corrections : Corrections
        Before.
    operations : iterable of Operation
        The steps. One that means nothing any more, as the pick it speaks of is gone, does nothing.
    candidates : Picks
        All candidates of the micrograph.

    Returns
    -------
    Corrections
        After; with the next revision, if anything has changed.
    """
    draft = _Draft(corrections, candidates)
    for operation in operations:
        draft.take(operation)
    after = draft.finished()
    if after == corrections:
        return corrections
    return after.changed(revision=corrections.revision + 1)


class _Draft:
    """Corrections that are being made, by name of what they are about.

    Parameters
    ----------
    corrections : Corrections
        To begin with.
    candidates : Picks
        All candidates of the micrograph.
    """

    def __init__(self, corrections: Corrections, candidates: Picks) -> None:
        self._before = corrections
        self._reach = reach_px(candidates)
        self._scores = {
            name_of(x, y): score
            for (x, y), score in zip(candidates.xy.tolist(), candidates.score.tolist(), strict=True)
        }
        self._added = {one.id: one for one in corrections.added}
        self._deleted = {name_of(one.x, one.y): one for one in corrections.deleted}
        self._moved = {name_of(one.from_x, one.from_y): one for one in corrections.moved}
        self._rejected, self._looked_at = corrections.rejected, corrections.looked_at

    def finished(self) -> Corrections:
        """Return what has become of the corrections."""
        return self._before.changed(
            added=tuple(self._added.values()),
            deleted=tuple(self._deleted.values()),
            moved=tuple(self._moved.values()),
            rejected=self._rejected,
            looked_at=self._looked_at,
        )

    def take(self, operation: Operation) -> None:
        """Take one step."""
        match operation:
            case Add(id=name, x=x, y=y):
                self._added[name] = Added(id=name, x=round(x, DECIMALS), y=round(y, DECIMALS))
            case RemoveAdded(id=name):
                self._added.pop(name, None)
            case Move(id=name, x=x, y=y) if name in self._added:
                self.take(Add(op="add", id=name, x=x, y=y))
            case Move(id=name, x=x, y=y) if (place := _place_of(name)) is not None:
                self._restore(name, place)
                target = {"x": round(x, DECIMALS), "y": round(y, DECIMALS)}
                self._moved[name] = Moved(from_x=place[0], from_y=place[1], **target)
            case Delete(id=name) if (place := _place_of(name)) is not None:
                self._restore(name, place)
                self._deleted[name] = Deleted(x=place[0], y=place[1], score=self._scores.get(name))
            case Restore(id=name) if (place := _place_of(name)) is not None:
                self._restore(name, place)
            case Reject(value=value):
                self._rejected = value
            case LookedAt(value=value):
                self._looked_at = value
            case Move() | Delete() | Restore():
                pass
            case _:
                assert_never(operation)

    def _restore(self, name: str, place: tuple[float, float]) -> None:
        """Take back whatever deletes or moves the candidate in this place, from wherever it was meant."""
        for made in (self._deleted, self._moved):
            made.pop(name, None)
            lost = [other for other in made if other not in self._scores]
            for other in lost:
                if math.dist(_place_of(other) or place, place) <= self._reach:
                    del made[other]


def _place_of(name: str) -> tuple[float, float] | None:
    """Return the place that a candidate is called after; None for the name of an added pick."""
    try:
        x, y = map(float, name.split(","))
    except ValueError:
        return None
    return (x, y) if name_of(x, y) == name else None
