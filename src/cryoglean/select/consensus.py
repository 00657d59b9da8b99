"""Picks of several programs joined into one set, with the votes that each particle got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from cryoglean.types import Picks

VOTES = "votes"
# No pick; as an index it is the last, where `_values` puts NaN.
_NONE = -1


def consensus(sets: Mapping[str, Picks], reach_px: float) -> Picks:
    """Join the picks that several programs made on one micrograph.

    Picks of two programs are one particle when they lie closer than `reach_px`; each pick takes part in one
    particle, with as many pairs as can be, and then the smallest total distance. Programs are taken in turn,
    and compared with the mean places of the particles so far. Picks of one program are never joined with each
    other.

    Parameters
    ----------
    sets : mapping of str to Picks
        Picks by the name of the program, all of one micrograph; at least one.
    reach_px : float
        In pixels of the micrograph.

    Returns
    -------
    Picks
        At the mean places of the picks joined. ``score`` is the share of the programs that voted for the
        particle; the further columns are ``votes`` and, for each program, ``score_NAME``, NaN where it did
        not vote. Diameters are the means of those known; the kind is that of the first program that voted.
    """
    columns = list(sets.values())
    members = np.zeros((0, len(sets)), np.int64)
    for program, picks in enumerate(columns):
        pairs = _pairs(_gathered(members, [one.xy for one in columns]), picks.xy, reach_px)
        members[pairs[:, 0], program] = pairs[:, 1]
        new = np.setdiff1d(np.arange(len(picks)), pairs[:, 1])
        alone = np.full((len(new), len(sets)), _NONE)
        alone[:, program] = new
        members = np.concatenate([members, alone])
    votes = (members != _NONE).sum(axis=1)
    sized = next((picks for picks in columns if 0 not in picks.shape), columns[0])
    pixel_size = next((picks.pixel_size for picks in columns if picks.pixel_size is not None), None)
    columns = [picks.with_pixel_size(pixel_size) for picks in columns]
    # Without a pixel size, diameters in Å and in pixels have nothing in common.
    in_pixels = all(picks.in_pixels for picks in columns)
    diameters = [(p.diameter if in_pixels else p.diameter_angstrom)[:, None] for p in columns]
    return Picks(
        _gathered(members, [picks.xy for picks in columns]),
        score=votes / len(sets),
        diameter=_gathered(members, diameters)[:, 0],
        in_pixels=in_pixels,
        kind=_first_kinds(members, columns),
        name=columns[0].name,
        path=next((picks.path for picks in columns if picks.path), ""),
        shape=sized.shape,
        pixel_size=pixel_size,
        extra={VOTES: votes}
        | {
            f"score_{name}": _values(members[:, program], picks.score[:, None])[:, 0]
            for program, (name, picks) in enumerate(sets.items())
        },
    )


def _pairs(places: NDArray[np.float64], others: NDArray[np.float64], reach_px: float) -> NDArray[np.int64]:
    """Pair places one to one, closer than a distance; as rows of two indices."""
    if not len(places) or not len(others):
        return np.zeros((0, 2), np.int64)
    near = cKDTree(places).sparse_distance_matrix(cKDTree(others), reach_px, output_type="ndarray")
    near = near[near["v"] < reach_px]
    n = len(places) + len(others)
    graph = csr_array((np.ones(len(near)), (near["i"], len(places) + near["j"])), shape=(n, n))
    group = connected_components(graph, directed=False)[1][near["i"]]
    order = np.argsort(group, kind="stable")
    parts = np.split(near[order], np.flatnonzero(np.diff(group[order])) + 1)
    return np.concatenate(
        [np.zeros((0, 2), np.int64), *(_assigned(part, reach_px) for part in parts if len(part))]
    )


def _assigned(near: NDArray[np.void], reach_px: float) -> NDArray[np.int64]:
    """Choose pairs among those of one group of places that are near each other."""
    rows, row = np.unique(near["i"], return_inverse=True)
    columns, column = np.unique(near["j"], return_inverse=True)
    # One pair that cannot be costs more than all that can be, so as many as can be are made.
    apart = reach_px * (min(len(rows), len(columns)) + 1)
    cost = np.full((len(rows), len(columns)), apart)
    cost[row, column] = near["v"]
    chosen = np.column_stack(linear_sum_assignment(cost))
    chosen = chosen[cost[chosen[:, 0], chosen[:, 1]] < apart]
    return np.column_stack([rows[chosen[:, 0]], columns[chosen[:, 1]]])


def _gathered(members: NDArray[np.int64], columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean over the programs of the values of each particle's picks, of those that are not NaN."""
    total = np.zeros((len(members), columns[0].shape[1]))
    count = np.zeros_like(total)
    for program, values in enumerate(columns):
        each = _values(members[:, program], values)
        known = np.isfinite(each)
        total += np.where(known, each, 0)
        count += known
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _values(rows: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of the picks in these rows, NaN where there is none."""
    padded = np.concatenate([values, np.full((1, values.shape[1]), np.nan)])
    picked: NDArray[np.float64] = padded[rows]
    return picked


def _first_kinds(members: NDArray[np.int64], columns: Sequence[Picks]) -> NDArray[np.str_]:
    voted = np.argmax(members != _NONE, axis=1) if len(members) else np.zeros(0, np.int64)
    kinds = [
        columns[program].kind[row]
        for program, row in zip(voted, members[range(len(voted)), voted], strict=True)
    ]
    return np.array(kinds, np.str_)
