"""Training labels from finished reconstructions: masks by re-projection, and crops for the classifier."""

from cryoglean.labels.crops import CROP_KINDS, Crops, read_crops, sample_crops, write_crops
from cryoglean.labels.painting import CLASSES, LabelImage, paint_labels
from cryoglean.labels.poses import ImageSize, RefinedParticles, read_refined
from cryoglean.labels.reprojection import Reprojector, load_reprojector
from cryoglean.labels.tiles import cut_tiles

__all__ = [
    "CLASSES",
    "CROP_KINDS",
    "Crops",
    "ImageSize",
    "LabelImage",
    "RefinedParticles",
    "Reprojector",
    "cut_tiles",
    "load_reprojector",
    "paint_labels",
    "read_crops",
    "read_refined",
    "sample_crops",
    "write_crops",
]
