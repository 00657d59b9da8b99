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
from cryoglean.image.resample import average_area
from cryoglean.pickers.autocryopicker.cleaning import clean_mask
from cryoglean.pickers.autocryopicker.clustering import darkest_pixels
from cryoglean.pickers.autocryopicker.hough import Circles, accumulate_votes, erase_circles, find_circles
from cryoglean.pickers.autocryopicker.preprocessing import preprocess, preprocess_steps
from cryoglean.pickers.autocryopicker.settings import PaperConfig
from cryoglean.pickers.size.by_discs import SIGN_OF, Scale, complete_scale, estimate_scale, require_fitting
from cryoglean.types import FloatImage, Mask, Micrograph, Picks, ResampledImage

SIGNS = {"dark": 1.0, "bright": -1.0}
"""What a micrograph is multiplied by to make its particles dark."""
CONTRAST_PX = 20.0
"""Particle diameter in pixels at which the contrast is found: enough to see discs, and four times as fast."""


class AutoCryoPicker:
    """Finds particles by the steps of the AutoCryoPicker paper.

    Parameters
    ----------
    config : PaperConfig, optional
        Diameter and contrast where they are known, and the constants of the steps.
    """

    def __init__(self, config: PaperConfig | None = None) -> None:
        self.config = config or PaperConfig()

    @property
    def recommended_score(self) -> float:
        """Score from which a candidate is worth keeping; the F1 hardly changes between 0.12 and 0.22."""
        return self.config.min_score

    def measure(self, micrographs: Sequence[Micrograph]) -> Scale | None:
        """Find the diameter and contrast that micrographs share; see `Picker.measure`."""
        found = estimate_scale(micrographs, sign=SIGN_OF[self.config.contrast])
        return complete_scale(found, self.config.diameter)

    def find(self, micrograph: Micrograph) -> Picks:
        """Find every candidate of a micrograph, scored and not thresholded.

        Parameters
        ----------
        micrograph : Micrograph
            The micrograph.

        Returns
        -------
        Picks
            Of kind 'top' scored by the prominence of the circle, and of kind 'side' scored by the squareness.
            Empty where no diameter is given and none can be found.

        Raises
        ------
        MicrographError
            The particle is larger than the micrograph.
        """
        scaled = self._scale(micrograph)
        if scaled is None:
            return _no_picks(micrograph)
        dark, diameter = scaled
        config, size = self.config, self.config.working_px
        mask = self._clean(darkest_pixels(preprocess(dark.data, config.preprocess), config.cluster), size)
        circles = find_circles(mask, size, config.hough)
        rectangles = NO_RECTANGLES
        if config.side_views:
            remaining = erase_circles(mask, circles, config.sides.certain_circle)
            rectangles = find_rectangles(remaining, size, config.sides)
        xy, score, kind = _merge(circles, rectangles)
        return replace(
            _no_picks(micrograph),
            xy=dark.to_micrograph(xy),
            score=score,
            diameter=np.full(len(xy), diameter),
            kind=kind,
        ).by_score()

    def stages(self, micrograph: Micrograph) -> dict[str, FloatImage]:
        """Intermediate images of `find`, by name, in order, at the working scale.

        Parameters
        ----------
        micrograph : Micrograph
            The micrograph.

        Returns
        -------
        dict of str to ndarray of float32
            'resampled', the steps of `preprocess_steps`, then 'clustered' and 'cleaned' (masks, 0 and 1) and
            'votes' (the circle accumulator). None where no diameter is given and none can be found.

        Raises
        ------
        MicrographError
            The particle is larger than the micrograph.
        """
        scaled = self._scale(micrograph)
        if scaled is None:
            return {}
        dark = scaled[0].data
        images = {"resampled": dark} | dict(preprocess_steps(dark, self.config.preprocess))
        clustered = darkest_pixels(images["morphology"], self.config.cluster)
        cleaned = self._clean(clustered, self.config.working_px)
        images["clustered"], images["cleaned"] = clustered.astype(np.float32), cleaned.astype(np.float32)
        images["votes"] = accumulate_votes(cleaned, self.config.working_px, self.config.hough)
        return images

    def _scale(self, micrograph: Micrograph) -> tuple[ResampledImage, float] | None:
        """Resample to the working scale and make particles dark; with the diameter in Å."""
        found = self._find_scale(micrograph)
        if found is None:
            return None
        diameter, sign = found
        working = _resample(micrograph, diameter, self.config.working_px)
        return replace(working, data=working.data * np.float32(sign)), diameter

    def _find_scale(self, micrograph: Micrograph) -> tuple[float, float] | None:
        """Diameter in Å, and the sign that makes particles dark; None where nothing stands out."""
        sign = SIGNS.get(self.config.contrast)
        if self.config.diameter is None:
            scale = estimate_scale([micrograph], sign=None if sign is None else -sign)
            return None if scale is None else (scale.diameter, -scale.sign)
        return self.config.diameter, sign or self._find_sign(micrograph, self.config.diameter)

    def _find_sign(self, micrograph: Micrograph, diameter: float) -> float:
        """Try both contrasts on a small copy; the wrong one shows next to no circles."""
        small = _resample(micrograph, diameter, CONTRAST_PX).data

        def evidence(sign: float) -> float:
            steps = preprocess(small * np.float32(sign), self.config.preprocess)
            mask = self._clean(darkest_pixels(steps, self.config.cluster), CONTRAST_PX)
            return float(find_circles(mask, CONTRAST_PX, self.config.hough).prominence.sum())

        return max(SIGNS.values(), key=evidence)

    def _clean(self, clustered: Mask, size: float) -> Mask:
        return clean_mask(clustered, size, self.config.cleaning)


def _resample(micrograph: Micrograph, diameter: float, size: float) -> ResampledImage:
    """Bring particles of `diameter` Å to `size` pixels."""
    require_fitting(micrograph, diameter)
    return average_area(micrograph.data, diameter / micrograph.pixel_size / size)


def _merge(
    circles: Circles, rectangles: Rectangles
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
    """Put circles and rectangles together: centre, score, kind. A circle in a rectangle is that one again."""
    free = ~rectangles.contain(circles.xy)
    xy = np.vstack([circles.xy[free], rectangles.xy])
    score = np.concatenate([circles.prominence[free], rectangles.squareness])
    kind = np.array(["top"] * int(free.sum()) + ["side"] * len(rectangles), np.str_)
    return xy, np.minimum(score, 1), kind


def _no_picks(micrograph: Micrograph) -> Picks:
    return Picks(
        np.zeros((0, 2)), name=micrograph.name, shape=micrograph.shape, pixel_size=micrograph.pixel_size
    )
