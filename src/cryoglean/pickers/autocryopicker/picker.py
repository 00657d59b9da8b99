"""The `paper` profile: AutoCryoPicker end to end, with every length relative to the particle.

Al-Azzawi et al. (2019), BMC Bioinformatics 20:326: pre-processing, clustering of the grey values, cleaning
of the darkest class, circles for top views, rectangles for side views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cryoglean.image.rectangles import NO_RECTANGLES, Rectangles, find_rectangles
from cryoglean.image.resample import resample_to
from cryoglean.pickers.autocryopicker.cleaning import clean_mask
from cryoglean.pickers.autocryopicker.clustering import darkest_pixels
from cryoglean.pickers.autocryopicker.hough import Circles, accumulate_votes, erase_circles, find_circles
from cryoglean.pickers.autocryopicker.preprocessing import preprocess, preprocess_steps
from cryoglean.pickers.autocryopicker.settings import PaperConfig
from cryoglean.pickers.base import require_fitting
from cryoglean.pickers.size.measure import SizeVerdict, measure_size
from cryoglean.types import (
    Contrast,
    FloatImage,
    GivenDiameter,
    Micrograph,
    ParticleSize,
    Picks,
    ResampledImage,
)

CONTRASTS: tuple[Contrast, ...] = ("dark", "bright")
CONTRAST_PX = 20.0
"""Particle diameter in pixels at which the contrast is found: enough to see discs, and four times as fast."""


class AutoCryoPicker:
    """Finds particles by the steps of the AutoCryoPicker paper.

    Parameters
    ----------
    config : PaperConfig, optional
        The constants of the steps.
    """

    def __init__(self, config: PaperConfig | None = None) -> None:
        self.config = config or PaperConfig()

    @property
    def recommended_score(self) -> float:
        """Score from which a candidate is worth keeping."""
        return self.config.recommended_score

    def measure_size(
        self,
        micrographs: Sequence[Micrograph],
        *,
        diameter: GivenDiameter | None = None,
        contrast: Contrast | None = None,
    ) -> SizeVerdict:
        """Measure the size of particles that micrographs share; see `Picker.measure_size`.

        Where no discs stand out of particles whose diameter is given, the contrast that shows more circles is
        taken.
        """
        verdict = measure_size(micrographs, diameter=diameter, contrast=contrast)
        if verdict.size is not None or not isinstance(diameter, float | int):
            return verdict
        own = max(
            (ParticleSize(diameter, each) for each in CONTRASTS), key=lambda s: self._circles(micrographs, s)
        )
        return SizeVerdict(own, "this contrast shows more circles")

    def find(self, micrograph: Micrograph, size: ParticleSize) -> Picks:
        """Find every candidate of a micrograph; see `Picker.find`.

        Those of kind 'top' are scored by the prominence of the circle, those of kind 'side' by squareness.
        """
        require_fitting(micrograph, size.diameter)
        config, diameter_px = self.config, self.config.working_px
        dark = _darkened(micrograph, size, diameter_px)
        clustered = darkest_pixels(preprocess(dark.data, config.preprocess), config.cluster)
        mask = clean_mask(clustered, diameter_px, config.cleaning)
        circles = find_circles(mask, diameter_px, config.hough)
        rectangles = NO_RECTANGLES
        if config.side_views:
            remaining = erase_circles(mask, circles, config.certain_circle)
            rectangles = find_rectangles(remaining, diameter_px, config.sides)
        xy, score, kind = _merge(circles, rectangles)
        return replace(
            Picks.empty(micrograph),
            xy=dark.to_micrograph(xy),
            score=score,
            diameter=np.full(len(xy), size.diameter),
            kind=kind,
        ).by_score()

    def stages(self, micrograph: Micrograph, size: ParticleSize) -> dict[str, FloatImage]:
        """Intermediate images of `find`; see `Picker.stages`.

        'resampled', the steps of `preprocess_steps`, then 'clustered' and 'cleaned' (masks, 0 and 1) and
        'votes' (the circle accumulator).
        """
        require_fitting(micrograph, size.diameter)
        config, diameter_px = self.config, self.config.working_px
        dark = _darkened(micrograph, size, diameter_px).data
        images = {"resampled": dark} | dict(preprocess_steps(dark, config.preprocess))
        clustered = darkest_pixels(images["morphology"], config.cluster)
        cleaned = clean_mask(clustered, diameter_px, config.cleaning)
        images["clustered"], images["cleaned"] = clustered.astype(np.float32), cleaned.astype(np.float32)
        images["votes"] = accumulate_votes(cleaned, diameter_px, config.hough)
        return images

    def _circles(self, micrographs: Sequence[Micrograph], size: ParticleSize) -> float:
        """Sum the prominence of circles in small copies; the wrong contrast shows next to none."""
        total = 0.0
        for micrograph in micrographs:
            dark = _darkened(micrograph, size, CONTRAST_PX).data
            clustered = darkest_pixels(preprocess(dark, self.config.preprocess), self.config.cluster)
            mask = clean_mask(clustered, CONTRAST_PX, self.config.cleaning)
            total += float(find_circles(mask, CONTRAST_PX, self.config.hough).prominence.sum())
        return total


def _darkened(micrograph: Micrograph, size: ParticleSize, working_px: float) -> ResampledImage:
    """Bring the particle to a working diameter, and make it dark, as in the paper."""
    bright = resample_to(micrograph, size, working_px)
    return replace(bright, data=-bright.data)


def _merge(
    circles: Circles, rectangles: Rectangles
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
    """Put circles and rectangles together: centre, score, kind. A circle in a rectangle is that one again."""
    free = ~rectangles.contain(circles.xy)
    xy = np.vstack([circles.xy[free], rectangles.xy])
    score = np.concatenate([circles.prominence[free], rectangles.squareness])
    kind = np.array(["top"] * int(free.sum()) + ["side"] * len(rectangles), np.str_)
    return xy, np.minimum(score, 1), kind
