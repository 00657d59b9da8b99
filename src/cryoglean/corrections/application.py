"""From selected picks and a user's corrections to the picks that count."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cryoglean.corrections.types import Corrections
from cryoglean.types import Picks

REACH = 0.25
"""Two places nearer than this, in particle diameters, are one particle."""
EXACT_PX = 0.002
"""Two places nearer than this are one candidate; the ledger keeps thousandths of a pixel."""

_Places = NDArray[np.float64]
_Found = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Judgement:
    """What corrections say of some picks.

    Parameters
    ----------
    deleted, moved, replaced : ndarray of bool, shape (n,)
        Picks that are no particles; those that count in another place; those that are the same particle as
        one that was added or moved.
    """

    deleted: _Found
    moved: _Found
    replaced: _Found

    @property
    def stays(self) -> _Found:
        """Picks that count where they are."""
        return ~(self.deleted | self.moved | self.replaced)


def judge(picks: Picks, corrections: Corrections, candidates: Picks) -> Judgement:
    """Find out which picks are corrected.

    A correction means the candidate at the very place where it was made. Where there is none any more, as the
    micrograph was picked anew with other settings, it means those within a quarter of a diameter.

    Parameters
    ----------
    picks : Picks
        Those to judge.
    corrections : Corrections
        What the user said.
    candidates : Picks
        All candidates of the micrograph, which the picks were selected from.
    """
    gone = np.array([(one.x, one.y) for one in corrections.deleted]).reshape(-1, 2)
    left = np.array([(one.from_x, one.from_y) for one in corrections.moved]).reshape(-1, 2)
    reach = reach_px(candidates)
    return Judgement(
        deleted=_any_near(picks, gone, _radii(gone, candidates, reach)),
        moved=_any_near(picks, left, _radii(left, candidates, reach)),
        replaced=_any_near(picks, places_by_hand(corrections), reach),
    )


def corrected(
    picks: Picks, corrections: Corrections, candidates: Picks, *, diameter: float | None = None
) -> Picks:
    """Apply corrections to the picks of a micrograph.

    Parameters
    ----------
    picks : Picks
        What was selected from the candidates.
    corrections : Corrections
        What the user said.
    candidates : Picks
        All candidates of the micrograph.
    diameter : float, optional
        Of particles that were added, Å, where candidates do not tell.

    Returns
    -------
    Picks
        In falling order of score; those made by hand have the score 1. None where the micrograph is rejected.
    """
    if not corrections.digest:
        return picks
    if corrections.rejected:
        return picks[:0]
    kept = picks[judge(picks, corrections, candidates).stays]
    known = candidates.diameter[np.isfinite(candidates.diameter)]
    if len(known):
        diameter = float(np.median(known))
    return _joined(kept, places_by_hand(corrections), np.nan if diameter is None else diameter).by_score()


def places_by_hand(corrections: Corrections) -> _Places:
    """Centres of the picks that were moved or added, shape (n, 2)."""
    moved, added = ([(one.x, one.y) for one in made] for made in (corrections.moved, corrections.added))
    return np.array([*moved, *added], np.float64).reshape(-1, 2)


def reach_px(candidates: Picks) -> float:
    """How near two places of one particle are; 0 where the diameter is unknown."""
    known = candidates.diameter_px[np.isfinite(candidates.diameter_px)]
    return REACH * float(np.median(known)) if len(known) else 0.0


def _radii(places: _Places, candidates: Picks, reach: float) -> _Places:
    """How far around each place picks are meant by it."""
    if not len(candidates):
        return np.full(len(places), reach)
    nearest = cKDTree(candidates.xy).query(places)[0] if len(places) else np.zeros(0)
    return np.where(nearest <= EXACT_PX, EXACT_PX, reach)


def _any_near(picks: Picks, places: _Places, radius: _Places | float) -> _Found:
    """Return which picks lie within these radii of any of these places."""
    found = np.zeros(len(picks), bool)
    if len(picks) and len(places):
        near = cKDTree(picks.xy).query_ball_point(places, radius)
        found[np.unique(np.concatenate([np.asarray(rows, np.intp) for rows in near]))] = True
    return found


def _joined(picks: Picks, places: _Places, diameter: float) -> Picks:
    """Add particles at these places, with empty values in further columns."""
    number = len(places)
    extra = {label: np.concatenate([values, _empty(values, number)]) for label, values in picks.extra.items()}
    return replace(
        picks,
        xy=np.concatenate([picks.xy, places]),
        score=np.concatenate([picks.score, np.ones(number)]),
        diameter=np.concatenate([picks.diameter, np.full(number, diameter)]),
        kind=np.concatenate([picks.kind, np.full(number, "particle")]),
        extra=extra,
    )


def _empty(values: NDArray[np.generic], number: int) -> NDArray[np.generic]:
    return np.full(number, np.nan if values.dtype.kind == "f" else np.zeros((), values.dtype))
