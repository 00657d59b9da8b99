"""Particle size by the networks: the size at which they recognise particles most clearly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.spatial import cKDTree

from cryoglean.image.feret import measure_feret
from cryoglean.image.peaks import vertex
from cryoglean.image.resample import cut_middle, resample_to
from cryoglean.networks.maps import find_candidates, margin_px
from cryoglean.networks.normalise import normalise
from cryoglean.networks.runtime import Networks
from cryoglean.networks.settings import SizeModel
from cryoglean.networks.weights import calibrated, logit
from cryoglean.pickers.size.by_discs import SMALLEST_PX
from cryoglean.types import Contrast, FloatImage, GivenDiameter, Micrograph, ParticleSize

STEPS_PER_OCTAVE = 3
"""Diameters that are tried."""
LARGEST_PART = 1 / 3
"""Diameters above this part of a micrograph's shorter side are not tried."""
MAX_MICROGRAPHS = 4
FIELDS = (12.0, 28.0)
"""So many diameters of the middle of a micrograph are looked at, and more where hardly any particle is."""
MIN_FIELD = 10.0
"""Of several micrographs less of each is looked at, but so many diameters."""
MAX_CANDIDATES = 300
"""Of the best candidates."""
SURE = 0.5
"""Candidates of at least this probability count."""
MIN_CANDIDATES = 3
"""Fewer of them, in all micrographs together, measure nothing."""
FARTHEST = 0.75
"""A mask's pixel farther from its candidate than this, in diameters, is not of its particle."""

UNSEEN = -1e3
"""Plausibility of a size at which hardly any particle is seen."""


@dataclass(frozen=True, eq=False)
class View:
    """What the networks see at one size.

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


def measure_by_networks(
    networks: Networks,
    micrographs: Sequence[Micrograph],
    *,
    discs: ParticleSize | None = None,
    diameter: GivenDiameter | None = None,
    contrast: Contrast | None = None,
) -> ParticleSize | None:
    """Find the particles' diameter and contrast by running the networks at many sizes.

    At the right size the networks are surest of what they see. At too small a size every part of a
    particle is one, and its mask fills all the room there is; at too large a size several share one, or
    masks are small. That finds the size of particles of any shape, in crowds and beside ice, but not
    exactly. The edge of the mean of the strongest discs is exact for particles nearly round, and often no
    particle's at all; it is believed where the networks find its size plausible.

    Parameters
    ----------
    networks : Networks
        The networks.
    micrographs : sequence of Micrograph
        Some with the same particles; the first few are looked at.
    discs : ParticleSize, optional
        What `measure_by_discs` says of them.
    diameter : float or tuple of float, optional
        Å; where it is given only the contrast is found. Of a smallest and a largest, only those between them
        are tried.
    contrast : {'dark', 'bright'}, optional
        Where it is known; both are tried where it is not, as fringes of the opposite contrast mislead discs
        more often than networks.

    Returns
    -------
    ParticleSize or None
        Its source is 'discs' where `discs` is believed, and 'networks' otherwise. None where hardly anything
        looks like a particle at any size.
    """
    chosen = list(micrographs[:MAX_MICROGRAPHS])
    model = networks.weights.size_model
    limits = diameter if isinstance(diameter, tuple) else None
    known = None if isinstance(diameter, tuple) else diameter
    tried = diameters_to_try(chosen, limits, excess=model.excess) if known is None else np.array([known])
    if not len(tried):
        return None
    alone = known is None and discs is None
    lead = model.dark_lead if discs is not None and discs.contrast == "dark" else 0.0
    for field in FIELDS:
        side = max(MIN_FIELD, field / np.sqrt(max(1, len(chosen))))
        own = contrast or _clearer_contrast(networks, chosen[:1], tried[::2], side=side, lead=lead)
        views = [view_at(networks, chosen, ParticleSize(d, own), side=side) for d in tried]
        plausible = plausibility(views, model)
        best = int(plausible.argmax())
        if not _is_believed(views[best], plausible[best], model=model, alone=alone):
            continue
        clearest = _most_plausible(tried, plausible)
        if known is None and discs is not None and discs.contrast == own:
            there = np.interp(np.log(model.excess * discs.diameter), np.log(tried), plausible)
            if there > plausible.max() - model.tolerance - model.tolerance_per_support * discs.support:
                return discs
        found = clearest / model.excess if known is None else known
        if limits is not None:
            found = float(np.clip(found, *limits))
        return ParticleSize(found, own, "networks", _coverage(views[best]))
    return None


def diameters_to_try(
    micrographs: Sequence[Micrograph], limits: tuple[float, float] | None = None, *, excess: float = 1.0
) -> NDArray[np.float64]:
    """Diameters that are worth trying, Å, rising in equal ratios; with limits a step beyond them as well."""
    if not micrographs:
        return np.zeros(0)
    smallest = min(SMALLEST_PX * m.pixel_size for m in micrographs)
    largest = max(LARGEST_PART * min(m.shape) * m.pixel_size for m in micrographs)
    if limits is not None:
        step = 2.0 ** (1 / STEPS_PER_OCTAVE)
        smallest = max(smallest, limits[0] * excess / step)
        largest = min(largest, limits[1] * excess * step)
        if largest < smallest:
            return np.zeros(0)
    steps = int(np.floor(STEPS_PER_OCTAVE * np.log2(max(largest / smallest, 1.0))))
    return np.asarray(smallest * 2.0 ** (np.arange(steps + 1) / STEPS_PER_OCTAVE))


def _clearer_contrast(
    networks: Networks,
    micrographs: Sequence[Micrograph],
    diameters: NDArray[np.float64],
    *,
    side: float,
    lead: float,
) -> Contrast:
    """Find the contrast with which particles are seen more clearly, bright ones by more than a lead."""

    def clarity(contrast: Contrast) -> float:
        views = [view_at(networks, micrographs, ParticleSize(d, contrast), side=side) for d in diameters]
        return float(plausibility(views, networks.weights.size_model).max(initial=UNSEEN))

    return "bright" if clarity("bright") > clarity("dark") + lead else "dark"


def _most_plausible(diameters: NDArray[np.float64], plausible: NDArray[np.float64]) -> float:
    """Find the most plausible diameter between those that were tried, by a parabola through three."""
    best = int(plausible.argmax())
    three = np.pad(plausible, 1, constant_values=UNSEEN)[best : best + 3]
    offset = float(vertex(three[:1], three[1:2], three[2:])[0]) if three.min() > UNSEEN else 0.0
    return float(diameters[best] * 2.0 ** (offset / STEPS_PER_OCTAVE))


def _is_believed(view: View, plausible: float, *, model: SizeModel, alone: bool) -> bool:
    """Return whether there are particles of a size, given how plausible it is and whether discs show any.

    Where discs show something, contamination may well be taken for particles: no bound tells it from a few.
    """
    if not alone:
        return plausible >= model.believed
    return plausible >= (model.believed_alone if view.odds.sum() >= model.many else model.believed_of_few)


def _coverage(view: View) -> float:
    """Return which part of the area lies under sure picks."""
    return float(len(view.odds) * np.pi / 4 / view.squares)


def plausibility(views: Sequence[View], model: SizeModel) -> NDArray[np.float64]:
    """Return how well each of successive sizes explains what is seen; `UNSEEN` where nothing is."""
    enough = np.array([len(view.odds) >= MIN_CANDIDATES for view in views], bool)
    weights = [model.number, model.clarity, -model.crowding, -model.wide, -model.narrow]
    weighed = traits(views, model) @ weights
    return np.where(enough, weighed, UNSEEN)


def traits(views: Sequence[View], model: SizeModel) -> NDArray[np.float64]:
    """Return what speaks for and against each of successive sizes.

    Returns
    -------
    array, shape (n, 5)
        Logarithm of the number of sure candidates per square on the diameter, their mean log odds, and the
        squares of what is too much: of the logarithms of crowding, of width and of narrowness of the masks.
        Number and odds are means of three sizes, as at the right one particles are clear at those beside it.
    """
    number, odds, excess = np.zeros((3, len(views)))
    for i, view in enumerate(views):
        seen = len(view.odds) >= MIN_CANDIDATES
        number[i] = max(np.log(len(view.odds) / view.squares), model.scarce) if seen else model.scarce
        odds[i] = view.odds.mean() if seen else 0.0
        excess[i] = np.log(np.median(view.widths) / model.width) if seen and len(view.widths) else 0.0
    number, odds = (uniform_filter1d(values, 3, mode="nearest") for values in (number, odds))
    above = (number - np.log(model.crowd), excess, -excess)
    return np.column_stack([number, odds, *(np.maximum(values, 0.0) ** 2 for values in above)])


def view_at(
    networks: Networks, micrographs: Sequence[Micrograph], size: ParticleSize, *, side: float
) -> View:
    """See what there is at one size, in the middle of all micrographs that it fits into."""
    fitting = [
        m
        for m in micrographs
        if SMALLEST_PX <= 1.001 * size.diameter / m.pixel_size <= 1.001 * LARGEST_PART * min(m.shape)
    ]
    sides = [round(side * size.diameter / m.pixel_size) for m in fitting]
    views = [_view(networks, cut_middle(m, wide), size) for m, wide in zip(fitting, sides, strict=True)]
    return View(
        sum(one.squares for one in views),
        np.concatenate([np.zeros(0), *(one.odds for one in views)]),
        np.concatenate([np.zeros(0), *(one.widths for one in views)]),
    )


def _view(networks: Networks, micrograph: Micrograph, size: ParticleSize) -> View:
    card = networks.weights.card
    particle_px = card.architecture.particle_px
    low = resample_to(micrograph, size, particle_px)
    image = np.pad(normalise(low.data, particle_px), margin_px(particle_px))
    maps = networks.segment(image)
    candidates = find_candidates(maps.centre, particle_px)
    # Most candidates could not be sure whatever the classification network said.
    hopeful = calibrated(candidates.score, np.ones(len(candidates.score)), card.calibration) > SURE
    looked_at = candidates[hopeful][:MAX_CANDIDATES]
    score = networks.judge(image, looked_at)
    sure = score > SURE
    widths = _widths(maps.particle, looked_at.xy[sure], particle_px) / particle_px
    return View(low.data.size / particle_px**2, logit(score[sure]), widths)


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
