"""Tables that people open in a spreadsheet, which takes some words for formulas and runs those.

Names come from anybody's files. A word that would be a formula gets an apostrophe before it, by which
spreadsheets know text; readers here take it away again. So does a piece of a word behind what spreadsheets
of other countries part cells by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from cryoglean.io.writing import complete_or_absent

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
# At the start of a word, or where a spreadsheet that parts cells in another way would begin one. The wide
# signs are those of East Asian keyboards.
_FORMULA = rf"(?='*(?!{_NUMBER}$)[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])"
_START = r"(^|[,;|\t\r\n])"
_UNMARKED, _MARKED = re.compile(f"{_START}{_FORMULA}"), re.compile(f"{_START}'{_FORMULA}")
_NEEDS_QUOTES = re.compile(r'[",;\t\n\r]|^\s|\s$').search


def no_formula(word: str) -> str:
    """Return a word as it can stand in a table: with an apostrophe before what would be a formula."""
    return _UNMARKED.sub(r"\1'", word)


def plain(word: str) -> str:
    """Return a word as it was before `no_formula`."""
    return _MARKED.sub(r"\1", word)


def in_quotes(word: str) -> str:
    """Return a word in quotes where it needs some to be one cell."""
    return '"' + word.replace('"', '""') + '"' if _NEEDS_QUOTES(word) else word


def write_table(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table with commas between its values.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with complete_or_absent(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        for row in chain([header], rows):
            file.write(",".join(map(_cell, row)) + "\n")


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return in_quotes(no_formula(value))
    return "" if value is None else str(value)
