"""What a class of picks shows: particles, junk of which kind, or something doubtful.

A few rules, each on something that can be measured; the first that holds decides. Where they draw their
lines was chosen while looking at the classes of six real runs, among them picks far below the threshold and
picks on ice alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cryoglean.types import FloatImage

Verdict = Literal["particle", "doubtful", "junk"]

MAX_POWER = 2.0
"""Mean square of crops whose micrograph has the variance 1: ice, carbon and gold reach 2 to 30."""
MAX_OUTSIDE = 0.3
"""Power of the average beside the particle, in that within it."""
MAX_BEYOND_BORDER = 0.1
"""Share of the particle's area that lies outside of the micrograph."""
MAX_OFF_CENTRE = 0.1
"""Distance of the signal's centroid from the middle, particle diameters."""
MIN_PICKS = 8
"""Of fewer picks no average can be judged."""
EMPTY_SIGNAL, MIN_SIGNAL = 0.05, 0.15
"""Signal in one particle, variances of its noise. Noise has some, as it aligns to its own average."""
MIN_MEAN_SCORE = 0.5
"""What lies off the centre is junk where the scores say so too."""


@dataclass(frozen=True)
class Measures:
    """What is measured of a class.

    Parameters
    ----------
    count : int
        Number of picks.
    mean_score : float
        Of the picks.
    half_correlation : float
        Between the averages of every other pick, within the particle; 0 for a single pick.
    signal : float
        Variance of the signal in a single particle, which follows from that and from the number of picks, in
        variances of its noise.
    contrast : float
        Mean of the average within the particle less that around it: positive for particles.
    inside, outside : float
        Mean square of the average within the particle and in a ring around it.
    off_centre : float
        Distance of the centroid of what is bright from the middle, particle diameters.
    beyond_border : float
        Share of the particle's area that lies outside of the micrograph, over all picks.
    power : float
        Mean square of the crops within the particle, where the variance of the micrograph is 1.
    """

    count: int
    mean_score: float
    half_correlation: float
    signal: float
    contrast: float
    inside: float
    outside: float
    off_centre: float
    beyond_border: float
    power: float


@dataclass(frozen=True)
class Judgement:
    """What a class shows.

    Parameters
    ----------
    verdict : {'particle', 'doubtful', 'junk'}
        In one word.
    reason : str
        Why it is not a particle, in a few words; '' where it is.
    """

    verdict: Verdict
    reason: str = ""

    @property
    def words(self) -> str:
        """Verdict and reason in one line."""
        return f"{self.verdict}: {self.reason}" if self.reason else self.verdict


def measure(images: FloatImage, score: ArrayLike, *, particle_px: float) -> Measures:
    """Measure one class.

    Parameters
    ----------
    images : ndarray of float32, shape (n, side, side)
        Its members in the frame of their average, whose middle is pixel ``side // 2``, particles bright; the
        micrograph's variance is 1, and what lies beyond its border is exactly 0.
    score : array, shape (n,)
        Of the picks.
    particle_px : float
        Particle diameter, pixels.
    """
    side = images.shape[-1]
    y, x = np.mgrid[:side, :side] - side // 2
    radius = np.hypot(y, x) / particle_px
    particle, ring = radius <= 0.55, (radius > 0.6) & (radius <= 0.72)
    average = images.mean(axis=0, dtype=np.float64)
    level = average - np.median(average[ring])
    bright = np.maximum(level, 0) * (radius <= 0.6)
    centroid = np.array([(bright * x).sum(), (bright * y).sum()]) / max(float(bright.sum()), 1e-9)
    half = _half_correlation(images[:, particle])
    within = images[:, particle].astype(np.float64)
    return Measures(
        count=len(images),
        mean_score=_rounded(np.asarray(score, np.float64).mean()),
        half_correlation=_rounded(half),
        signal=_rounded(2 * max(half, 0.0) / max(1 - half, 1e-6) / len(images)),
        contrast=_rounded(level[radius <= 0.45].mean()),
        inside=_rounded((level[radius <= 0.5] ** 2).mean()),
        outside=_rounded((level[ring] ** 2).mean()),
        off_centre=_rounded(float(np.hypot(*centroid)) / particle_px),
        beyond_border=_rounded((within == 0).mean()),
        power=_rounded((within**2).mean()),
    )


def judge(measures: Measures) -> Judgement:
    """Say what a class shows."""
    strange = measures.power > MAX_POWER and measures.outside > MAX_OUTSIDE * measures.inside
    if strange or measures.contrast <= 0:
        return Judgement("junk", "edge or contamination")
    if measures.beyond_border > MAX_BEYOND_BORDER:
        return Judgement("doubtful", "cut by the border")
    if measures.count < MIN_PICKS:
        return Judgement("doubtful", "few picks")
    if measures.signal < EMPTY_SIGNAL:
        return Judgement("junk", "empty")
    if measures.off_centre > MAX_OFF_CENTRE:
        sure = measures.mean_score < MIN_MEAN_SCORE
        return Judgement("junk" if sure else "doubtful", "off centre, or two")
    if measures.signal < MIN_SIGNAL:
        return Judgement("doubtful", "hardly any signal")
    return Judgement("particle")


def _half_correlation(rows: NDArray[np.float32]) -> float:
    """Correlate the averages of every other row; 0 where one of them is flat or there is only one."""
    if len(rows) < 2:
        return 0.0
    halves = np.stack([rows[start::2].mean(axis=0, dtype=np.float64) for start in (0, 1)])
    halves -= halves.mean(axis=1, keepdims=True)
    length = float(np.prod(np.linalg.norm(halves, axis=1)))
    return float(halves[0] @ halves[1] / length) if length > 0 else 0.0


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)
