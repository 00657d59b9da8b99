"""AutoCryoPicker's pre-processing, one small pure function a step, and resampling."""

from cryoglean.preprocess.chain import ImageQuality, measure_quality, preprocess, preprocess_steps
from cryoglean.preprocess.clahe import equalise_adaptively
from cryoglean.preprocess.intensity import (
    equalise_histogram,
    standardise,
    stretch_contrast,
    stretch_limits,
    stretch_mid_range,
)
from cryoglean.preprocess.morphology import close_grey, open_grey
from cryoglean.preprocess.motion import align_frames, average_frames
from cryoglean.preprocess.resample import average_area
from cryoglean.preprocess.restoration import filter_guided, filter_wiener, filter_wiener_local

__all__ = [
    "ImageQuality",
    "align_frames",
    "average_area",
    "average_frames",
    "close_grey",
    "equalise_adaptively",
    "equalise_histogram",
    "filter_guided",
    "filter_wiener",
    "filter_wiener_local",
    "measure_quality",
    "open_grey",
    "preprocess",
    "preprocess_steps",
    "standardise",
    "stretch_contrast",
    "stretch_limits",
    "stretch_mid_range",
]
