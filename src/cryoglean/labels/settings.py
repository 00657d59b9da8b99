"""Settings of labels from reconstructions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cryoglean.dataset.settings import PARTICLE_PX
from cryoglean.settings import Config


class CropConfig(Config):
    """Crops for the classifier of candidates, and tiles for the segmentation network."""

    particle_px: float = Field(PARTICLE_PX, ge=8, le=256)
    """Particle diameter in crops and tiles, pixels: the scale on which the network works."""
    crop: int = Field(48, ge=16, le=512)
    """Rows and columns of a crop."""
    tile: int = Field(256, ge=32, le=4096)
    """Rows and columns of a tile."""
    background: float = Field(1.0, ge=0)
    """Crops of background for each crop of a particle."""
    contamination: float = Field(1.0, ge=0)
    """Crops of contamination for each crop of a particle, where there is enough contamination."""
    distance: float = Field(1.0, ge=0)
    """Smallest distance of negatives from particles, and of background from contamination, in diameters."""


class LabelConfig(Config):
    """How masks are made from a refined map, and label images from masks."""

    threshold: Literal["otsu", "triangle", "fraction"] = "otsu"
    """What binarises a projection: Otsu's threshold of its root, the triangle method, or a fraction of its
    maximum."""
    fraction: float = Field(0.25, gt=0, lt=1)
    """Fraction of a projection's maximum above which it is particle, for `threshold` fraction."""
    smoothing: float = Field(0.025, ge=0, le=0.25)
    """Gaussian that smooths projections before they are binarised, in particle diameters."""
    ring: float = Field(0.06, ge=0, le=1)
    """Width of the ring along outlines that is marked to be ignored, in particle diameters; 0 for none."""
    diameter: float | None = Field(None, gt=0)
    """Particle diameter, Å; that of the map where it is not given."""
    angpix: float | None = Field(None, gt=0)
    """Pixel size of the micrographs, Å; the particle file's, or else their headers', if not given."""
    map_angpix: float | None = Field(None, gt=0)
    """Voxel size of the map, Å; taken from its header where it is not given."""
    cutting: CropConfig = CropConfig()
    """Crops and tiles."""
