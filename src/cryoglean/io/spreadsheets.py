"""Tables that people open in a spreadsheet, which takes some words for formulas and runs those.

Names come from anybody's files. A word that would be a formula gets an apostrophe before it, by which
spreadsheets know text; readers here take it away again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from cryoglean.io.writing import complete_or_absent

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_FORMULA = re.compile(rf"'*(?!{_NUMBER}$)[=+\-@\t\r]").match


def no_formula(word: str) -> str:
    """Return a word as it can stand in a table: with an apostrophe before what would be a formula."""
    return "'" + word if _FORMULA(word) else word


def plain(word: str) -> str:
    """Return a word as it was before `no_formula`."""
    return word[1:] if word[:1] == "'" and _FORMULA(word[1:]) else word


def write_table(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table with commas between its values.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with complete_or_absent(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        for row in chain([header], rows):
            table.writerow([no_formula(cell) if isinstance(cell, str) else cell for cell in row])
