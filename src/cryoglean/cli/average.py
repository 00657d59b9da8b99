"""`cryoglean average`: movies become micrographs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryoglean.cli.options import INPUT, OUTPUT, RUNNING, configured
from cryoglean.cli.settings import Settings
from cryoglean.errors import CryogleanError, MicrographError, UsageError
from cryoglean.movies.settings import AverageConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from cryoglean.io import Movie
    from cryoglean.types import FloatImage, MicrographFile


@configured(
    config=Settings(
        AverageConfig,
        {
            INPUT: ["angpix", "first_frame", "last_frame"],
            "Gain reference": ["gain", "gain_rotation", "gain_flip"],
            "EER": ["eer_grouping", "eer_upsampling"],
            "Alignment": ["bfactor"],
        },
    )
)
def average(
    movies: Annotated[
        list[str],
        typer.Argument(
            metavar="MOVIES",
            help="Movies (MRC, TIFF, EER): files, folders, globs in quotes, @lists or STAR files.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ],
    *,
    out: Annotated[
        Path, typer.Option(help="Folder for the micrographs and for shifts.csv.", rich_help_panel=OUTPUT)
    ],
    png: Annotated[
        bool,
        typer.Option("--png", help="Write a 16-bit PNG of each micrograph too.", rich_help_panel=OUTPUT),
    ] = False,
    float16: Annotated[
        bool, typer.Option("--float16", help="Write MRC files of half the size.", rich_help_panel=OUTPUT)
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processor cores to use.", rich_help_panel=RUNNING)] = 2,
    config: AverageConfig,
) -> None:
    """Align the frames of movies and average each movie into one micrograph.

    Writes OUT/NAME.mrc for each movie, and OUT/shifts.csv: how far every frame lies
    from the first, in pixels. A movie that cannot be read does not stop the others.
    """
    from rich.console import Console
    from rich.progress import track
    from scipy import fft

    from cryoglean.cli.exit import finish
    from cryoglean.io import expand_inputs, micrograph_name, open_movie, write_mrc, write_png

    files = expand_inputs(movies)
    targets = _targets(files, out)
    shifts: dict[str, NDArray[np.float64]] = {}
    failures: list[CryogleanError] = []
    console = Console(stderr=True)
    with fft.set_workers(workers):
        for file in track(files, "Averaging", console=console, disable=not console.is_terminal):
            try:
                movie = open_movie(file, config)
                _warn(file.path, movie.warnings)
                moved, image = _average(movie, config)
                pixels = _halved(file.path, image) if float16 else image
            except MicrographError as error:
                failures.append(error)
                continue
            target = targets[file.location]
            write_mrc(target, pixels, pixel_size=movie.pixel_size)
            if png:
                write_png(target.with_name(f"{micrograph_name(target)}.png"), image)
            shifts[micrograph_name(target)] = moved
    if shifts:
        _write_shifts(out / "shifts.csv", shifts, first_frame=config.first_frame)
    finish(failures, total=len(files))


def _warn(path: Path, warnings: Sequence[str]) -> None:
    for warning in warnings:
        typer.secho(f"warning: {path}: {warning}", fg="yellow", err=True)


def _average(movie: Movie, config: AverageConfig) -> tuple[NDArray[np.float64], FloatImage]:
    """Align and average one movie: shifts and micrograph."""
    from cryoglean.io import usable
    from cryoglean.movies.alignment import align_frames, average_frames

    shifts = align_frames(movie, config, pixel_size=movie.pixel_size or 1.0)
    image, repairs = usable(movie.header.path, average_frames(movie, shifts))
    _warn(movie.header.path, repairs)
    return shifts, image


def _halved(path: Path, image: FloatImage) -> NDArray[np.float16]:
    """Convert to 16 bits, where the values fit into them."""
    import numpy as np

    greatest = float(np.abs(image).max())
    if greatest > float(np.finfo(np.float16).max):
        raise MicrographError(
            path, f"values up to {greatest:g} do not fit into 16 bits", "leave out --float16"
        )
    return image.astype(np.float16)


def _targets(movies: Sequence[MicrographFile], out: Path) -> dict[str, Path]:
    """Choose where each movie's micrograph goes, by its location, and refuse to overwrite a movie."""
    from cryoglean.io.formats.naming import distinct_names

    named = distinct_names(one.location for one in movies)
    originals = {os.path.realpath(one.path) for one in movies}
    targets = {location: out / f"{name}.mrc" for location, name in named.items()}
    for target in targets.values():
        if os.path.realpath(target) in originals:
            raise UsageError(f"--out {out}: {target.name} there is one of the movies; name another folder")
    return targets


def _write_shifts(path: Path, shifts: Mapping[str, NDArray[np.float64]], *, first_frame: int) -> None:
    """Write one row for each frame: where it lies from the first, in pixels."""
    from cryoglean.io.spreadsheets import write_table

    rows = (
        [name, number, f"{x:.3f}", f"{y:.3f}"]
        for name, positions in shifts.items()
        for number, (x, y) in enumerate(positions, first_frame)
    )
    write_table(path, ["micrograph", "frame", "x_px", "y_px"], rows)
