from .images import (
    crop_fourier,
    cut_boxes,
    normalise_background,
    particle_images,
    suggested_box,
)
from .stacks import Extracted, extract_micrograph, write_star_of_stacks

__all__ = [
    "Extracted",
    "crop_fourier",
    "cut_boxes",
    "extract_micrograph",
    "normalise_background",
    "particle_images",
    "suggested_box",
    "write_star_of_stacks",
]
