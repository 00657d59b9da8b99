"""One-to-one matching of picks to true particles."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from cryoglean.types import Matches, Picks

# True particles assigned in one go. The solver's time grows with the square of this and its calls with the
# inverse.
_BATCH = 500


def match(truth: Picks, picks: Picks, reach_px: float) -> Matches:
    """Assign picks to true particles one to one: as many pairs as can be, then the smallest total distance.

    Only pairs closer than `reach_px` enter a sparse assignment problem, which falls apart into groups of
    particles that share no pick. Memory therefore grows with the number of such pairs and not with
    ``len(truth) * len(picks)``.

    Parameters
    ----------
    truth, picks : Picks
        Of the same micrograph, with `xy` in its pixels.
    reach_px : float
        A pair counts when its centres are closer than this, in pixels.

    Returns
    -------
    Matches
        The pairs in the order of the truth.

    Notes
    -----
    The assignment problem is that of Kuhn (1955), Nav. Res. Logist. Q. 2, 83; scipy's solver follows Jonker
    and Volgenant (1987), Computing 38, 325.
    """
    edges, distance = close_pairs(truth, picks, reach_px)
    chosen = np.zeros(len(edges), bool)
    for part in _independent_parts(edges, len(truth)):
        chosen[part] = _assign(edges[part], distance[part], reach_px)
    order = np.flatnonzero(chosen)
    order = order[np.argsort(edges[order, 0])]
    return Matches(truth, picks, edges[order], distance[order], reach_px)


def doubles(matches: Matches) -> NDArray[np.int64]:
    """Find the picks within reach of a true particle that another pick holds: particles picked twice.

    Parameters
    ----------
    matches : Matches
        A matching by `match`, whose pairs are as many as can be.

    Returns
    -------
    ndarray of int
        Their indices into ``matches.picks``.
    """
    edges, _ = close_pairs(matches.truth, matches.picks, matches.reach_px)
    return np.setdiff1d(edges[:, 1], matches.pairs[:, 1])


def set_aside(truth: Picks, picks: Picks, *, kinds: Collection[str], reach_px: float) -> tuple[Picks, Picks]:
    """Leave out true particles that are ignored in scoring, and the picks on them.

    Parameters
    ----------
    truth, picks : Picks
        Of the same micrograph.
    kinds : collection of str
        Kinds of true particles to leave out, such as those cut by the border.
    reach_px : float
        Matching distance in pixels.

    Returns
    -------
    truth, picks : Picks
        Without particles of these kinds, and without picks within reach of one that no other particle claims.
    """
    aside = np.isin(truth.kind, list(kinds))
    if not aside.any():
        return truth, picks
    counted = truth[~aside]
    excused = np.zeros(len(picks), bool)
    excused[close_pairs(truth[aside], picks, reach_px)[0][:, 1]] = True
    excused[match(counted, picks, reach_px).pairs[:, 1]] = False
    return counted, picks[~excused]


def close_pairs(truth: Picks, picks: Picks, reach_px: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find every pair of a true particle and a pick closer than a distance.

    Returns
    -------
    pairs : ndarray of int, shape (m, 2)
        Index into truth, index into picks.
    distance_px : ndarray, shape (m,)
        Their distances in pixels, all below `reach_px`.
    """
    if not len(truth) or not len(picks):
        return np.zeros((0, 2), np.int64), np.zeros(0)
    near = cKDTree(truth.xy).sparse_distance_matrix(cKDTree(picks.xy), reach_px, output_type="ndarray")
    near = near[near["v"] < reach_px]
    return np.column_stack([near["i"], near["j"]]).astype(np.int64), near["v"]


def _independent_parts(edges: NDArray[np.int64], n_truth: int) -> Iterator[NDArray[np.int64]]:
    """Split the pairs into parts that share neither particle nor pick, of about `_BATCH` particles."""
    if not len(edges):
        return
    nodes = n_truth + int(edges[:, 1].max()) + 1
    graph = csr_array((np.ones(len(edges)), (edges[:, 0], n_truth + edges[:, 1])), shape=(nodes, nodes))
    component = connected_components(graph, directed=False)[1][edges[:, 0]]
    order = np.lexsort((edges[:, 0], component))
    particle = np.cumsum(np.diff(edges[order, 0], prepend=-1) != 0)
    starts = np.flatnonzero(np.diff(component[order], prepend=-1))
    batch = (particle[starts] - 1) // _BATCH
    yield from np.split(order, starts[1:][np.diff(batch) > 0])


def _assign(edges: NDArray[np.int64], distance: NDArray[np.float64], reach_px: float) -> NDArray[np.bool_]:
    """Choose the pairs of one part.

    Each particle may also stay alone at a price above all distances together, so that a complete assignment
    always exists and leaves as few alone as possible. One is added to every weight because the solver takes
    no zeros.
    """
    truth_ids, row = np.unique(edges[:, 0], return_inverse=True)
    pick_ids, column = np.unique(edges[:, 1], return_inverse=True)
    n, m = len(truth_ids), len(pick_ids)
    alone = np.full(n, 1 + reach_px * (min(n, m) + 1))
    weights = csr_array(
        (
            np.concatenate([1 + distance, alone]),
            (np.concatenate([row, np.arange(n)]), np.concatenate([column, m + np.arange(n)])),
        ),
        shape=(n, m + n),
    )
    rows, columns = min_weight_full_bipartite_matching(weights)
    partner = np.empty(n, np.int64)
    partner[rows] = columns
    chosen: NDArray[np.bool_] = partner[row] == column
    return chosen
