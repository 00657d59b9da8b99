"""What a check found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]
_NAMED = 3


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Parameters
    ----------
    check : str
        What was looked at, in a word or two.
    level : str
        'ok'; 'warning' where a run works but should be watched; 'problem' where it fails or goes wrong.
    text : str
        What was found, and what to do.
    files : tuple of str
        The files that it is about; none where it is about all.
    """

    check: str
    level: Level
    text: str
    files: tuple[str, ...] = ()


def some(files: Sequence[str]) -> str:
    """Name a few files and count the rest."""
    rest = len(files) - _NAMED
    return ", ".join(files[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
