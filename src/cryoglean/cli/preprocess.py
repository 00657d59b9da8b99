"""`cryoglean preprocess`: every intermediate image of the `paper` profile, to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryoglean.cli.options import INPUT, OUTPUT, PARTICLES, Micrographs, configured
from cryoglean.cli.settings import Settings
from cryoglean.errors import CryogleanError, MicrographError
from cryoglean.pickers.settings import StagesConfig

if TYPE_CHECKING:
    from cryoglean.pickers.autocryopicker.preprocessing import ImageQuality
    from cryoglean.types import FloatImage, Micrograph

PICKS_ALONE = ("name", "recommended_score", "certain_circle", "side_views")
"""Settings that decide on picks, which no stage shows."""
ANY_RANGE = ("resampled", "normalised", "votes")
"""Stages whose values are not in [0, 1]."""
MASKS = ("clustered", "cleaned")
"""Stages that are no images of the particles, so that a distance from the micrograph means nothing."""


@configured(config=Settings(StagesConfig, {PARTICLES: ["diameter", "contrast"]}, without=PICKS_ALONE))
def preprocess(
    inputs: Micrographs,
    *,
    stages: Annotated[
        Path,
        typer.Option(
            help="Folder for the images of every stage and for quality.csv.", rich_help_panel=OUTPUT
        ),
    ],
    mrc: Annotated[
        bool, typer.Option("--mrc", help="Write MRC files of the stages too.", rich_help_panel=OUTPUT)
    ] = False,
    angpix: Annotated[
        float | None,
        typer.Option(help="Pixel size, Å, where the files say none or a wrong one.", rich_help_panel=INPUT),
    ] = None,
    config: StagesConfig,
) -> None:
    """Show what AutoCryoPicker's steps make of micrographs.

    Writes STAGES/NAME/01_resampled.png … for each micrograph, one picture a step, and STAGES/quality.csv with
    the mean squared error, PSNR and SNR (dB) of each step against the micrograph. A micrograph that cannot be
    used does not stop the others.
    """
    from rich.console import Console
    from rich.progress import track

    from cryoglean.cli.exit import finish
    from cryoglean.cli.notes import note_warnings
    from cryoglean.image.defects import sound_part
    from cryoglean.io import expand_inputs, read_micrograph
    from cryoglean.io.formats.naming import distinct_names
    from cryoglean.pickers import size_alone
    from cryoglean.pickers.autocryopicker.picker import AutoCryoPicker

    files = expand_inputs(inputs)
    named = distinct_names(one.location for one in files)
    picker = AutoCryoPicker(config)
    quality: dict[str, dict[str, ImageQuality]] = {}
    failures: list[CryogleanError] = []
    told: Counter[str] = Counter()
    console = Console(stderr=True)
    for file in track(files, "Preprocessing", console=console, disable=not console.is_terminal):
        try:
            whole = read_micrograph(file, pixel_size=angpix)
            told.update(whole.warnings)
            micrograph = sound_part(whole).micrograph
            size = size_alone(picker, micrograph, diameter=config.diameter, contrast=config.known_contrast)
            if size is None:
                raise MicrographError(
                    file.path, "no particles stand out, so their diameter is unknown", "give --diameter"
                )
            images = picker.stages(micrograph, size)
        except MicrographError as error:
            failures.append(error)
            continue
        name = named[file.location]
        quality[name] = _measure(images)
        _write_images(stages / name, images, step=_working_pixel_size(micrograph, images), mrc=mrc)
    note_warnings(told)
    if quality:
        _write_quality(stages / "quality.csv", quality)
    finish(failures, total=len(files))


def _working_pixel_size(micrograph: Micrograph, images: Mapping[str, FloatImage]) -> float | None:
    if not micrograph.calibrated:
        return None
    return float(micrograph.pixel_size * micrograph.shape[1] / images["resampled"].shape[1])


def _measure(images: Mapping[str, FloatImage]) -> dict[str, ImageQuality]:
    """Compare each step with the micrograph, mapped to [0, 1] between its extremes."""
    from cryoglean.pickers.autocryopicker.grey_levels import stretch_contrast
    from cryoglean.pickers.autocryopicker.preprocessing import measure_quality

    reference = stretch_contrast(images["resampled"], saturate=0)
    return {
        name: measure_quality(reference, image)
        for name, image in images.items()
        if name not in ANY_RANGE + MASKS
    }


def _write_images(folder: Path, images: Mapping[str, FloatImage], *, step: float | None, mrc: bool) -> None:
    from cryoglean.io import write_mrc, write_png
    from cryoglean.pickers.autocryopicker.grey_levels import stretch_limits

    for number, (name, image) in enumerate(images.items(), start=1):
        target = folder / f"{number:02}_{name}.png"
        write_png(target, image, bits=8, limits=stretch_limits(image) if name in ANY_RANGE else (0.0, 1.0))
        if mrc:
            write_mrc(target.with_suffix(".mrc"), image, pixel_size=step)


def _write_quality(path: Path, quality: Mapping[str, Mapping[str, ImageQuality]]) -> None:
    from cryoglean.io.spreadsheets import write_table

    rows = (
        [micrograph, step, f"{measured.mse:.6f}", f"{measured.psnr:.3f}", f"{measured.snr:.3f}"]
        for micrograph, steps in quality.items()
        for step, measured in steps.items()
    )
    write_table(path, ["micrograph", "step", "mse", "psnr_db", "snr_db"], rows)
