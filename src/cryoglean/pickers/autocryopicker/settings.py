"""Settings of AutoCryoPicker, its steps one by one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from cryoglean.image.settings import RectangleConfig
from cryoglean.pickers.description import Description
from cryoglean.settings import Config


class PreprocessConfig(Config):
    """Constants of AutoCryoPicker's pre-processing, for particles that measure about 38 pixels."""

    stretch: Literal["limits", "mid-range"] = "limits"
    """Contrast stretch: between found limits as in the authors' programs, or mid-range (equation 2)."""
    saturate: float = Field(0.01, ge=0, lt=0.5)
    """Fraction of the pixels that saturates at each end of a contrast stretch."""
    levels: int = Field(64, ge=2, le=256)
    """Output levels of the histogram equalisation."""
    restoration: Literal["local", "fourier"] = "local"
    """Wiener filter: local and adaptive as in the authors' programs, or in Fourier space (equation 3)."""
    wiener_window: int = Field(5, ge=3)
    """Window of the local Wiener filter, pixels."""
    tiles: int = Field(8, ge=1, le=12)
    """Tiles along each axis of the adaptive histogram equalisation."""
    rayleigh_alpha: float = Field(0.4, gt=0)
    """Rayleigh parameter of the adaptive histogram equalisation."""
    clips: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.02, 0.99)
    """Contrast limit of each pass of the adaptive equalisation; (0.02,) is the paper's single pass."""
    guided_window: int = Field(5, ge=3)
    """Window of the guided filter, pixels."""
    guided_epsilon: float = Field(0.01, gt=0)
    """Variance below which the guided filter takes a window for flat; the image lies in [0, 1]."""
    guided_passes: int = Field(4, ge=0)
    """Passes of the guided filter; 1 in the paper's text."""
    morphology: Literal["open", "close"] = "open"
    """Opening by a 3×3 cross as in the authors' programs, or closing by a 5×5 square (equation 7)."""


class ClusterConfig(Config):
    """How the grey values of a pre-processed micrograph are clustered."""

    method: Literal["intensity", "k-means", "fuzzy"] = "intensity"
    """Intensity-based clustering, k-means, or fuzzy c-means."""
    classes: int = Field(4, ge=2, le=16)
    """Number of clusters; the darkest is taken for particles."""
    levels: int = Field(256, ge=16, le=4096)
    """Grey levels of the histogram that is clustered."""


class CleaningConfig(Config):
    """How masks of particles are cleaned."""

    min_area: float = Field(0.22, ge=0)
    """Smallest component kept, as a share of the area of a disc of the particle's diameter."""
    max_irregularity: float | None = Field(None, gt=1)
    """Keep components with perimeter²/(4π area) below this; off, as touching particles are one."""


class HoughConfig(Config):
    """How circles are found in a cleaned mask."""

    smallest_radius: float = Field(0.75, gt=0)
    """Smallest radius, in particle radii."""
    largest_radius: float = Field(1.25, gt=0)
    """Largest radius, in particle radii."""
    blur: float = Field(0.065, gt=0)
    """Blur of the votes, in particle diameters."""
    min_prominence: float = Field(0.05, gt=0)
    """Smallest prominence of a candidate; a perfect disc has 0.5 to 0.9."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.smallest_radius > self.largest_radius:
            raise ValueError(
                f"smallest_radius {self.smallest_radius} exceeds largest_radius {self.largest_radius}"
            )
        return self


class PaperConfig(Config):
    """The `paper` method: AutoCryoPicker's steps, with lengths relative to the particle."""

    description: ClassVar = Description(score="prominence")

    name: Literal["paper"] = "paper"
    """The method."""
    working_px: float = Field(38.0, ge=12, le=96)
    """Micrographs are resampled so that the particle measures this many pixels."""
    side_views: bool = True
    """Look for rectangular side views beside the round top views."""
    recommended_score: float = Field(0.15, ge=0, le=1)
    """Score from which a candidate counts as a particle unless `select` says otherwise; F1 hardly changes
    between 0.12 and 0.22."""
    certain_circle: float = Field(0.3, gt=0)
    """Prominence from which a circle is a top view and is taken out before side views are looked for."""
    preprocess: PreprocessConfig = PreprocessConfig()
    """Pre-processing."""
    cluster: ClusterConfig = ClusterConfig()
    """Clustering."""
    cleaning: CleaningConfig = CleaningConfig()
    """Cleaning of the mask."""
    hough: HoughConfig = HoughConfig()
    """Top views."""
    sides: RectangleConfig = RectangleConfig()
    """Side views."""

    contamination: ClassVar[bool] = False
    """The paper's method does not look for contamination."""

    @property
    def title(self) -> str:
        """The method in words."""
        return self.name
