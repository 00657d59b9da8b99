"""From every scored candidate of a micrograph to the picks that are kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cryoglean.errors import UsageError
from cryoglean.image.suppression import suppress
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Picks


def select(picks: Picks, config: SelectConfig | None = None) -> Picks:
    """Keep candidates by score, distance from each other, distance from the edge, and number, in this order.

    Separation comes before the border, so that a particle which is dropped at the edge still drops the weaker
    candidates on its flank.

    Parameters
    ----------
    picks : Picks
        Every candidate of one micrograph, scored.
    config : SelectConfig, optional
        What to keep. Without `min_score`, candidates of every score stay.

    Returns
    -------
    Picks
        In falling order of score, equal scores by y, then x.

    Raises
    ------
    UsageError
        A separation is asked for where candidates have no diameter, or a border where the micrograph's size
        is unknown too.
    """
    config = config or SelectConfig()
    picks = picks.by_score()
    if config.min_score is not None:
        picks = picks[picks.score >= config.min_score]
    if config.separation > 0:
        picks = picks[apart(picks, config.separation)]
    if config.border > 0:
        picks = picks[inside(picks, config.border)]
    return picks[: config.max_picks]


def apart(picks: Picks, separation: float) -> NDArray[np.bool_]:
    """Return which picks have no better one nearby (greedy non-maximum suppression).

    Parameters
    ----------
    picks : Picks
        With diameters, the best first.
    separation : float
        Smallest distance of two picks in diameters; of two different diameters their mean counts.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for the picks that stay.

    Raises
    ------
    UsageError
        A pick has no diameter.
    """
    limit = separation * _known_diameters_px(picks, "separation")
    if not len(picks):
        return np.zeros(0, bool)
    pairs = cKDTree(picks.xy).query_pairs(float(limit.max()), output_type="ndarray")
    distance = np.hypot(*(picks.xy[pairs[:, 0]] - picks.xy[pairs[:, 1]]).T)
    close = distance < limit[pairs].mean(axis=1)
    return suppress(pairs[close], len(picks))


def inside(picks: Picks, border: float) -> NDArray[np.bool_]:
    """Return which picks lie far enough from the edge of the micrograph.

    Parameters
    ----------
    picks : Picks
        With diameters and the micrograph's shape.
    border : float
        Smallest distance of a centre from the outer edge of the outermost pixels, in diameters.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for the picks that stay.

    Raises
    ------
    UsageError
        The micrograph's shape is unknown or a pick has no diameter.
    """
    limit = border * _known_diameters_px(picks, "border")
    if 0 in picks.shape and len(picks):
        raise UsageError(
            f"--border needs the size of the micrograph, which the picks of {picks.name!r} do not hold; "
            "give --border 0"
        )
    far_corner = np.array(picks.shape[::-1]) - 0.5
    to_edge = np.minimum(picks.xy + 0.5, far_corner - picks.xy).min(axis=1)
    enough: NDArray[np.bool_] = to_edge >= limit
    return enough


def _known_diameters_px(picks: Picks, asked: str) -> NDArray[np.float64]:
    if not np.all(np.isfinite(picks.diameter_px)):
        raise UsageError(
            f"--{asked} counts in particle diameters, which the picks of {picks.name!r} do not hold; "
            f"give --{asked} 0"
        )
    return picks.diameter_px
