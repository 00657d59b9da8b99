"""Matching round templates: masked correlation, templates learnt from picks, and the scale that fits best."""

from cryoglean.templates.background import blur, clip_outliers, far_from_usual, flatten
from cryoglean.templates.correlation import CorrelationPlan, correlate, find_peaks, plan_correlation
from cryoglean.templates.radial import average_patches, disc_template, particle_radius, radial_profile, spin
from cryoglean.templates.scale import (
    ScaleCurve,
    count_beyond_noise,
    disc_response,
    scale_curve,
    scale_grid,
    strongest_discs,
)

__all__ = [
    "CorrelationPlan",
    "ScaleCurve",
    "average_patches",
    "blur",
    "clip_outliers",
    "correlate",
    "count_beyond_noise",
    "disc_response",
    "disc_template",
    "far_from_usual",
    "find_peaks",
    "flatten",
    "particle_radius",
    "plan_correlation",
    "radial_profile",
    "scale_curve",
    "scale_grid",
    "spin",
    "strongest_discs",
]
