"""How large the particles are, by the networks: the scale at which they see particles most clearly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cryoglean.network import Networks, calibrated, find_candidates, normalise
from cryoglean.network.maps import margin_px
from cryoglean.network.weights import logit
from cryoglean.pickers.diameter import SMALLEST_PX, Scale, resample_to
from cryoglean.shapes import measure_feret
from cryoglean.types import FloatImage, Micrograph

STEPS_PER_OCTAVE = 3
"""Diameters that are tried."""
LARGEST_PART = 1 / 3
"""Diameters above this part of a micrograph's shorter side are not tried."""
MOST_MICROGRAPHS = 4
LOOKS = (12.0, 28.0)
"""So many diameters of the middle of a micrograph are looked at, and more where hardly any particle is."""
LEAST_LOOK = 10.0
"""Of several micrographs less of each is looked at, but so many diameters."""
MOST_CANDIDATES = 300
"""Of the best candidates."""
SURE = 0.5
"""Candidates of at least this probability count."""
FEWEST = 3
"""Fewer of them, in all micrographs together, measure nothing."""
FARTHEST = 0.75
"""A mask's pixel farther from its candidate than this, in diameters, is not of its particle."""

# Fitted as `benchmarks/network_diameter.py --fit` does, but with a finer grid of diameters, on 60 simulated
# micrographs of families that no network was trained on.
EVIDENCE, CLARITY = 1.4, 5.7
"""Weight of the logarithm of the evidence, and of the mean log odds."""
USUAL_WIDTH, WIDE, NARROW = 0.85, 2.6, 3.3
"""Usual width of masks in diameters; what squares of its logarithm's excess and deficit weigh."""
EXCESS = 1.2
"""The clearest diameter over the right one."""
UNSEEN = -1e3
LEAST, LEAST_ALONE = 3.5, 12.5
"""Less plausible scales are not believed, the second where discs show nothing: empty micrographs reach 3.3,
and one of ice crystals with hardly any particle 11.0."""
NEARLY_BEST, OBVIOUS = 1.5, 20.0
"""A scale that is less plausible than the best by no more than this may as well be the right one, and so much
more for each part of the area by which discs outweigh those of the opposite sign."""


@dataclass(frozen=True, eq=False)
class _Sight:
    """What the networks see at one scale.

    Parameters
    ----------
    squares : float
        Area looked at, in squares on the diameter.
    odds : array
        Log odds of the sure candidates.
    widths : array
        Longest widths of their masks, in diameters.
    """

    squares: float
    odds: NDArray[np.float64]
    widths: NDArray[np.float64]


def measure_scale(
    networks: Networks,
    micrographs: Sequence[Micrograph],
    *,
    by_edge: Scale | None = None,
    diameter: float | None = None,
    sign: float | None = None,
) -> Scale | None:
    """Find the particles' diameter and contrast by running the networks at many scales.

    At the right scale the networks are surest of what they see. At too small a scale every part of a
    particle is one, and its mask fills all the room there is; at too large a scale several share one, or
    masks are small. That tells the scale of particles of any shape, in crowds and beside ice, but not
    exactly. The edge of the mean of the strongest discs is exact for particles nearly round, and often no
    particle's at all; it is believed where the networks find its scale plausible.

    Parameters
    ----------
    networks : Networks
        The networks.
    micrographs : sequence of Micrograph
        Some with the same particles; the first few are looked at.
    by_edge : Scale, optional
        What `estimate_scale` says of them.
    diameter : float, optional
        Å; where it is given only the contrast is found.
    sign : float, optional
        −1 for particles darker than the ice, 1 for brighter ones; both are tried where neither this nor
        `by_edge` tells.

    Returns
    -------
    Scale or None
        `by_edge` itself where it is believed; None where hardly anything looks like a particle at any scale.
    """
    looked_at = list(micrographs[:MOST_MICROGRAPHS])
    tried = _diameters(looked_at) if diameter is None else np.array([diameter])
    least = LEAST_ALONE if diameter is None and by_edge is None else LEAST
    sign = by_edge.sign if sign is None and by_edge is not None else sign
    for look in LOOKS:
        side = max(LEAST_LOOK, look / np.sqrt(max(1, len(looked_at))))
        own = sign if sign is not None else _clearer_sign(networks, looked_at[:1], tried[::2], side=look)
        sights = [_sight(networks, looked_at, Scale(d, own, 0.0), side=side) for d in tried]
        plausible = np.array([_plausibility(sight) for sight in sights])
        if plausible.max(initial=UNSEEN) < least:
            continue
        clearest = Scale(_most_plausible(tried, plausible), own, _coverage(sights[plausible.argmax()]))
        if diameter is not None:
            return replace(clearest, diameter=diameter)
        if by_edge is not None:
            there = np.interp(np.log(EXCESS * by_edge.diameter), np.log(tried), plausible)
            if there > plausible.max() - NEARLY_BEST - OBVIOUS * by_edge.strength:
                return by_edge
        return replace(clearest, diameter=clearest.diameter / EXCESS)
    return None


def _diameters(micrographs: Sequence[Micrograph]) -> NDArray[np.float64]:
    """Diameters that are worth trying, Å, rising in equal ratios."""
    if not micrographs:
        return np.zeros(0)
    smallest = min(SMALLEST_PX * m.pixel_size for m in micrographs)
    largest = max(LARGEST_PART * min(m.shape) * m.pixel_size for m in micrographs)
    steps = int(np.floor(STEPS_PER_OCTAVE * np.log2(max(largest / smallest, 1.0))))
    return np.asarray(smallest * 2.0 ** (np.arange(steps + 1) / STEPS_PER_OCTAVE))


def _clearer_sign(
    networks: Networks, micrographs: Sequence[Micrograph], diameters: NDArray[np.float64], *, side: float
) -> float:
    """Find the sign with which particles are seen more clearly; dark ones where there is no telling."""

    def clarity(sign: float) -> float:
        sights = [_sight(networks, micrographs, Scale(d, sign, 0.0), side=side) for d in diameters]
        return max((_plausibility(s) for s in sights), default=UNSEEN)

    return 1.0 if clarity(1.0) > clarity(-1.0) else -1.0


def _most_plausible(diameters: NDArray[np.float64], plausible: NDArray[np.float64]) -> float:
    """Find the most plausible diameter between those that were tried, by a parabola through three."""
    best = int(plausible.argmax())
    before, there, after = (float(p) for p in np.pad(plausible, 1, constant_values=UNSEEN)[best : best + 3])
    curvature = before - 2 * there + after
    seen = min(before, after) > UNSEEN and curvature < 0
    offset = 0.5 * (before - after) / curvature if seen else 0.0
    return float(diameters[best] * 2.0 ** (offset / STEPS_PER_OCTAVE))


def _coverage(sight: _Sight) -> float:
    """Tell which part of the area lies under sure picks."""
    return float(len(sight.odds) * np.pi / 4 / sight.squares)


def _plausibility(sight: _Sight) -> float:
    """Tell how well a scale explains what is seen at it, as a logarithm; `UNSEEN` where nothing is."""
    if len(sight.odds) < FEWEST:
        return UNSEEN
    evidence = float(np.log(sight.odds.sum() / sight.squares))
    excess = float(np.log(np.median(sight.widths) / USUAL_WIDTH)) if len(sight.widths) else 0.0
    width = WIDE * max(excess, 0.0) ** 2 + NARROW * min(excess, 0.0) ** 2
    return EVIDENCE * evidence + CLARITY * float(sight.odds.mean()) - width


def _sight(networks: Networks, micrographs: Sequence[Micrograph], scale: Scale, *, side: float) -> _Sight:
    """See what there is at one scale, in the middle of all micrographs that it fits into."""
    fitting = [
        m
        for m in micrographs
        if SMALLEST_PX <= 1.001 * scale.diameter / m.pixel_size <= 1.001 * LARGEST_PART * min(m.shape)
    ]
    sights = [_look(networks, _middle(m, scale, side), scale) for m in fitting]
    return _Sight(
        sum(one.squares for one in sights),
        np.concatenate([np.zeros(0), *(one.odds for one in sights)]),
        np.concatenate([np.zeros(0), *(one.widths for one in sights)]),
    )


def _look(networks: Networks, micrograph: Micrograph, scale: Scale) -> _Sight:
    card = networks.weights.card
    particle_px = card.architecture.particle_px
    low = resample_to(micrograph, scale, particle_px)
    image = np.pad(normalise(low.data, particle_px), margin_px(particle_px))
    maps = networks.segment(image)
    candidates = find_candidates(maps.centre, particle_px)
    # Most candidates could not be sure whatever the classification network said.
    hopeful = calibrated(candidates.score, np.ones(len(candidates.score)), card.calibration) > SURE
    xy, score = candidates.xy[hopeful][:MOST_CANDIDATES], candidates.score[hopeful][:MOST_CANDIDATES]
    score = calibrated(score, networks.classify(image, xy)[:, 0], card.calibration)
    sure = score > SURE
    widths = _widths(maps.particle, xy[sure], particle_px) / particle_px
    return _Sight(low.data.size / particle_px**2, logit(score[sure]), widths)


def _widths(mask: FloatImage, xy: NDArray[np.float64], particle_px: float) -> NDArray[np.float64]:
    """Longest width, in pixels of the image, of the part of a mask that is nearest to each candidate."""
    pixels: NDArray[np.intp] = np.argwhere(mask > 0.5)[:, ::-1]
    if len(xy) == 0 or len(pixels) == 0:
        return np.zeros(0)
    distance, owner = (np.atleast_1d(found) for found in cKDTree(xy).query(pixels))
    own = distance < FARTHEST * particle_px
    order = np.argsort(owner[own], kind="stable")
    parts = np.split(pixels[own][order], np.flatnonzero(np.diff(owner[own][order])) + 1)
    return np.array([measure_feret(part.astype(np.int32)).longest for part in parts if len(part)])


def _middle(micrograph: Micrograph, scale: Scale, side: float) -> Micrograph:
    """Cut out the middle, `side` diameters wide."""
    side_px = round(side * scale.diameter / micrograph.pixel_size)
    top, left = (max(0, (length - side_px) // 2) for length in micrograph.shape)
    return micrograph.with_data(micrograph.data[top : top + side_px, left : left + side_px])
