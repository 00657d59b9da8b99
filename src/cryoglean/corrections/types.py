"""The corrections of one micrograph, as values and as they are stored.

They speak of places, not of numbers in a list of candidates: so they hold whatever is picked again, with
whatever settings.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import Field, FiniteFloat

from cryoglean.settings import Config

MAX_OPERATIONS = 20_000
"""So many corrections of one kind can be made in a micrograph."""
REJECTED = "rejected"
"""Digest of all corrections that reject the micrograph."""


class Added(Config):
    """A particle that the picker missed."""

    id: str = Field(min_length=1, max_length=64)
    """Name that no other added pick of the micrograph has."""
    x: FiniteFloat
    """Column of its centre, pixels of the micrograph."""
    y: FiniteFloat
    """Row of its centre."""


class Deleted(Config):
    """A candidate that is no particle."""

    x: FiniteFloat
    """Column of the candidate, pixels of the micrograph."""
    y: FiniteFloat
    """Row of the candidate."""
    score: FiniteFloat | None = None
    """Its score when it was deleted; None where it was no candidate any more."""


class Moved(Config):
    """A candidate that lies beside its particle."""

    from_x: FiniteFloat
    """Column of the candidate, pixels of the micrograph."""
    from_y: FiniteFloat
    """Row of the candidate."""
    x: FiniteFloat
    """Column of the particle's centre."""
    y: FiniteFloat
    """Row of the particle's centre."""


class Corrections(Config):
    """All that a user has corrected in one micrograph."""

    version: Literal[1] = 1
    """Of this format."""
    micrograph: str
    """Name of the micrograph in its run when this was first made."""
    file: str = ""
    """Absolute path of the micrograph; '' in files that say no more than its name."""
    revision: int = Field(0, ge=0)
    """How often this has been changed."""
    added: tuple[Added, ...] = Field((), max_length=MAX_OPERATIONS)
    """Particles that were missed."""
    deleted: tuple[Deleted, ...] = Field((), max_length=MAX_OPERATIONS)
    """Candidates that are no particles."""
    moved: tuple[Moved, ...] = Field((), max_length=MAX_OPERATIONS)
    """Candidates that lie beside their particles."""
    rejected: bool = False
    """Whether the micrograph is of no use, so that none of its picks count."""
    looked_at: bool = False
    """Whether the user has looked at it, so that what was left untouched means something."""

    @property
    def digest(self) -> str:
        """What tells two states apart whose picks differ; '' where nothing is corrected."""
        if self.rejected:
            return REJECTED
        if not (self.added or self.deleted or self.moved):
            return ""
        counts = self.model_dump_json(include={"added", "deleted", "moved"})
        return hashlib.sha256(counts.encode()).hexdigest()[:16]
