"""`cryoglean labels`: training labels from a finished reconstruction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cryoglean.cli.options import INPUT, OUTPUT, configured
from cryoglean.cli.settings import Settings
from cryoglean.errors import CryogleanError
from cryoglean.labels.settings import LabelConfig

if TYPE_CHECKING:
    from cryoglean.labels import LabelImage
    from cryoglean.labels.fields import Labelled
    from cryoglean.labels.reprojection import Reprojector


@configured(config=Settings(LabelConfig, {INPUT: ["angpix", "map_angpix", "diameter"]}))
def labels(
    particles: Annotated[
        Path,
        typer.Argument(
            metavar="PARTICLES",
            help="Particles of a finished refinement: RELION's run_data.star, or a cryoSPARC .cs file.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ],
    *,
    map_: Annotated[
        Path,
        typer.Option("--map", help="The map that was refined from them (MRC).", rich_help_panel=INPUT),
    ],
    micrographs: Annotated[
        list[str],
        typer.Option(
            help="Files, folders, globs in quotes, @lists or STAR files; may be repeated.",
            rich_help_panel=INPUT,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for label images and tables.", rich_help_panel=OUTPUT)],
    contamination: Annotated[
        list[str] | None,
        typer.Option(
            help="Masks of contamination, called after the micrographs; given like those.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    format_: Annotated[
        Literal["npz", "mrc", "png"],
        typer.Option("--format", help="Format of the label images.", rich_help_panel=OUTPUT),
    ] = "npz",
    crops: Annotated[
        bool,
        typer.Option("--crops", help="Write crops.npz for the classifier too.", rich_help_panel=OUTPUT),
    ] = False,
    tiles: Annotated[
        bool,
        typer.Option(
            "--tiles",
            help="Write shards of training tiles too, as `simulate` does.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    family: Annotated[
        str | None,
        typer.Option(
            help="Name of the particle, by which tiles are split; by default that of the map.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(help="Seed of the places of crops without a particle.", rich_help_panel=OUTPUT),
    ] = 1,
    config: LabelConfig,
) -> None:
    """Turn a finished reconstruction into labels for the training of networks.

    The map is projected as each particle is turned, the projection becomes a mask, and the mask goes to the
    particle's refined place: OUT/labels/NAME.npz holds classes (0 background, 1 particle, 2 contamination, 3
    to be ignored) and the number of the particle under each pixel. OUT/labels.csv and OUT/particles.csv tell
    what was labelled. Particles that a refinement has left out are background here: see docs/labels.md.
    """
    from rich.console import Console
    from rich.progress import track

    from cryoglean.cli.exit import finish
    from cryoglean.io import expand_inputs, read_micrograph
    from cryoglean.labels import load_reprojector, read_refined
    from cryoglean.labels.cutting import CropCollection, TileFolder
    from cryoglean.labels.fields import find_micrographs
    from cryoglean.labels.files import LabelRows, write_labels, write_tables

    refined = read_refined(particles)
    found, failures = find_micrographs(
        refined,
        expand_inputs(micrographs),
        expand_inputs(contamination) if contamination else [],
        listed_in=particles,
    )
    if not found:
        finish(failures, total=len(refined))
    reprojector = load_reprojector(map_, config, images={part.images for part in refined if part.images})
    collection = CropCollection(out / "crops.npz", config.cutting, seed) if crops else None
    folder = TileFolder(out / "tiles", family or map_.stem, config.cutting) if tiles else None
    wanted = [one for one in (collection, folder) if one is not None]
    done: list[LabelRows] = []
    console = Console(stderr=True)
    for number, one in enumerate(track(found, "Labelling", console=console, disable=not console.is_terminal)):
        try:
            image = _label(one, reprojector, config)
            micrograph = read_micrograph(one.file, pixel_size=image.pixel_size) if wanted else None
        except CryogleanError as error:
            failures.append(error)
            continue
        write_labels(image, out / "labels", format=format_)
        done.append(LabelRows.of(image))
        if micrograph is not None:
            for what in wanted:
                what.add(micrograph, image, number)
    if done:
        write_tables(done, out)
        count = sum(len(rows.particles) for rows in done)
        typer.echo(f"{count} particles labelled in {len(done)} micrographs: {out / 'labels'}")
        if collection:
            typer.echo(f"{collection.write()}: {collection.path}")
    finish(failures, total=len(refined))


def _label(one: Labelled, reprojector: Reprojector, config: LabelConfig) -> LabelImage:
    from cryoglean.labels import paint_labels
    from cryoglean.labels.fields import field_of

    return paint_labels(one.particles, reprojector, field=field_of(one, config), config=config)
