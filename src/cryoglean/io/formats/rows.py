"""Picks of many micrographs as one flat table, which is how most programs keep them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.naming import distinct_names
from cryoglean.io.formats.text import as_fixed_text, as_text, runs, typed
from cryoglean.io.micrographs import micrograph_name
from cryoglean.types import Picks

#: Column under which the path of a micrograph travels through tables, as RELION calls it.
MICROGRAPH_PATH = "rlnMicrographName"
_FARTHEST = 1e7  # pixels


@dataclass(frozen=True, eq=False)
class Rows:
    """One row a pick, in columns of n values.

    Parameters
    ----------
    micrograph : array of text, shape (n,)
        Path of the micrograph of each pick, or its name where the source says no more.
    xy : array, shape (n, 2)
        Centres in pixels of the micrograph.
    score, diameter, diameter_px, kind, pixel_size : array of n values, or one value for all
        As in `Picks`, but diameters are in Å, or in pixels where they are not known in Å, and an unknown
        pixel size is NaN.
    shape : array of int, shape (n, 2), or (ny, nx)
        Shape of the micrograph of each pick.
    extra : mapping of str to array
        Further columns.
    bare_name : callable
        Takes a path and returns the micrograph's name.
    """

    micrograph: NDArray[Any]
    xy: NDArray[np.float64]
    score: ArrayLike = 1.0
    diameter: ArrayLike = np.nan
    diameter_px: ArrayLike = np.nan
    kind: ArrayLike = "particle"
    pixel_size: ArrayLike = np.nan
    shape: ArrayLike = (0, 0)
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    bare_name: Callable[[str], str] = micrograph_name


def by_micrograph(rows: Rows) -> list[Picks]:
    """Sort rows into one `Picks` for each micrograph, in the order in which the micrographs appear."""
    paths, codes = _coded(rows.micrograph)
    named = distinct_names(paths, rows.bare_name)
    order = np.argsort(codes, kind="stable")
    bounds = np.cumsum(np.bincount(codes, minlength=len(paths)))[:-1]

    def divided(values: ArrayLike, *row: int) -> list[NDArray[Any]]:
        column = np.asarray(values)
        full = np.broadcast_to(column, (len(codes), *row)) if column.ndim <= len(row) else column
        return np.split(full[order], bounds)[: len(paths)]

    extra = {label: divided(typed(values)) for label, values in rows.extra.items()}
    fields = zip(
        paths,
        divided(rows.xy, 2),
        divided(rows.score),
        divided(rows.diameter),
        divided(rows.diameter_px),
        divided(rows.kind),
        divided(rows.pixel_size),
        divided(rows.shape, 2),
        strict=True,
    )
    return [
        Picks(
            xy,
            score=score,
            diameter=diameter_px if (in_px := not np.isfinite(diameter).any()) else diameter,
            in_pixels=in_px and bool(np.isfinite(diameter_px).any()),
            kind=as_fixed_text(kind),
            name=named[path],
            path="" if path == named[path] else path,
            shape=(int(shape[0, 0]), int(shape[0, 1])),
            extra={label: parts[i] for label, parts in extra.items()},
        ).with_pixel_size(float(pixel_size[0]) if pixel_size[0] > 0 else None)
        for i, (path, xy, score, diameter, diameter_px, kind, pixel_size, shape) in enumerate(fields)
    ]


def _coded(words: NDArray[Any]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the different words in order of appearance, and the index among them of each word."""
    starts, lengths = runs(words)
    seen: dict[str, int] = {}
    codes = [seen.setdefault(word, len(seen)) for word in words[starts].tolist()]
    return list(seen), np.repeat(np.array(codes, np.int64), lengths)


def require_micrographs(paths: NDArray[Any], file: Path | str) -> NDArray[Any]:
    """Return the micrographs of rows if each has one.

    Raises
    ------
    CoordinateError
        A row of `file` names no micrograph.
    """
    starts, _ = runs(paths)
    nameless = next((row for row in starts.tolist() if paths[row] == "" or "\0" in paths[row]), None)
    if nameless is not None:
        raise CoordinateError(file, f"row {nameless + 1} names no micrograph")
    return paths


def micrograph_paths(picks: Sequence[Picks]) -> NDArray[Any]:
    """Return the path of each pick's micrograph; ``NAME.mrc`` where only the name is known."""
    return np.repeat(
        as_text([part.path or f"{part.name}.mrc" for part in picks]), [len(part) for part in picks]
    )


def diameters_in_pixels(picks: Sequence[Picks]) -> NDArray[np.float64] | None:
    """Return the diameters in pixels of picks in micrographs with pixels of unknown size, NaN of others.

    Returns
    -------
    array, shape (n,), or None
        None where there are no such picks.
    """
    parts = [part.diameter if part.in_pixels else np.full(len(part), np.nan) for part in picks]
    column = np.concatenate([np.empty(0), *parts])
    return column if np.isfinite(column).any() else None


def with_optics(picks: Picks, optics: Mapping[str, Any]) -> Picks:
    """Return picks with RELION's labels of their micrograph's optics as further columns."""
    columns = {label: np.full(len(picks), value) for label, value in optics.items()}
    return replace(picks, extra={**picks.extra, **columns})


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


def has_depth(z: NDArray[np.float64]) -> bool:
    """Tell whether a third coordinate says anything: picks of micrographs have none, or nothing but zeros."""
    return bool((np.isfinite(z) & (z != 0)).any())


def tomogram_error(path: Path | str, label: str) -> CoordinateError:
    """Make the error for particles with a place in three dimensions, which `label` tells."""
    cause = f"3-D particles of tomograms ({label}), where picks of micrographs were wanted"
    return CoordinateError(path, cause, "cryoglean works on the micrographs of single particles")


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
