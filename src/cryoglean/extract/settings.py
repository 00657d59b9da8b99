"""Settings of particle extraction."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cryoglean.settings import Config


class ExtractConfig(Config):
    """How particle images are cut from micrographs; the steps are RELION's."""

    box: int | None = Field(None, ge=8, le=8192)
    """Box in pixels of the micrograph, even; half again the diameter where it is not given."""
    box_angstrom: float | None = Field(None, gt=0)
    """Box in Å, rounded to an even number of pixels."""
    diameter: float | None = Field(None, gt=0)
    """Particle diameter, Å, for the box; that of the picks where it is not given."""
    scale: int | None = Field(None, ge=8, le=8192)
    """Rescale the images to this many pixels, even; as cut where it is not given."""
    normalise: bool = True
    """Give the background mean 0 and standard deviation 1."""
    ramp: bool = True
    """Take a plane fitted to the background away in doing so."""
    background_radius: float | None = Field(None, gt=0)
    """Radius beyond which an image is background, pixels after rescaling; 3/8 of the image if not given."""
    invert: bool = True
    """Invert the contrast: particles are dark in micrographs, and RELION wants them bright."""
    border: Literal["fill", "drop"] = "fill"
    """Boxes that cross the border are filled by repeating its pixels, as RELION does, or dropped."""
    float16: bool = False
    """Write half the bytes (MRC mode 12), which RELION 4 and later read."""
    angpix: float | None = Field(None, gt=0)
    """Pixel size of the micrographs, Å; that of the picks or else of the headers, if not given."""
    kv: float = Field(300.0, gt=0)
    """Voltage for the optics group, kV, where the picks do not say it."""
    cs: float = Field(2.7, ge=0)
    """Spherical aberration for the optics group, mm, where the picks do not say it."""
    amplitude_contrast: float = Field(0.1, ge=0, lt=1)
    """Amplitude contrast for the optics group where the picks do not say it."""
