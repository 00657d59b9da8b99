"""Particle size by discs: how large they are where they stand out most from the background."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cryoglean.image.background import clip_outliers, far_from_usual, flatten
from cryoglean.image.radial import average_patches, particle_radius, radial_profile
from cryoglean.image.resample import average_area, cut_middle, resample_to
from cryoglean.pickers.size.disc_curve import (
    DISC_PX,
    STEPS_PER_OCTAVE,
    DiscCurve,
    diameter_grid,
    disc_curve,
    disc_response,
    strongest_discs,
)
from cryoglean.pickers.template.round_views import density_spread, find_contaminated, find_round_views
from cryoglean.types import Contrast, Micrograph, ParticleSize

LARGEST_SIDE_PX = 1024
"""Micrographs are binned to this before sizes are compared; of particles that vanish, none is lost."""
SMALLEST_PX = 12.0
"""Diameters below this many pixels of the micrograph are not considered."""
MIN_DISC_PX = 6.0
"""Nor are diameters below this, where the user says that they can be so small."""
LARGEST_PART = 0.2
"""Nor are diameters above this part of the micrograph's shorter side."""
CONTAMINATION_PART = 0.08
"""Width over which the level is averaged to find ice and carbon, as a part of the shorter side."""
MIN_SUPPORT = 0.004
"""Less than this part of the area is what an empty micrograph's noise, or a few ice crystals, can show."""
PROFILE_PX = 24.0
"""Size at which the particle's edge is found: its assumed diameter in pixels."""
MIN_FOR_PROFILE = 5
"""A profile of fewer discs than this is noise."""
PLAUSIBLE = 0.15
"""Sizes are plausible where their support is at least this part of the strongest one's."""
SUSPICIOUS_PART = 0.1
"""Larger particles than this part of the shorter side are rarer than ice crystals and carbon."""
UNDENIABLE = 0.03
"""A suspiciously large size at which hardly anything is picked is believed from this support."""
MAX_WEIGHED = 4
"""At most so many plausible sizes are weighed by picking at each."""
MAX_LOOKED_AT = 3
"""In at most so many of the clearest micrographs."""
WIDEST_LOOK = 24.0
"""And in at most so many particle diameters of the middle of each."""
MIN_PICKS = 12
"""A size with fewer sure picks in a micrograph explains nothing: ice crystals are as many."""
MAX_SPREAD = 0.4
"""Particles of one kind differ less than this in density, relative to their density."""
LARGEST_CORRECTION = 1.5
"""The profile's edge may change the diameter by this factor at most."""


def measure_by_discs(
    micrographs: Iterable[Micrograph],
    *,
    contrast: Contrast | None = None,
    limits: tuple[float, float] | None = None,
) -> ParticleSize | None:
    """Find the particles' diameter and contrast.

    First sizes are found at which discs outweigh those of opposite contrast (`disc_curve`), summed over the
    micrographs; each is refined to the radius at which the mean profile of the strongest discs crosses the
    background. Parts of particles, and gaps between them, can make discs too: where several sizes are
    plausible, particles are picked at each, and the one that explains most of the area most surely is taken.

    Parameters
    ----------
    micrographs : iterable of Micrograph
        A few micrographs with the same particles.
    contrast : {'dark', 'bright'}, optional
        The contrast where it is known.
    limits : tuple of float, optional
        The smallest and the largest diameter that it can be, Å; the usual ones where they are not given.

    Returns
    -------
    ParticleSize or None
        None where no disc stands out in any micrograph: they are empty, or far too noisy.
    """
    kept = list(micrographs)
    curves = [_measure(micrograph, limits) for micrograph in kept]
    candidates = _plausible_sizes(curves, [m.pixel_size for m in kept], contrast)
    if not candidates:
        return None
    best = candidates[0]
    shortest = min(min(m.shape) * m.pixel_size for m in kept)
    suspicious = limits is None and best.diameter > SUSPICIOUS_PART * shortest
    rivals = [size for size in candidates if size.support >= PLAUSIBLE * best.support]
    # Contamination is strong at its own, large size; the particles may then be far down the list.
    rivals = (candidates if suspicious else rivals)[:MAX_WEIGHED]
    weighed = [_weigh(size, kept, curves, fixed=contrast is not None) for size in rivals]
    believable = [(size, evidence) for size, evidence in weighed if evidence is not None]
    if not believable:
        return None
    size, evidence = max(believable, key=lambda pair: pair[1])
    if limits is not None:
        size = replace(size, diameter=float(np.clip(size.diameter, *limits)))
    return size if evidence > 0 or not suspicious or size.support >= UNDENIABLE else None


def _plausible_sizes(
    curves: list[DiscCurve], pixel_sizes: list[float], contrast: Contrast | None
) -> list[ParticleSize]:
    """Local maxima of the summed curves that noise alone would not give, the strongest first."""
    if not curves:
        return []
    log_diameter, dark, bright = _sum_curves(curves, pixel_sizes)
    sides: dict[Contrast, NDArray[np.float64]] = {"dark": dark, "bright": bright}
    found = [
        ParticleSize(float(np.exp(log_diameter[peak])), own, "discs", float(surplus[peak]) / len(curves))
        for own, surplus in sides.items()
        if contrast in (None, own)
        for peak in _local_maxima(surplus)
    ]
    return sorted((s for s in found if s.support >= MIN_SUPPORT), key=lambda s: -s.support)


def _local_maxima(values: NDArray[np.float64]) -> NDArray[np.intp]:
    framed = np.pad(values, 1, constant_values=-1.0)
    return np.flatnonzero((values > 0) & (values >= framed[:-2]) & (values > framed[2:]))


def _clearest(size: ParticleSize, micrographs: list[Micrograph], curves: list[DiscCurve]) -> list[Micrograph]:
    """Micrographs in which discs of this size are seen about as well as in the best."""
    seen = [
        float(np.interp(size.diameter / m.pixel_size, curve.diameter_px, getattr(curve, size.contrast)))
        for curve, m in zip(curves, micrographs, strict=True)
    ]
    return [m for m, s in zip(micrographs, seen, strict=True) if s >= 0.5 * max(seen)]


def _refine(size: ParticleSize, micrographs: list[Micrograph], *, fixed: bool) -> ParticleSize:
    """Take the diameter from the edge of the particles' profile, and the contrast unless it is fixed."""
    limits = (size.diameter / LARGEST_CORRECTION, size.diameter * LARGEST_CORRECTION)
    for _ in range(2):
        edges = [_find_edge(micrograph, size) for micrograph in micrographs]
        bright = sum(sign for _, sign in edges) > 0
        contrast: Contrast = size.contrast if fixed else ("bright" if bright else "dark")
        diameter = float(np.clip(np.median([diameter for diameter, _ in edges]), *limits))
        size = replace(size, diameter=diameter, contrast=contrast)
    return size


def _weigh(
    size: ParticleSize, micrographs: list[Micrograph], curves: list[DiscCurve], *, fixed: bool
) -> tuple[ParticleSize, float | None]:
    """Refine a size, and return how much of the micrographs its particles explain, and how surely.

    None in place of that where what is found differs too much to be one kind of particle.
    """
    clear = _clearest(size, micrographs, curves)
    # In a crowd the profile ends too early or too late; the size that was found first may be the better one.
    for tried in (_refine(size, clear, fixed=fixed), size):
        looks = [_look(micrograph, tried) for micrograph in clear[:MAX_LOOKED_AT]]
        one_kind = float(np.median([look.spread for look in looks])) <= MAX_SPREAD
        if one_kind and any(look.picks for look in looks):
            break
    evidence = float(np.mean([look.evidence if look.picks >= MIN_PICKS else 0.0 for look in looks]))
    return tried, (evidence if one_kind else None)


@dataclass(frozen=True)
class _Look:
    """What picking at one size finds in one micrograph.

    The number of sure picks, their area weighted by their distance from noise in its own widths, and how much
    they differ in density.
    """

    picks: int
    evidence: float
    spread: float


def _look(micrograph: Micrograph, size: ParticleSize) -> _Look:
    working = resample_to(_middle(micrograph, size), size, PROFILE_PX)
    level = flatten(working.data, PROFILE_PX)
    views = find_round_views(clip_outliers(level), PROFILE_PX, rounds=1)
    sure = (views.probability > 0.5) & ~find_contaminated(working.data, level, views, diameter_px=PROFILE_PX)
    distance = (views.height[sure] - views.mixture.mean[0]) / views.mixture.width[0]
    evidence = float((views.probability[sure] * distance).sum()) * PROFILE_PX**2 / level.size
    return _Look(int(sure.sum()), evidence, density_spread(level, views, sure, diameter_px=PROFILE_PX))


def _measure(micrograph: Micrograph, limits: tuple[float, float] | None) -> DiscCurve:
    """Disc curve of one micrograph, diameters in its own pixels."""
    shape = micrograph.shape
    binning = max(1.0, max(shape) / LARGEST_SIDE_PX)
    small = average_area(micrograph.data, binning).data if binning > 1 else micrograph.data
    smallest = max(SMALLEST_PX / binning, DISC_PX if binning > 1 else 0.0)
    largest = LARGEST_PART * min(shape) / binning
    if limits is not None:
        low, high = (limit / micrograph.pixel_size / binning for limit in limits)
        smallest, largest = max(low, DISC_PX if binning > 1 else MIN_DISC_PX), min(high, min(shape) / binning)
    contaminated = far_from_usual(small, min(small.shape) * CONTAMINATION_PART)
    curve = disc_curve(small, diameter_grid(smallest, max(largest, smallest)), contaminated)
    return DiscCurve(curve.diameter_px * binning, curve.dark, curve.bright)


def _sum_curves(
    curves: list[DiscCurve], pixel_sizes: list[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sum curves over a common grid of log diameters in Å; each counts only within its own range."""
    logs = [np.log(curve.diameter_px * size) for curve, size in zip(curves, pixel_sizes, strict=True)]
    low, high = min(log[0] for log in logs), max(log[-1] for log in logs)
    grid = np.linspace(low, high, int(np.ceil((high - low) / np.log(2) * STEPS_PER_OCTAVE * 2)) + 1)
    if all(np.array_equal(log, logs[0]) for log in logs):
        grid = logs[0]
    dark, bright = (
        sum(
            np.interp(grid, log, getattr(curve, side), left=0, right=0)
            for log, curve in zip(logs, curves, strict=True)
        )
        for side in ("dark", "bright")
    )
    return grid, np.asarray(dark), np.asarray(bright)


def _middle(micrograph: Micrograph, size: ParticleSize) -> Micrograph:
    """Cut out the middle of a micrograph where it is many particles wide: more of them add nothing."""
    return cut_middle(micrograph, round(WIDEST_LOOK * size.diameter / micrograph.pixel_size))


def _find_edge(micrograph: Micrograph, size: ParticleSize) -> tuple[float, float]:
    """Diameter in Å at which the mean profile of the best discs ends, and the sign of their signal."""
    working = resample_to(_middle(micrograph, size), size, PROFILE_PX)
    level = clip_outliers(flatten(working.data, 1.5 * PROFILE_PX))
    centres = strongest_discs(disc_response(level, PROFILE_PX), PROFILE_PX)
    if len(centres) < MIN_FOR_PROFILE:
        return size.diameter, size.sign
    profile = radial_profile(average_patches(level, centres, int(PROFILE_PX)))
    radius, sign = particle_radius(profile, 0.85 * PROFILE_PX)
    return size.diameter * 2 * radius / PROFILE_PX, size.sign * sign
