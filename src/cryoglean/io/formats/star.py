"""STAR files: blocks of columns, as text, quickly.

RELION, crYOLO and Scipion keep their tables in the STAR dialect that is read and written here: one row a
line, values separated by white space, quotes around a value that holds some. Values stay text until a number
is asked for, so a file that is read and written again is the same table to the last digit; blocks of the same
name are kept apart; comments above a block stay with it, because RELION states the version of its tables
there.

Why this is not gemmi's reader of CIF, which takes a third of the time: what RELION writes is no CIF. Gemmi
refuses names beyond ASCII or with a dollar or an underscore before them, and two blocks of one name; and it
counts the words of a whole loop, not of a row, so that lines which lost words shift the columns of all lines
below without a word said, or are told without their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.text import as_floats, as_text, formatted_rows, read_text, word_columns
from cryoglean.io.writing import complete_or_absent

_HEADING = re.compile(r"[^\S\n]*(data_\S*|loop_)[^\S\n]*(?:#.*)?$", re.MULTILINE)
_VALUE = re.compile(r""""(.*?)"(?=\s|$)|'(.*?)'(?=\s|$)|(#.*)|(\S+)""")
_PLAIN = re.compile(r"""[^\s"'#_;]\S*""").fullmatch
_CHUNK = 4_000_000  # characters parsed at once: bounds the memory taken by tokens


@dataclass(frozen=True, eq=False)
class Block:
    """One table of a STAR file.

    Parameters
    ----------
    name : str
        What follows ``data_``.
    columns : mapping of str to array, shape (n,)
        Values by label, without the leading underscore; text where they were read, text or numbers to be
        written.
    loop : bool
        False for a block of single ``_label value`` lines.
    comment : str
        Comment lines above the block, without ``#``, such as ``version 50001``.
    path : Path
        The file it was read from, for messages.
    """

    name: str
    columns: Mapping[str, NDArray[Any]]
    loop: bool = True
    comment: str = ""
    path: Path = Path()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __contains__(self, label: str) -> bool:
        return label in self.columns

    def text(self, label: str) -> NDArray[Any]:
        """Return a column as an array of text.

        Raises
        ------
        CoordinateError
            There is no such column.
        """
        return self._column(label)

    def floats(self, label: str) -> NDArray[np.float64]:
        """Return a column as numbers; NaN where the file says ``<NA>``, ``nan`` or ``None``.

        Raises
        ------
        CoordinateError
            There is no such column, or a value is not a number.
        """
        return as_floats(self._column(label), self.path, f"_{label}")

    def _column(self, label: str) -> NDArray[Any]:
        if label not in self.columns:
            raise CoordinateError(
                self.path, f"block data_{self.name} has no column _{label}, only: {_listed(self.columns)}"
            )
        return self.columns[label]


def read_star(path: Path | str) -> list[Block]:
    """Read every block of a STAR file, in order.

    A ``data_`` section with several loops gives one block for each; a section without values gives none.

    Raises
    ------
    CoordinateError
        The file cannot be read, or is not a STAR file; the line is named.
    """
    path = Path(path)
    text = read_text(path)
    headings = _headings(text)
    start = headings[0].start() if headings else len(text)
    stray = next((line for line in text[:start].split("\n") if _values(line)), None)
    if stray is not None:
        raise CoordinateError(
            path, f"not a STAR file: wanted a line data_NAME first, got {stray.strip()[:60]!r}"
        )
    if not headings:
        return []
    name, comment = "", _trailing_comment(text[:start])
    blocks: list[Block] = []
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        end = following.start() if following else len(text)
        section = _Section(path, text, heading.end(), end)
        if heading[1] == "loop_":
            columns = section.loop()
        else:
            name = heading[1].removeprefix("data_")
            columns = section.pairs()
        if columns:
            blocks.append(Block(name, columns, heading[1] == "loop_", comment, path))
            comment = ""
        if following and following[1] != "loop_":
            comment = _trailing_comment(text[heading.end() : end])
    return blocks


def find_block(blocks: Iterable[Block], *labels: str) -> Block | None:
    """Return the first block that has every one of these columns."""
    return next((block for block in blocks if all(label in block for label in labels)), None)


def write_star(path: Path | str, blocks: Sequence[Block]) -> None:
    """Write blocks to a STAR file; floats with nine significant digits.

    Raises
    ------
    OutputError
        The file cannot be written.
    CoordinateError
        A value has a line break or both kinds of quotes, which STAR cannot hold.
    """
    with complete_or_absent(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        for block in blocks:
            file.writelines(f"\n# {line}" for line in block.comment.splitlines())
            file.write(f"\ndata_{block.name}\n\n")
            if block.loop:
                file.write("loop_\n")
                file.writelines(f"_{label} #{i}\n" for i, label in enumerate(block.columns, 1))
                file.writelines(_rows(block, Path(path)))
            else:
                width = max(map(len, block.columns)) + 2
                row = next(_rows(block, Path(path), separator="\n")).removesuffix("\n").split("\n")
                pairs = zip(block.columns, row, strict=True)
                file.writelines(f"_{label:<{width}} {value}\n" for label, value in pairs)
            file.write("\n")


@dataclass(frozen=True)
class _Section:
    """What stands between two headings of a STAR file."""

    path: Path
    whole: str
    start: int
    end: int

    def pairs(self) -> dict[str, NDArray[Any]]:
        """Read ``_label value`` lines."""
        columns: dict[str, NDArray[Any]] = {}
        for offset, line in self._lines(self.start):
            values = _values(line)
            if not values:
                continue
            if len(values) != 2 or not values[0].startswith("_"):
                raise self._error(offset, f"wanted one label and one value, got {line.strip()[:60]!r}")
            columns[self._new_label(columns, values[0], offset)] = as_text([values[1]])
        return columns

    def loop(self) -> dict[str, NDArray[Any]]:
        """Read the labels of a loop, and its rows."""
        labels: dict[str, NDArray[Any]] = {}
        rows_start = self.end
        for offset, line in self._lines(self.start):
            first = line.lstrip()[:1]
            if first in ("", "#"):
                continue
            # What begins with an underscore is a value where a whole row stands: names may begin so.
            if first != "_" or (len(labels) > 1 and len(_values(line)) == len(labels)):
                rows_start = offset
                break
            labels[self._new_label(labels, line.split()[0], offset)] = as_text([])
        if not labels and rows_start < self.end:
            raise self._error(rows_start, "values under a loop_ without labels")
        parts = list(self._chunks(rows_start, len(labels))) if labels else []
        if not parts:
            return labels
        return dict(zip(labels, map(np.concatenate, zip(*parts, strict=True)), strict=True))

    def _chunks(self, start: int, n: int) -> Iterator[list[NDArray[Any]]]:
        """Give arrays of the `n` columns for some rows at a time."""
        while start < self.end:
            stop = self.whole.find("\n", min(start + _CHUNK, self.end), self.end) + 1 or self.end
            chunk = self.whole[start:stop]
            if chunk.isascii() and not any(mark in chunk for mark in "\"'#"):
                columns = word_columns(chunk, n)
            else:
                columns = _quoted_columns(chunk, n)
            if isinstance(columns, int):
                lines = chunk.split("\n")
                offset = start + sum(len(line) + 1 for line in lines[:columns])
                raise self._error(offset, f"a row of {len(_values(lines[columns]))} values under {n} labels")
            yield columns
            start = stop

    def _lines(self, start: int) -> Iterator[tuple[int, str]]:
        while start < self.end:
            stop = self.whole.find("\n", start, self.end)
            stop = self.end if stop < 0 else stop
            yield start, self.whole[start:stop]
            start = stop + 1

    def _new_label(self, columns: Mapping[str, NDArray[Any]], word: str, offset: int) -> str:
        if word[1:] in columns:
            raise self._error(offset, f"the label {word} stands twice in one block")
        return word[1:]

    def _error(self, offset: int, cause: str) -> CoordinateError:
        line = self.whole.count("\n", 0, offset) + 1
        return CoordinateError(self.path, f"line {line}: {cause}")


def _headings(text: str) -> list[re.Match[str]]:
    """Find the lines that begin a block or a loop."""
    found = []
    for mark in ("data_", "loop_"):
        # Searching for the words is ten times faster than trying the pattern at every line.
        at = text.find(mark)
        while at >= 0:
            match = _HEADING.match(text, text.rfind("\n", 0, at) + 1)
            if match and match.start(1) == at:
                found.append(match)
            at = text.find(mark, at + len(mark))
    return sorted(found, key=re.Match.start)


def _values(line: str) -> list[str]:
    """Split a line into its values, minding quotes and comments."""
    if not any(mark in line for mark in "\"'#"):
        return line.split()
    values = []
    for match in _VALUE.finditer(line):
        if match[3] is not None:
            break
        values.append(next(group for group in match.groups() if group is not None))
    return values


def _quoted_columns(chunk: str, n: int) -> list[NDArray[Any]] | int:
    """Split lines into `n` columns, minding quotes and comments; as `word_columns`."""
    rows = [_values(line) for line in chunk.split("\n")]
    ragged = next((i for i, row in enumerate(rows) if row and len(row) != n), None)
    if ragged is not None:
        return ragged
    full = [row for row in rows if row]
    return [as_text([row[i] for row in full]) for i in range(n)]


def _trailing_comment(text: str) -> str:
    """Return the comment lines at the end of a text, which belong to the block that follows."""
    lines: list[str] = []
    for line in reversed(text.split("\n")):
        bare = line.strip()
        if bare and not bare.startswith("#"):
            break
        if bare.lstrip("#").strip():
            lines.append(bare.lstrip("#").strip())
    return "\n".join(reversed(lines))


def _rows(block: Block, path: Path, *, separator: str = " ") -> Iterator[str]:
    # Alone in its row, a word such as 'data_1' would be taken for a heading.
    alone = block.loop and len(block.columns) == 1

    def quoted(word: str) -> str:
        return _quoted(word, path, reserved=alone and bool(_HEADING.match(word)))

    return formatted_rows(block.columns.values(), separator, quoted)


def _quoted(word: str, path: Path, *, reserved: bool = False) -> str:
    if _PLAIN(word) and not reserved:
        return word
    for quote in "\"'":
        if quote not in word and "\n" not in word and "\r" not in word:
            return f"{quote}{word}{quote}"
    raise CoordinateError(path, f"cannot hold {word[:60]!r}: STAR has no way to write it", "rename it")


def _listed(labels: Iterable[str]) -> str:
    names = [f"_{label}" for label in labels]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "none"
