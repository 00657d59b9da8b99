"""What verbs remark on beside their results, on standard error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cryoglean.io.formats.naming import Pairing
    from cryoglean.types import Picks

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


def note_angpix(
    picks: Sequence[Picks],
    path: Path,
    *,
    format: str | None = None,  # noqa: A002 - as in `read_picks`
    fractions: bool = False,
) -> None:
    """Say where a file or run has another pixel size than the user gave for these picks of it."""
    from cryoglean.engine.picks import read_picks_or_run

    own = read_picks_or_run(path, format=format, fractions=fractions)
    note_pixel_sizes(zip(picks, own, strict=True), "you say", f"{path} says")


def note_pixel_sizes(pairs: Iterable[tuple[Picks, Picks]], source: str, elsewhere: str) -> None:
    """Say where two sets of picks of one micrograph contradict each other; the first ones are believed."""
    from cryoglean.io.headers import agree, contradiction

    sizes = [(first.pixel_size, second.pixel_size) for first, second in pairs]
    note_warnings(
        Counter(
            contradiction(size, source, other=other, elsewhere=elsewhere)
            for size, other in sizes
            if size is not None and other is not None and not agree(size, other)
        )
    )


def note_warnings(counts: Mapping[str, int]) -> None:
    """Say what is strange about files, and about how many."""
    for text, number in list(counts.items())[:_MAX_WARNINGS]:
        what = f" ({number} micrographs)" if number > 1 else ""
        typer.secho(f"warning: {text}{what}", fg="yellow", err=True)
