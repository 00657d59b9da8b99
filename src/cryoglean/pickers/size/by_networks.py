"""How large the particles are, by the networks: the scale at which they see particles most clearly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.spatial import cKDTree

from cryoglean.image.feret import measure_feret
from cryoglean.networks.maps import find_candidates, margin_px
from cryoglean.networks.normalise import normalise
from cryoglean.networks.runtime import Networks
from cryoglean.networks.weights import calibrated, logit
from cryoglean.pickers.size.by_discs import SMALLEST_PX, Scale, resample_to
from cryoglean.types import FloatImage, Micrograph

STEPS_PER_OCTAVE = 3
"""Diameters that are tried."""
LARGEST_PART = 1 / 3
"""Diameters above this part of a micrograph's shorter side are not tried."""
MAX_MICROGRAPHS = 4
LOOKS = (12.0, 28.0)
"""So many diameters of the middle of a micrograph are looked at, and more where hardly any particle is."""
MIN_LOOK = 10.0
"""Of several micrographs less of each is looked at, but so many diameters."""
MAX_CANDIDATES = 300
"""Of the best candidates."""
SURE = 0.5
"""Candidates of at least this probability count."""
MIN_CANDIDATES = 3
"""Fewer of them, in all micrographs together, measure nothing."""
FARTHEST = 0.75
"""A mask's pixel farther from its candidate than this, in diameters, is not of its particle."""

# Fitted as `benchmarks/network_diameter.py --fit` does, on 153 simulated micrographs of families that no
# network was trained on.
NUMBER, CLARITY = 0.8, 7.4
"""Weights of the logarithm of the number of candidates per square on the diameter, and of their log odds."""
CROWD, CROWDING = 0.45, 4.3
"""Number above which candidates are crowded, and weight of the square of the logarithm of the excess, as
particles lie beside one another and hardly any field is full of them."""
USUAL_WIDTH, WIDE, NARROW = 0.85, 3.0, 1.85
"""Usual width of masks in diameters; what squares of its logarithm's excess and deficit weigh."""
EXCESS = 1.065
"""The clearest diameter over the right one."""
SCARCE = -4.0
"""Logarithm of the number at scales at which next to nothing is seen."""
UNSEEN = -1e3
MIN_PLAUSIBILITY, MIN_PLAUSIBILITY_ALONE, MIN_PLAUSIBILITY_OF_FEW = 5.0, 8.5, 14.0
"""Less plausible scales are not believed: where discs show something, where they show nothing, and where they
show nothing and the networks little. Where discs show nothing, the most plausible scale of empty micrographs
reaches 7.9 if the networks show more and 8.1 if they show little, blotches beside an ice crystal reach 13.2.
Where discs show something, contamination may well be taken for particles: no bound tells it from a few."""
ODDS_OF_MANY = 60.0
"""Sum of log odds from which on the networks show more than little."""
TOLERANCE, TOLERANCE_PER_STRENGTH = 1.5, 30.0
"""A scale that is less plausible than the best by no more than this may as well be the right one, and so much
more for each part of the area by which discs outweigh those of the opposite sign."""

DARK_DISCS = 2.0
"""Where discs are dark, particles are bright only if that is more plausible by this. The networks tell the
contrast better, but of a few small discs without fringes, as no microscope makes them, hardly at all."""


@dataclass(frozen=True, eq=False)
class Sight:
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
        −1 for particles darker than the ice, 1 for brighter ones; both are tried where it is not given, as
        fringes of the opposite contrast mislead discs more often than networks.

    Returns
    -------
    Scale or None
        `by_edge` itself where it is believed; None where hardly anything looks like a particle at any scale.
    """
    looked_at = list(micrographs[:MAX_MICROGRAPHS])
    tried = diameters_to_try(looked_at) if diameter is None else np.array([diameter])
    if not len(tried):
        return None
    alone = diameter is None and by_edge is None
    lead = DARK_DISCS if by_edge is not None and by_edge.sign < 0 else 0.0
    for look in LOOKS:
        side = max(MIN_LOOK, look / np.sqrt(max(1, len(looked_at))))
        own = sign or _clearer_sign(networks, looked_at[:1], tried[::2], side=look, lead=lead)
        sights = [look_at(networks, looked_at, Scale(d, own, 0.0), side=side) for d in tried]
        plausible = plausibility(sights)
        best = int(plausible.argmax())
        if not _is_believed(sights[best], plausible[best], alone=alone):
            continue
        clearest = Scale(_most_plausible(tried, plausible), own, _coverage(sights[best]))
        if diameter is not None:
            return replace(clearest, diameter=diameter)
        if by_edge is not None and by_edge.sign == own:
            there = np.interp(np.log(EXCESS * by_edge.diameter), np.log(tried), plausible)
            if there > plausible.max() - TOLERANCE - TOLERANCE_PER_STRENGTH * by_edge.strength:
                return by_edge
        return replace(clearest, diameter=clearest.diameter / EXCESS)
    return None


def diameters_to_try(micrographs: Sequence[Micrograph]) -> NDArray[np.float64]:
    """Diameters that are worth trying, Å, rising in equal ratios."""
    if not micrographs:
        return np.zeros(0)
    smallest = min(SMALLEST_PX * m.pixel_size for m in micrographs)
    largest = max(LARGEST_PART * min(m.shape) * m.pixel_size for m in micrographs)
    steps = int(np.floor(STEPS_PER_OCTAVE * np.log2(max(largest / smallest, 1.0))))
    return np.asarray(smallest * 2.0 ** (np.arange(steps + 1) / STEPS_PER_OCTAVE))


def _clearer_sign(
    networks: Networks,
    micrographs: Sequence[Micrograph],
    diameters: NDArray[np.float64],
    *,
    side: float,
    lead: float,
) -> float:
    """Find the sign with which particles are seen more clearly, bright ones by more than a lead."""

    def clarity(sign: float) -> float:
        sights = [look_at(networks, micrographs, Scale(d, sign, 0.0), side=side) for d in diameters]
        return float(plausibility(sights).max(initial=UNSEEN))

    return 1.0 if clarity(1.0) > clarity(-1.0) + lead else -1.0


def _most_plausible(diameters: NDArray[np.float64], plausible: NDArray[np.float64]) -> float:
    """Find the most plausible diameter between those that were tried, by a parabola through three."""
    best = int(plausible.argmax())
    before, there, after = (float(p) for p in np.pad(plausible, 1, constant_values=UNSEEN)[best : best + 3])
    curvature = before - 2 * there + after
    seen = min(before, after) > UNSEEN and curvature < 0
    offset = 0.5 * (before - after) / curvature if seen else 0.0
    return float(diameters[best] * 2.0 ** (offset / STEPS_PER_OCTAVE))


def _is_believed(sight: Sight, plausible: float, *, alone: bool) -> bool:
    """Return whether there are particles at a scale, given how plausible it is and whether discs show any."""
    if not alone:
        return plausible >= MIN_PLAUSIBILITY
    return plausible >= (
        MIN_PLAUSIBILITY_ALONE if sight.odds.sum() >= ODDS_OF_MANY else MIN_PLAUSIBILITY_OF_FEW
    )


def _coverage(sight: Sight) -> float:
    """Return which part of the area lies under sure picks."""
    return float(len(sight.odds) * np.pi / 4 / sight.squares)


def plausibility(sights: Sequence[Sight]) -> NDArray[np.float64]:
    """Return how well each of successive scales explains what is seen; `UNSEEN` where nothing is."""
    enough = np.array([len(sight.odds) >= MIN_CANDIDATES for sight in sights], bool)
    weighed = traits(sights) @ [NUMBER, CLARITY, -CROWDING, -WIDE, -NARROW]
    return np.where(enough, weighed, UNSEEN)


def traits(sights: Sequence[Sight]) -> NDArray[np.float64]:
    """Return what speaks for and against each of successive scales.

    Returns
    -------
    array, shape (n, 5)
        Logarithm of the number of sure candidates per square on the diameter, their mean log odds, and the
        squares of what is too much: of the logarithms of crowding, of width and of narrowness of the masks.
        Number and odds are means of three scales, as at the right one particles are clear at those beside it.
    """
    number, odds, excess = np.zeros((3, len(sights)))
    for i, sight in enumerate(sights):
        seen = len(sight.odds) >= MIN_CANDIDATES
        number[i] = max(np.log(len(sight.odds) / sight.squares), SCARCE) if seen else SCARCE
        odds[i] = sight.odds.mean() if seen else 0.0
        excess[i] = np.log(np.median(sight.widths) / USUAL_WIDTH) if seen and len(sight.widths) else 0.0
    number, odds = (uniform_filter1d(values, 3, mode="nearest") for values in (number, odds))
    above = (number - np.log(CROWD), excess, -excess)
    return np.column_stack([number, odds, *(np.maximum(values, 0.0) ** 2 for values in above)])


def look_at(networks: Networks, micrographs: Sequence[Micrograph], scale: Scale, *, side: float) -> Sight:
    """See what there is at one scale, in the middle of all micrographs that it fits into."""
    fitting = [
        m
        for m in micrographs
        if SMALLEST_PX <= 1.001 * scale.diameter / m.pixel_size <= 1.001 * LARGEST_PART * min(m.shape)
    ]
    sights = [_look(networks, _middle(m, scale, side), scale) for m in fitting]
    return Sight(
        sum(one.squares for one in sights),
        np.concatenate([np.zeros(0), *(one.odds for one in sights)]),
        np.concatenate([np.zeros(0), *(one.widths for one in sights)]),
    )


def _look(networks: Networks, micrograph: Micrograph, scale: Scale) -> Sight:
    card = networks.weights.card
    particle_px = card.architecture.particle_px
    low = resample_to(micrograph, scale, particle_px)
    image = np.pad(normalise(low.data, particle_px), margin_px(particle_px))
    maps = networks.segment(image)
    candidates = find_candidates(maps.centre, particle_px)
    # Most candidates could not be sure whatever the classification network said.
    hopeful = calibrated(candidates.score, np.ones(len(candidates.score)), card.calibration) > SURE
    xy, score = candidates.xy[hopeful][:MAX_CANDIDATES], candidates.score[hopeful][:MAX_CANDIDATES]
    score = calibrated(score, networks.classify(image, xy)[:, 0], card.calibration)
    sure = score > SURE
    widths = _widths(maps.particle, xy[sure], particle_px) / particle_px
    return Sight(low.data.size / particle_px**2, logit(score[sure]), widths)


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
