"""Round views: a template learnt from a micrograph's own best picks, and what is no particle among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cryoglean.image.background import blur, far_from_usual
from cryoglean.image.correlation import CorrelationPlan, correlate, plan_correlation
from cryoglean.image.peaks import find_peaks
from cryoglean.image.radial import average_patches, disc_template, radial_profile, spin
from cryoglean.image.spread import robust_std
from cryoglean.image.suppression import suppress
from cryoglean.select.significance import Mixture, count_beyond_noise, fit_mixture
from cryoglean.types import FloatImage

WINDOW = 1.3
"""Diameter of the correlation window in particle diameters: the particle and its Fresnel fringe."""
SEPARATION = 0.6
"""Candidates closer than this many diameters are one."""
MARGIN_PX = 6
"""How far beyond the micrograph candidates are followed, working pixels: a particle cut in half has its
maximum outside, and must not leave a false one at the edge."""
MIN_TO_LEARN = 5
"""A template is learnt from no fewer picks; fewer might be noise."""
LEARNT_PART = 0.7
"""The better part of the picks that the template is learnt from."""
CONTAMINATION_FACTOR = 2.5
"""What is this many times denser or rougher than good picks is no particle."""
LARGE_AREA = 1.5
"""Width of the Gaussian over which the level is averaged for that, in particle diameters."""


@dataclass(frozen=True, eq=False)
class RoundViews:
    """Candidates of one correlation with a round template, in pixels of the correlated image.

    Parameters
    ----------
    template : ndarray of float32, shape (2·half+1, 2·half+1)
        The template.
    similarity : ndarray of float32, shape (ny, nx)
        Its correlation with the image around every pixel.
    xy : ndarray of float64, shape (n, 2)
        Candidates, the most similar first.
    height : ndarray of float64, shape (n,)
        Their similarity.
    mixture : Mixture
        What the similarities say of noise and particles.
    trusted : int
        How many of the best candidates are beyond doubt.
    """

    template: FloatImage
    similarity: FloatImage
    xy: NDArray[np.float64]
    height: NDArray[np.float64]
    mixture: Mixture
    trusted: int

    @property
    def probability(self) -> NDArray[np.float64]:
        """Probability that each candidate is a particle."""
        return self.mixture.probability(self.height)


def find_round_views(level: FloatImage, diameter_px: float, *, rounds: int) -> RoundViews:
    """Correlate a micrograph with a disc, then with the radial average of what was found.

    Parameters
    ----------
    level : ndarray of float32, shape (ny, nx)
        The flattened and clipped micrograph, particles bright.
    diameter_px : float
        Particle diameter, pixels of `level`.
    rounds : int
        How often the template is learnt anew.

    Returns
    -------
    RoundViews
        Of the last round.
    """
    plan = plan_correlation(level, radius_px=WINDOW / 2 * diameter_px, margin=MARGIN_PX)
    half = plan.window.shape[0] // 2
    views = _find_candidates(plan, disc_template(diameter_px, half), diameter_px)
    for _ in range(rounds):
        best = views.xy[: int(np.ceil(LEARNT_PART * views.trusted))]
        if len(best) < MIN_TO_LEARN:
            break
        template = spin(radial_profile(average_patches(level, best, half)), half)
        views = _find_candidates(plan, template, diameter_px)
    return views


def find_contaminated(
    working: FloatImage, level: FloatImage, views: RoundViews, *, diameter_px: float
) -> NDArray[np.bool_]:
    """Return which candidates lie on something that is no particle.

    Thick ice and carbon change the level over areas much larger than a particle. Ice crystals and gold as
    small as a particle are several times denser than it, and carbon edges several times rougher; the measure
    of both is the better quarter of the sure picks.

    Parameters
    ----------
    working : ndarray of float32, shape (ny, nx)
        The micrograph before it was flattened.
    level : ndarray of float32, shape (ny, nx)
        The flattened micrograph, not clipped, particles bright.
    views : RoundViews
        The candidates.
    diameter_px : float
        Particle diameter, pixels of `level`.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for candidates on or beside contamination.
    """
    sure = views.probability > 0.5
    if not sure.any():
        contaminated = far_from_usual(working, LARGE_AREA * diameter_px)
    else:

        def usual(measure: FloatImage) -> float:
            # The flank of a clean particle is rougher than its middle.
            return max(float(np.quantile(_highest_in_disc(measure, views.xy[sure], diameter_px), 0.75)), 1e-6)

        full = usual(_average_discs(working - blur(working, diameter_px), diameter_px))
        contaminated = far_from_usual(working, LARGE_AREA * diameter_px, full)
        density = _average_discs(level, diameter_px)
        for measure in (density, _average_discs(level * level, diameter_px) - density * density):
            contaminated |= measure > CONTAMINATION_FACTOR * usual(measure)
    return _highest_in_disc(contaminated, views.xy, 0.7 * diameter_px)


def density_spread(
    level: FloatImage, views: RoundViews, kept: NDArray[np.bool_], *, diameter_px: float
) -> float:
    """Return how much the particles differ in density, relative to their density and beyond the noise.

    Particles of one protein hardly differ; ice crystals and aggregates have every density.

    Parameters
    ----------
    level : ndarray of float32, shape (ny, nx)
        The flattened micrograph, particles bright.
    views : RoundViews
        The candidates.
    kept : ndarray of bool, shape (n,)
        The candidates that are taken for particles.
    diameter_px : float
        Particle diameter, pixels of `level`.

    Returns
    -------
    float
        Robust standard deviation over the mean; up to 0.25 for real particles, above 0.5 for contamination. 0
        where there are too few candidates to tell.
    """
    noise = views.probability < 0.1
    if kept.sum() < MIN_TO_LEARN or noise.sum() < MIN_TO_LEARN:
        return 0.0
    density = _average_discs(level, diameter_px)
    own, background = _sample(density, views.xy[kept]), _sample(density, views.xy[noise])
    excess = float(np.median(own) - np.median(background))
    variance = robust_std(own) ** 2 - robust_std(background) ** 2
    return float(np.sqrt(max(variance, 0.0)) / max(excess, 1e-6))


def _average_discs(image: FloatImage, diameter_px: float) -> FloatImage:
    """Mean of the disc around every pixel."""
    kernel = disc_template(diameter_px, int(np.ceil(diameter_px / 2)))
    kernel /= kernel.sum()
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


def _highest_in_disc(image: NDArray[Any], xy: NDArray[np.float64], diameter_px: float) -> NDArray[Any]:
    """Highest value of an image in the disc around each of some points (n, 2)."""
    radius = round(diameter_px / 2)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    dy, dx = np.nonzero(disc)
    column, row = np.rint(xy).astype(np.intp).T[..., None]
    # Held back at the border, a pixel of the disc falls on another one of it.
    y = np.clip(row + dy - radius, 0, image.shape[0] - 1)
    x = np.clip(column + dx - radius, 0, image.shape[1] - 1)
    return np.asarray(image[y, x].max(axis=1, initial=image.dtype.type(0)))


def _find_candidates(plan: CorrelationPlan, template: FloatImage, diameter_px: float) -> RoundViews:
    similarity = correlate(plan, template)
    xy, height = _separated_maxima(similarity, diameter_px)
    _, opposite = _separated_maxima(-similarity, diameter_px)
    mixture = fit_mixture(height, opposite)
    sure = int((mixture.probability(height) > 0.5).sum())
    trusted = max(sure, count_beyond_noise(height, opposite))
    return RoundViews(template, similarity, xy, height, mixture, trusted)


def _separated_maxima(
    similarity: FloatImage, diameter_px: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Maxima within the micrograph, the best first; those outside it still displace their neighbours."""
    xy, height = find_peaks(similarity, 0.25 * diameter_px)
    # The map's −1 stands where it says nothing; the inverted map has its highest values there.
    said = np.abs(height) < 1.0
    xy, height = xy[said] - MARGIN_PX, height[said]
    rivals = cKDTree(xy).query_pairs(SEPARATION * diameter_px, output_type="ndarray")
    far_corner = np.array(similarity.shape[::-1]) - 2 * MARGIN_PX - 0.5
    inside = np.all((xy >= -0.5) & (xy < far_corner), axis=1)
    kept = suppress(rivals, len(xy)) & inside
    return xy[kept], height[kept]


def _sample(image: FloatImage, xy: NDArray[np.float64]) -> FloatImage:
    """Values of an image at the pixels nearest to points (n, 2)."""
    column, row = np.rint(xy).astype(np.intp).T
    values = image[np.clip(row, 0, image.shape[0] - 1), np.clip(column, 0, image.shape[1] - 1)]
    return np.asarray(values, np.float32)
