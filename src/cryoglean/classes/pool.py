"""All candidates of one micrograph, whoever found them, and what speaks for each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cryoglean.classes.alignment import Search
from cryoglean.image.background import clip_outliers, flatten
from cryoglean.image.resample import resample_to
from cryoglean.networks import Networks, calibrated, find_candidates
from cryoglean.networks.maps import STRIDE
from cryoglean.networks.runtime import cut_crops
from cryoglean.networks.weights import logit
from cryoglean.pickers.base import require_fitting
from cryoglean.pickers.pixer.contamination import find_contaminated
from cryoglean.pickers.pixer.working import working_image
from cryoglean.pickers.template.round_views import MARGIN_PX, RoundViews, find_round_views
from cryoglean.pickers.template.round_views import find_contaminated as find_dense_or_rough
from cryoglean.pickers.template.settings import TemplateConfig
from cryoglean.types import FloatImage, Micrograph, ParticleSize, Picks, ResampledImage

SEARCH = Search(side=27, radius=11, angles=24, reach=2.0)
"""How candidates are aligned to class averages, at 16 pixels a particle."""

SAME = 0.35
"""A candidate of the discs nearer than this to one of the networks, in diameters, is that one."""
MIN_HEIGHT = 1.0
"""Discs are candidates from this many noise widths above the noise's mean on."""
UNSEEN = 1e-4
"""Least value of the map of centres: what the networks do not see at all is not told apart."""
NEIGHBOURHOOD = 5
"""Similarity is the highest in a square of so many pixels: networks and discs centre a little differently."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Candidates of one micrograph.

    Parameters
    ----------
    picks : Picks
        n candidates; the score is the networks' probability.
    similarity : ndarray of float64, shape (n,)
        To the round template that the micrograph taught.
    crops : ndarray of float32, shape (n, s, s)
        With s = ``SEARCH.crop_side``, particles bright.
    contaminated : ndarray of bool, shape (n,)
        Whether each lies on contamination.
    round_particles : float
        Number of particles that the round template is sure of.
    """

    picks: Picks
    similarity: NDArray[np.float64]
    crops: FloatImage
    contaminated: NDArray[np.bool_]
    round_particles: float

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """Of a particle, by the networks."""
        return logit(self.picks.score)

    @property
    def is_left(self) -> NDArray[np.bool_]:
        """Which candidates lie in the left half of the micrograph."""
        return np.asarray(self.picks.xy[:, 0] < (self.picks.shape[1] - 1) / 2)


def find_pool(
    micrograph: Micrograph,
    size: ParticleSize,
    networks: Networks,
    *,
    contamination: bool = True,
) -> Pool:
    """Find every candidate that the networks or a round template see.

    Parameters
    ----------
    micrograph : Micrograph
        The micrograph.
    size : ParticleSize
        Of its particles.
    networks : Networks
        The networks.
    contamination : bool
        Look for contamination.

    Raises
    ------
    MicrographError
        Particles of this size do not fit into the micrograph.
    """
    require_fitting(micrograph, size.diameter)
    card = networks.weights.card
    particle_px = card.architecture.particle_px
    working = working_image(micrograph, size, particle_px)
    maps = networks.segment(working.data)
    seen = find_candidates(maps.centre, particle_px)
    template_px = TemplateConfig().working_px
    low = resample_to(micrograph, size, template_px)
    level = flatten(low.data, template_px)
    views = find_round_views(clip_outliers(level), template_px, rounds=TemplateConfig().rounds)
    own = views.xy[views.height > views.mixture.mean[0] + MIN_HEIGHT * views.mixture.width[0]]
    xy = _joined(
        working.to_micrograph(seen.xy), low.to_micrograph(own), SAME * size.diameter / micrograph.pixel_size
    )
    xy = xy[_inside(xy, micrograph.shape)]
    at_networks, at_template = working.from_micrograph(xy), low.from_micrograph(xy)
    contaminated = np.zeros(len(xy), bool)
    if contamination:
        contaminated |= find_contaminated(maps, working.data, at_networks, card=card)
        here = replace(views, xy=at_template, height=_similarity(views, at_template))
        contaminated |= find_dense_or_rough(low.data, level, here, diameter_px=template_px)
    # The classifier would add nothing to what the run itself teaches: no candidate is doubted by it.
    score = calibrated(_centres(maps.centre, at_networks), np.ones(len(xy)), card.calibration)
    picks = replace(Picks.empty(micrograph), xy=xy, score=score, diameter=np.full(len(xy), size.diameter))
    return Pool(
        picks,
        _similarity(views, at_template),
        _crops(working, at_networks),
        contaminated,
        float((views.probability > 0.5).sum()),
    )


def _joined(networks: NDArray[np.float64], discs: NDArray[np.float64], same_px: float) -> NDArray[np.float64]:
    """Candidates of the networks, and those of the discs that lie at none of them."""
    if not len(networks) or not len(discs):
        return np.concatenate([networks, discs])
    distance, _ = cKDTree(networks).query(discs)
    return np.concatenate([networks, discs[distance > same_px]])


def _inside(xy: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    far_corner = np.array(shape[::-1]) - 0.5
    return np.asarray(np.all((xy >= -0.5) & (xy < far_corner), axis=1))


def _centres(centre: FloatImage, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Highest value of the map of centres within a pixel of it around each point."""
    highest = cv2.dilate(centre, np.ones((3, 3), np.uint8))
    return np.clip(_sampled(np.asarray(highest, np.float32), (xy + 0.5) / STRIDE - 0.5), UNSEEN, 1 - UNSEEN)


def _similarity(views: RoundViews, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    highest = cv2.dilate(views.similarity, np.ones((NEIGHBOURHOOD, NEIGHBOURHOOD), np.uint8))
    return _sampled(np.asarray(highest, np.float32), xy + MARGIN_PX)


def _sampled(image: FloatImage, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values at the pixels nearest to points (n, 2), or to the border where they lie beyond it."""
    column, row = np.clip(np.rint(xy).astype(np.intp), 0, np.array(image.shape[::-1]) - 1).T
    return np.asarray(image[row, column], np.float64)


def _crops(working: ResampledImage, xy: NDArray[np.float64]) -> FloatImage:
    """Crops at half the networks' scale; the middle of a pixel there lies between two of theirs."""
    ny, nx = (length // 2 for length in working.data.shape)
    half = cv2.resize(working.data[: 2 * ny, : 2 * nx], (nx, ny), interpolation=cv2.INTER_AREA)
    return cut_crops(np.asarray(half, np.float32), (xy - 0.5) / 2, SEARCH.crop_side)
