"""Text of coordinate files: reading it with bounds, and columns of it as numbers or words."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.limits import read_file

# Nine significant digits keep every float32, and a coordinate to 10⁻⁵ pixels; '#' keeps floats from passing
# for integers.
FLOAT_FORMAT = "%#.9g"

_IS_SPACE = np.array([chr(code).isspace() for code in range(128)])
_TEXT = np.dtypes.StringDType()
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MAX_TEXT_BYTES = 4 * 2**30
_MISSING = frozenset({"<NA>", "NA", "None", "none", "null", "", "-nan"})


def read_text(path: Path | str) -> str:
    r"""Return a coordinate file's text with ``\n`` between its lines.

    Raises
    ------
    CoordinateError
        The file is not there, is a folder, is binary, or is the pointer that Git LFS leaves for a file.
    """
    try:
        raw = read_file(path, largest=_MAX_TEXT_BYTES)
    except OSError as error:
        raise CoordinateError(path, f"cannot be read: {error.strerror or error}") from None
    if raw.startswith(b"version https://git-lfs.github.com"):
        raise CoordinateError(path, "a Git LFS pointer, not the file itself", "fetch it with `git lfs pull`")
    encoding = "utf-16" if raw.startswith(_UTF_16) else "utf-8-sig"
    if encoding != "utf-16" and b"\0" in raw:
        cause = f"a binary or damaged file where text was wanted: byte {raw.index(0)} is NUL"
        raise CoordinateError(path, cause, "name its format with --from")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").upper()
        raise CoordinateError(
            path, f"not {name} text: byte {error.start} is {raw[error.start]:#04x}"
        ) from None
    if "\0" in text:
        raise CoordinateError(path, "a damaged file where text was wanted: it holds NUL")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def as_text(values: Sequence[str] | NDArray[Any]) -> NDArray[Any]:
    """Return words as an array of text of any length; a row of several numbers becomes ``[1.5,2]``."""
    if isinstance(values, np.ndarray) and values.ndim > 1:
        rows = values.reshape(len(values), -1).tolist()
        return np.array(["[" + ",".join(f"{value:.9g}" for value in row) + "]" for row in rows], _TEXT)
    if isinstance(values, np.ndarray) and values.dtype.kind == "S":
        values = [value.decode("utf-8", "replace") for value in values.tolist()]
    return np.asarray(values, _TEXT)


def as_fixed_text(values: NDArray[Any]) -> NDArray[np.str_]:
    """Return words as numpy's plain array of text, which other programs know."""
    starts, lengths = runs(values)
    return np.repeat(np.array(values[starts].tolist(), np.str_), lengths)


def runs(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where runs of equal values start, and how long they are."""
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.append(0, np.flatnonzero(values[1:] != values[:-1]) + 1)
    return starts, np.diff(starts, append=len(values))


def as_floats(values: NDArray[Any], path: Path | str, label: str) -> NDArray[np.float64]:
    """Return a column of words as numbers; NaN for the words that mean a missing value.

    Raises
    ------
    CoordinateError
        A word is not a number; it is shown with its row.
    """
    if _is_constant(values):
        return np.repeat(as_floats(values[:1], path, label), len(values))
    try:
        return values.astype(np.float64)
    except (ValueError, TypeError):
        pass
    numbers = np.empty(len(values))
    for row, word in enumerate(values.tolist()):
        try:
            numbers[row] = np.nan if word.strip() in _MISSING else float(word)
        except ValueError:
            raise CoordinateError(path, f"{label} of row {row + 1} is {word[:40]!r}, not a number") from None
    return numbers


def typed(values: NDArray[Any]) -> NDArray[Any]:
    """Return words as integers or floats where that loses nothing but digits of precision, else as they are.

    '0017' stays a word, and so does '20240101_2', which Python would take for a number.
    """
    if values.dtype.kind != "T":
        return values
    if _is_constant(values):
        return np.repeat(typed(values[:1]), len(values))
    for whole in (np.int64, np.uint64):
        with contextlib.suppress(ValueError, OverflowError):
            integers = values.astype(whole)
            if len(values) and (integers.astype(_TEXT) == values).all():
                return integers
    padded = np.strings.startswith(values, "0") & ~np.strings.startswith(values, "0.") & (values != "0")
    if len(values) and not padded.any() and (np.strings.find(values, "_") < 0).all():
        with contextlib.suppress(ValueError):
            return values.astype(np.float64)
    return as_fixed_text(values)


def _is_constant(values: NDArray[Any]) -> bool:
    # Many columns of these files are: worth a look, as turning words into numbers is slow.
    return len(values) > 1 and bool(values[0] == values[-1]) and bool((values == values[0]).all())


def formatted_rows(
    columns: Iterable[NDArray[Any]], separator: str, quoted: Callable[[str], str]
) -> Iterator[str]:
    """Give the lines of a table: numbers as they are, words after `quoted` made them safe."""
    fields, lists = [], []
    for values in columns:
        if values.dtype.kind == "f":
            fields.append(FLOAT_FORMAT)
            lists.append(values.tolist())
        elif values.dtype.kind in "iub":
            fields.append("%d")
            lists.append(values.tolist())
        else:
            fields.append("%s")
            words = as_text(values).tolist()
            safe = {word: quoted(word) for word in set(words)}
            lists.append([safe[word] for word in words])
    row = separator.join(fields) + "\n"
    return map(row.__mod__, zip(*lists, strict=True))


def word_columns(chunk: str, n: int, separator: str | None = None) -> list[NDArray[Any]] | int:
    """Split the lines of an ASCII text without quotes into `n` columns.

    Parameters
    ----------
    chunk : str
        Whole lines.
    n : int
        Words in a line; lines that are empty are passed over.
    separator : str, optional
        One character between words; any white space where it is not given.

    Returns
    -------
    list of array of text, or int
        The columns, or the index of the first line that has another number of words.
    """
    codes = np.frombuffer(chunk.encode("ascii"), np.uint8)
    ends = np.append(np.flatnonzero(codes == ord("\n")), len(codes))
    if separator is None:
        space = np.concatenate([[True], _IS_SPACE[codes]])
        found = np.flatnonzero(space[:-1] & ~space[1:])
        counts = np.diff(np.searchsorted(found, ends), prepend=0)
    else:
        found = np.flatnonzero(codes == ord(separator))
        counts = np.diff(np.searchsorted(found, ends), prepend=0) + (np.diff(ends, prepend=-1) > 1)
    ragged = np.flatnonzero((counts != 0) & (counts != n))
    if len(ragged):
        return int(ragged[0])
    if separator is None:
        words = chunk.split()
    else:
        lines = re.sub("\n\n+", "\n", chunk).strip("\n")
        words = lines.replace("\n", separator).split(separator) if lines else []
    return [as_text(words[i::n]) for i in range(n)]
