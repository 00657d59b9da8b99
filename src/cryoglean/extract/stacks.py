"""Stacks of particle images and the STAR file by which RELION finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cryoglean.errors import UsageError
from cryoglean.extract.images import particle_images, suggested_box
from cryoglean.extract.settings import ExtractConfig
from cryoglean.io import write_mrc
from cryoglean.io.formats.relion import write_particles
from cryoglean.types import FloatImage, Micrograph, Picks


@dataclass(frozen=True, eq=False)
class Extracted:
    """What was cut from one micrograph.

    Parameters
    ----------
    picks : Picks
        The particles of the stack, in its order, with RELION's columns of images and optics.
    stack : Path
        The stack; not there where there are no particles.
    left_out : int
        Picks that gave no image.
    contrast : float
        See `contrast_of`; 0 where there are no images.
    """

    picks: Picks
    stack: Path
    left_out: int
    contrast: float


def extract_micrograph(
    micrograph: Micrograph, picks: Picks, *, stack: Path, config: ExtractConfig
) -> Extracted:
    """Cut the particles of one micrograph into a stack.

    Parameters
    ----------
    micrograph : Micrograph
        The image.
    picks : Picks
        Where the particles are. Those whose box lies outside the micrograph altogether are left out, and with
        `config.border` drop those whose box crosses its border.
    stack : Path
        The ``.mrcs`` file to write.
    config : ExtractConfig
        How; a box that is not given is suggested from the picks' diameter.

    Raises
    ------
    UsageError
        Neither box nor diameter is known.
    OutputError
        The stack cannot be written.
    """
    config = with_box(config, picks, micrograph.pixel_size)
    kept = picks[_usable(picks, micrograph.shape, config)]
    if not len(kept):
        return Extracted(kept, stack, len(picks), 0.0)
    images = particle_images(micrograph.data, kept.xy, config)
    size = images.shape[-1]
    pixel_size = micrograph.pixel_size * (config.box or size) / size
    stored = images.astype(np.float16) if config.float16 else images
    write_mrc(stack, stored, pixel_size=pixel_size)
    columns = {
        "rlnImageName": np.array([f"{i:06d}@{stack}" for i in range(1, len(kept) + 1)]),
        "rlnImagePixelSize": np.full(len(kept), pixel_size),
        "rlnImageSize": np.full(len(kept), size),
        "rlnImageDimensionality": np.full(len(kept), 2),
    }
    optics = {
        "rlnVoltage": config.kv,
        "rlnSphericalAberration": config.cs,
        "rlnAmplitudeContrast": config.amplitude_contrast,
    }
    # What the picks say of the microscope is better than what it most often is.
    given = {label: np.full(len(kept), value) for label, value in optics.items() if label not in picks.extra}
    described = replace(kept, pixel_size=micrograph.pixel_size, extra={**kept.extra, **given, **columns})
    return Extracted(described, stack, len(picks) - len(kept), contrast_of(images))


def contrast_of(images: FloatImage) -> float:
    """Return how much brighter images are within a third of their side than beyond, in standard deviations.

    A suggested box is three radii wide, so that the whole particle counts: hollow ones are dark in the
    middle.
    """
    size = images.shape[-1]
    y, x = np.indices((size, size)) - size // 2
    inside = x * x + y * y < (size / 3) ** 2
    average = images.mean(axis=0)
    return float((average[inside].mean() - average[~inside].mean()) / max(float(images.std()), 1e-12))


def with_box(config: ExtractConfig, picks: Picks, pixel_size: float) -> ExtractConfig:
    """Return the settings with a box in pixels: as given in pixels or Å, or else suggested from the diameter.

    Raises
    ------
    UsageError
        Neither box nor diameter is known, or the images would have to be magnified.
    """
    box = config.box
    if box is None and config.box_angstrom is not None:
        box = 2 * round(config.box_angstrom / pixel_size / 2)
    if box is None:
        known = picks.diameter_angstrom[np.isfinite(picks.diameter_angstrom)]
        diameter = config.diameter or (float(np.median(known)) if len(known) else None)
        if diameter is None:
            raise UsageError(
                f"the picks of {picks.micrograph} say no diameter: give --box, --box-angstrom or --diameter"
            )
        box = suggested_box(diameter, pixel_size)
    if config.scale is not None and config.scale > box:
        raise UsageError(
            f"--scale {config.scale} is more than the box of {box} pixels; particles are only made smaller"
        )
    return config.changed(box=box)


def write_star_of_stacks(extracted: Sequence[Extracted], path: Path) -> None:
    """Write the particles of all stacks with optics groups, as RELION 3.1 to 5 read them."""
    write_particles([part.picks for part in extracted if len(part.picks)], path)


def _usable(picks: Picks, shape: tuple[int, int], config: ExtractConfig) -> np.ndarray:
    """Whether each pick's box lies at least partly, or with `border` drop wholly, in the micrograph."""
    box = config.box or 0
    low = np.trunc(picks.xy) - box // 2
    high = low + box - 1
    size = np.array(shape[::-1])
    if config.border == "drop":
        return np.asarray(((low >= 0) & (high < size)).all(axis=1))
    return np.asarray(((high >= 0) & (low < size)).all(axis=1))
