"""What verbs remark on beside their results, on standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cryoglean.io.formats.naming import Pairing

_MAX_LISTED = 4
_MAX_WARNINGS = 20


def note(remark: str) -> None:
    """Make a remark."""
    typer.secho(f"note: {remark}", err=True)


def some(names: Sequence[str]) -> str:
    """Name a few things and count the rest."""
    rest = len(names) - _MAX_LISTED
    return ", ".join(names[:_MAX_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def note_pairs_by_name(pairing: Pairing) -> None:
    """Say which picks and micrographs lie in different folders, so that only their names pair them."""
    if pairing.elsewhere:
        first = [f"{name} with {pairing.pairs[name]}" for name in pairing.elsewhere]
        note(f"paired by name, as their folders differ: {some(first)}")


def note_warnings(counts: Mapping[str, int]) -> None:
    """Say what is strange about files, and about how many."""
    for text, number in list(counts.items())[:_MAX_WARNINGS]:
        what = f" ({number} micrographs)" if number > 1 else ""
        typer.secho(f"warning: {text}{what}", fg="yellow", err=True)
