from .crops import CROP_KINDS, Crops, read_crops, sample_crops, write_crops
from .painting import CLASSES, LabelImage, paint_labels
from .poses import ImageSize, RefinedParticles, read_refined
from .reprojection import Reprojector, load_reprojector
from .tiles import cut_tiles

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
