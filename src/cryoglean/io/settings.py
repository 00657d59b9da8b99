"""Settings of reading movies."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from cryoglean.settings import Config


class MovieConfig(Config):
    """How movies are read; names and conventions are RELION's."""

    angpix: float | None = Field(None, gt=0)
    """Pixel size of the detector, Å; taken from the file where it is not given."""
    gain: Path | None = None
    """Gain reference, MRC or TIFF, by which frames are multiplied (for EER: by its inverse if it is MRC)."""
    gain_rotation: int = Field(0, ge=0, le=3)
    """Rotate the gain reference by this number of quarter turns, clockwise with the first row on top."""
    gain_flip: int = Field(0, ge=0, le=2)
    """Then flip the gain reference: 1 upside down, 2 left to right."""
    eer_grouping: int = Field(32, ge=1)
    """Raw frames of an EER movie that are summed into one; aim at 0.5 to 1.25 electrons per Å²."""
    eer_upsampling: int = Field(1, ge=1, le=3)
    """Grid on which an EER movie is rendered: 1 the detector's own, 2 and 3 two and four times finer."""
    flip_y: Literal["auto", "yes", "no"] = "auto"
    """Turn frames upside down; auto does it to TIFF movies, as RELION, IMOD and MotionCor2 do."""
    first_frame: int = Field(1, ge=1)
    """First frame to use, counted from 1."""
    last_frame: int | None = Field(None, ge=1)
    """Last frame to use, counted from 1; all where it is not given."""
