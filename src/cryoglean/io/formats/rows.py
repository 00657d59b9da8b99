"""Picks of many micrographs as one flat table, which is how most programs keep them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.naming import distinct_names
from cryoglean.io.formats.text import as_fixed_text, as_text, runs, typed
from cryoglean.io.micrographs import micrograph_name
from cryoglean.types import Picks

#: Further column under which the path of a micrograph travels, as RELION calls it.
MICROGRAPH_PATH = "rlnMicrographName"
_FARTHEST = 1e7  # pixels


@dataclass(frozen=True, eq=False)
class Rows:
    """One row a pick, in columns of n values.

    Parameters
    ----------
    name : array of text, shape (n,)
        Micrograph of each pick.
    xy : array, shape (n, 2)
        Centres in pixels of the micrograph.
    score, diameter, kind, pixel_size : array of n values, or one value for all
        As in `Picks`.
    shape : array of int, shape (n, 2), or (ny, nx)
        Shape of the micrograph of each pick.
    extra : mapping of str to array
        Further columns.
    """

    name: NDArray[Any]
    xy: NDArray[np.float64]
    score: ArrayLike = 1.0
    diameter: ArrayLike = np.nan
    kind: ArrayLike = "particle"
    pixel_size: ArrayLike = 1.0
    shape: ArrayLike = (0, 0)
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def by_micrograph(rows: Rows) -> list[Picks]:
    """Sort rows into one `Picks` for each micrograph, in the order in which the micrographs appear."""
    names, codes = _coded(rows.name)
    order = np.argsort(codes, kind="stable")
    bounds = np.cumsum(np.bincount(codes, minlength=len(names)))[:-1]

    def divided(values: ArrayLike, *row: int) -> list[NDArray[Any]]:
        column = np.asarray(values)
        full = np.broadcast_to(column, (len(codes), *row)) if column.ndim <= len(row) else column
        return np.split(full[order], bounds)[: len(names)]

    extra = {label: divided(typed(values)) for label, values in rows.extra.items()}
    fields = zip(
        names,
        divided(rows.xy, 2),
        divided(rows.score),
        divided(rows.diameter),
        divided(rows.kind),
        divided(rows.pixel_size),
        divided(rows.shape, 2),
        strict=True,
    )
    return [
        Picks(
            xy,
            score=score,
            diameter=diameter,
            kind=as_fixed_text(kind),
            name=name,
            pixel_size=float(pixel_size[0]),
            shape=(int(shape[0, 0]), int(shape[0, 1])),
            extra={label: parts[i] for label, parts in extra.items()},
        )
        for i, (name, xy, score, diameter, kind, pixel_size, shape) in enumerate(fields)
    ]


def _coded(words: NDArray[Any]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the different words in order of appearance, and the index among them of each word."""
    starts, lengths = runs(words)
    seen: dict[str, int] = {}
    codes = [seen.setdefault(word, len(seen)) for word in words[starts].tolist()]
    return list(seen), np.repeat(np.array(codes, np.int64), lengths)


def micrograph_names(
    paths: NDArray[Any], file: Path | str, bare_name: Callable[[str], str] = micrograph_name
) -> NDArray[Any]:
    """Return the names of micrographs from their paths, different for those of different folders.

    Raises
    ------
    CoordinateError
        A row of `file` names no micrograph.
    """
    starts, lengths = runs(paths)
    given = paths[starts].tolist()
    if "" in given:
        raise CoordinateError(file, f"row {starts[given.index('')] + 1} names no micrograph")
    named = distinct_names(given, bare_name)
    return np.repeat(as_text([named[path] for path in given]), lengths)


def joined_extra(picks: Sequence[Picks]) -> dict[str, NDArray[Any]]:
    """Join the further columns of several `Picks`; NaN, or '' among words, where one has no such column."""
    labels = dict.fromkeys(label for part in picks for label in part.extra)
    return {label: _joined_column(picks, label) for label in labels}


def _joined_column(picks: Sequence[Picks], label: str) -> NDArray[Any]:
    parts = [part.extra.get(label) for part in picks]
    present = [values for values in parts if values is not None]
    if any(values.dtype.kind not in "iufb" for values in present):
        return np.concatenate(
            [as_text([""] * len(p)) if v is None else as_text(v) for v, p in zip(parts, picks, strict=True)]
        )
    row = present[0].shape[1:]
    filled = [np.full((len(p), *row), np.nan) if v is None else v for v, p in zip(parts, picks, strict=True)]
    # Empty parts have no say in whether the column holds integers.
    return np.concatenate([values for values in filled if len(values)] or filled[:1])


def require_centres(xy: NDArray[np.float64], path: Path | str) -> NDArray[np.float64]:
    """Return the coordinates if all are places that a micrograph can have.

    Raises
    ------
    CoordinateError
        One is NaN or beyond any micrograph; its row is named.
    """
    bad = np.flatnonzero(~(np.abs(xy) < _FARTHEST).all(axis=1))
    if len(bad):
        raise CoordinateError(
            path, f"row {bad[0] + 1} has no place: its coordinates are {xy[bad[0]].tolist()}"
        )
    return xy
