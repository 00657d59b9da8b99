"""The single steps in which corrections are made.

Each speaks of picks by name and not of the state before it, so steps that were made in two windows at once
can be taken one after the other, in any order, and none is lost. A candidate is called after its place,
``"1024.250,77.000"``; an added pick has the name that was made up for it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Name = Annotated[str, Field(min_length=1, max_length=64)]


class _Operation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Add(_Operation):
    """Add a particle that was missed."""

    op: Literal["add"]
    id: Name
    """A new name, such as a UUID."""
    x: FiniteFloat
    """Column of the centre, pixels of the micrograph."""
    y: FiniteFloat
    """Row of the centre."""


class Delete(_Operation):
    """Say that a candidate is no particle; one that was moved is deleted where it was found."""

    op: Literal["delete"]
    id: Name
    """Of a candidate."""


class Restore(_Operation):
    """Leave a candidate as the picker found it: neither deleted nor moved."""

    op: Literal["restore"]
    id: Name
    """Of a candidate."""


class Move(_Operation):
    """Put a pick, found or added, on the centre of its particle."""

    op: Literal["move"]
    id: Name
    """Of a candidate or of an added pick."""
    x: FiniteFloat
    """Column of the centre, pixels of the micrograph."""
    y: FiniteFloat
    """Row of the centre."""


class RemoveAdded(_Operation):
    """Take back an added pick."""

    op: Literal["remove_added"]
    id: Name
    """Of an added pick."""


class Reject(_Operation):
    """Say whether the micrograph is of no use."""

    op: Literal["reject"]
    value: bool
    """Whether it is rejected."""


class LookedAt(_Operation):
    """Say whether the user has looked at the micrograph."""

    op: Literal["looked_at"]
    value: bool
    """Whether it has been looked at."""


Operation = Annotated[
    Add | Delete | Restore | Move | RemoveAdded | Reject | LookedAt, Field(discriminator="op")
]
