"""Settings of 2D class averages."""

from __future__ import annotations

from pydantic import Field

from cryoglean.settings import Config


class ClassesConfig(Config):
    """How the picks of a run are sorted into classes."""

    classes: int | None = Field(None, ge=1, le=200)
    """Number of classes; about one for each hundred picks, 8 to 50, where it is not given."""
    max_particles: int = Field(5000, ge=1, le=20_000)
    """Sort so many picks at most, spread evenly over the run."""
