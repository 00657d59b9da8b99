"""`cryoglean extract`: stacks of particle images."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryoglean.cli.options import INPUT, OUTPUT, configured
from cryoglean.cli.settings import Settings
from cryoglean.errors import CoordinateError, CryogleanError, MicrographError, UsageError
from cryoglean.extract.settings import ExtractConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryoglean.extract import Extracted
    from cryoglean.types import MicrographFile, Picks


@configured(
    config=Settings(
        ExtractConfig,
        {
            INPUT: ["angpix"],
            "Boxes": ["box", "scale", "diameter", "border"],
            "Images": ["normalise", "invert", "float16"],
            "Optics group": ["kv", "cs", "amplitude_contrast"],
        },
    )
)
def extract(
    picks: Annotated[
        Path,
        typer.Argument(
            metavar="PICKS",
            help="A file of picks of any format, or a folder of them.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ],
    *,
    micrographs: Annotated[
        list[str],
        typer.Option(
            help="Files, folders, globs in quotes, @lists or STAR files; may be repeated.",
            rich_help_panel=INPUT,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for stacks and particles.star.", rich_help_panel=OUTPUT)],
    config: ExtractConfig,
) -> None:
    """Cut particles out of their micrographs, as RELION's extraction does.

    Writes OUT/NAME.mrcs for each micrograph and OUT/particles.star with optics groups, on which RELION's 2D
    classification runs. Start RELION from the folder from which you run this: images are listed relative to
    it. Without --box the box is half again the particle's diameter.
    """
    from rich.console import Console
    from rich.progress import track

    from cryoglean.cli.exit import finish
    from cryoglean.cli.notes import note_pairs_by_name, note_warnings
    from cryoglean.engine.picks import read_picks_or_run
    from cryoglean.extract import extract_micrograph, write_star_of_stacks
    from cryoglean.io import expand_inputs, read_micrograph
    from cryoglean.io.formats.naming import distinct_names, pair_micrographs
    from cryoglean.io.formats.rows import with_optics
    from cryoglean.io.inputs import listed_optics

    _require_even(config)
    sets = read_picks_or_run(picks, fractions=True)
    files = {one.location: one for one in expand_inputs(micrographs)}
    optics = listed_optics(micrographs)
    stacks = distinct_names(files)
    pairing = pair_micrographs([part.micrograph for part in sets], files)
    note_pairs_by_name(pairing)
    done: list[Extracted] = []
    failures: list[CryogleanError] = []
    paired: list[tuple[Picks, MicrographFile]] = []
    for part in sets:
        try:
            if part.micrograph not in pairing.pairs:
                raise CoordinateError(picks, pairing.why_not(part.micrograph))
            paired.append(_at_hand(part, files[pairing.pairs[part.micrograph]], config.angpix))
        except (CoordinateError, MicrographError) as error:
            failures.append(error)
    config = _with_diameter(config, [part for part, _ in paired])
    told: Counter[str] = Counter()
    console = Console(stderr=True)
    for part, file in track(paired, "Extracting", console=console, disable=not console.is_terminal):
        try:
            micrograph = read_micrograph(file, pixel_size=config.angpix)
            if not micrograph.calibrated:
                raise MicrographError(file.path, "its pixel size is not known", "give it with --angpix")
            told.update(micrograph.warnings)
            part = with_optics(replace(part, path=file.listed), optics.get(file.listed, {}))
            stack = out / f"{stacks[file.location]}.mrcs"
            done.append(extract_micrograph(micrograph, part, stack=stack, config=config))
        except (CoordinateError, MicrographError) as error:
            failures.append(error)
    if done:
        write_star_of_stacks(done, out / "particles.star")
        note_warnings(told)
        _print_counts(done, out)
    finish(failures, total=len(sets))


def _at_hand(part: Picks, file: MicrographFile, angpix: float | None) -> tuple[Picks, MicrographFile]:
    """Return picks in pixels of the micrograph at hand, and what is known of its pixel size with them."""
    from cryoglean.io import read_header
    from cryoglean.io.formats.frames import onto
    from cryoglean.io.formats.pixel_size import completed_by
    from cryoglean.io.headers import believed_pixel_size

    header = read_header(file.path)
    part = onto(part, header.shape)
    file = completed_by(file, part)
    return part.with_pixel_size(believed_pixel_size(header, file, given=angpix).angstrom), file


def _with_diameter(config: ExtractConfig, sets: Sequence[Picks]) -> ExtractConfig:
    """Give all micrographs the box of one diameter, the median of all picks where none is given."""
    import numpy as np

    diameters = np.concatenate([part.diameter_angstrom for part in sets] or [np.zeros(0)])
    known = diameters[np.isfinite(diameters)]
    if config.diameter is not None or not len(known):
        return config
    return config.changed(diameter=float(np.median(known)))


def _require_even(config: ExtractConfig) -> None:
    for name in ("box", "scale"):
        value = getattr(config, name)
        if value is not None and value % 2:
            raise UsageError(f"--{name} {value}: RELION wants an even number of pixels")


def _print_counts(done: Sequence[Extracted], out: Path) -> None:
    count, left_out = sum(len(part.picks) for part in done), sum(part.left_out for part in done)
    typer.echo(f"{count} particles of {len(done)} micrographs: {out / 'particles.star'}")
    if left_out:
        typer.secho(f"warning: {left_out} picks at or beyond the border were left out", fg="yellow", err=True)
    weighed = sum(part.contrast * len(part.picks) for part in done)
    if weighed < 0:
        typer.secho(
            "warning: the particles are dark in the stacks, and RELION wants them bright; "
            "change --invert/--no-invert",
            fg="yellow",
            err=True,
        )
