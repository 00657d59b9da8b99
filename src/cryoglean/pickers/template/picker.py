"""The default picker: a template learnt from each micrograph's own best picks, and a probability for each.

Of AutoCryoPicker it keeps the idea, that a micrograph of round particles holds all that is needed to pick
it, and the side views (Al-Azzawi et al. 2019, BMC Bioinformatics 20:326). In place of equalisation,
clustering and the Hough transform it correlates: first with a plain disc, then with the radial average of
what the disc found. Correlation needs no fixed cut through the grey values, so a sparse micrograph gives few
picks and an empty one none, and it holds up under noise in which clustering collapses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cryoglean.image.background import clip_outliers, flatten
from cryoglean.image.rectangles import Rectangles
from cryoglean.image.resample import resample_to
from cryoglean.pickers.base import require_fitting
from cryoglean.pickers.size.measure import SizeVerdict, measure_size
from cryoglean.pickers.template.round_views import MARGIN_PX, RoundViews, find_contaminated, find_round_views
from cryoglean.pickers.template.settings import TemplateConfig
from cryoglean.pickers.template.side_views import find_side_views
from cryoglean.types import (
    Contrast,
    FloatImage,
    GivenDiameter,
    Micrograph,
    ParticleSize,
    Picks,
    ResampledImage,
)

WEAKEST_TOP_VIEW = 0.45
"""Beside side views, a top view resembles the template at least so well, relative to the better quarter."""


class TemplatePicker:
    """Finds particles without having seen any.

    Parameters
    ----------
    config : TemplateConfig, optional
        The method's few constants.
    """

    recommended_score = 0.5
    """A pick is worth keeping where it is more likely a particle than not."""

    def __init__(self, config: TemplateConfig | None = None) -> None:
        self.config = config or TemplateConfig()

    def measure_size(
        self,
        micrographs: Sequence[Micrograph],
        *,
        diameter: GivenDiameter | None = None,
        contrast: Contrast | None = None,
    ) -> SizeVerdict:
        """Measure by discs the size of particles that micrographs share; see `Picker.measure_size`."""
        return measure_size(micrographs, diameter=diameter, contrast=contrast)

    def find(self, micrograph: Micrograph, size: ParticleSize) -> Picks:
        """Find every candidate of a micrograph, scored by its probability; see `Picker.find`."""
        require_fitting(micrograph, size.diameter)
        working = resample_to(micrograph, size, self.config.working_px)
        level = flatten(working.data, self.config.working_px)
        views = find_round_views(clip_outliers(level), self.config.working_px, rounds=self.config.rounds)
        score = _spread_scores(views)
        if self.config.contamination:
            contaminated = find_contaminated(working.data, level, views, diameter_px=self.config.working_px)
            score = np.where(contaminated, 0.0, score)
        xy = working.to_micrograph(views.xy)
        picks = replace(
            Picks.empty(micrograph),
            xy=xy,
            score=score,
            diameter=np.full(len(xy), size.diameter),
        )
        if not self.config.side_views:
            return picks.by_score()
        # A wider background than for correlation: side views fill more of their surroundings.
        sides = find_side_views(flatten(working.data, 2 * self.config.working_px), self.config.working_px)
        return _join_views(picks, views, sides, working=working).by_score()

    def stages(self, micrograph: Micrograph, size: ParticleSize) -> dict[str, FloatImage]:
        """Give 'resampled', 'flattened', 'template' and 'similarity'; see `Picker.stages`."""
        require_fitting(micrograph, size.diameter)
        working = resample_to(micrograph, size, self.config.working_px)
        level = clip_outliers(flatten(working.data, self.config.working_px))
        views = find_round_views(level, self.config.working_px, rounds=self.config.rounds)
        inside = views.similarity[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
        return {
            "resampled": working.data,
            "flattened": level,
            "template": views.template,
            "similarity": inside,
        }


def _join_views(picks: Picks, views: RoundViews, sides: Rectangles, *, working: ResampledImage) -> Picks:
    """Add side views to round ones, and leave out round ones that the side views explain.

    Where a protein shows sides, its round candidates are either top views, which resemble the template that
    top views made, or pieces of side views, which do so less than half as well.
    """
    if not len(sides):
        return picks
    in_side = sides.contain(views.xy)
    sure = (views.probability > 0.5) & ~in_side
    usual = float(np.quantile(views.height[sure], 0.75)) if sure.any() else 1.0
    explained = in_side | (views.height < WEAKEST_TOP_VIEW * usual)
    score = np.where(explained, 0.0, picks.score)
    number = len(sides)
    return replace(
        picks,
        xy=np.concatenate([picks.xy, working.to_micrograph(sides.xy)]),
        score=np.concatenate([score, 0.5 + 0.5 * np.clip(sides.squareness, 0, 1)]),
        diameter=np.concatenate([picks.diameter, np.full(number, picks.diameter[0])]),
        kind=np.concatenate([np.full(len(picks), "top"), np.full(number, "side")]),
    )


def _spread_scores(views: RoundViews) -> NDArray[np.float64]:
    """Probabilities, with a thousandth of the range kept to order candidates that are all but certain."""
    return np.clip(0.999 * views.probability + 0.001 * views.height, 0.0, 1.0)
