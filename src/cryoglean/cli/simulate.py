"""`cryoglean simulate`: micrographs with complete truth, or training tiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from cryoglean.cli.options import OUTPUT, RUNNING, configured
from cryoglean.cli.settings import Settings
from cryoglean.errors import UsageError
from cryoglean.simulate.settings import SimulationConfig

if TYPE_CHECKING:
    from rich.progress import Progress

    from cryoglean.simulate import Structure


PARTICLE, MICROGRAPHS, TILES = "Particle", "Micrographs", "Training tiles"
"""Panels of the help."""

Procedural = Literal[
    "apoferritin",
    "globular",
    "elongated",
    "oligomer",
    "shell",
    "barrel",
    "rod",
    "membrane",
    "nanodisc",
    "small",
]


@configured(
    config=Settings(
        SimulationConfig,
        {
            MICROGRAPHS: [
                "size",
                "pixel_size",
                "defocus",
                "dose",
                "ice_thickness",
                "coverage",
                "contamination",
            ]
        },
    )
)
def simulate(
    *,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for the micrographs and their truth, or for tiles.", rich_help_panel=OUTPUT
        ),
    ],
    structure: Annotated[
        Path | None,
        typer.Option(
            help="The particle: PDB, mmCIF or mmJSON, of which the biological assembly is built; a density "
            "map (MRC); or a compact pack (npz).",
            show_default=False,
            rich_help_panel=PARTICLE,
        ),
    ] = None,
    procedural: Annotated[
        Procedural | None,
        typer.Option(
            metavar="<kind>",
            help=f"A procedural particle instead, which the seed decides: {', '.join(get_args(Procedural))}.",
            show_default="apoferritin",
            rich_help_panel=PARTICLE,
        ),
    ] = None,
    assembly: Annotated[
        str, typer.Option(help="Biological assembly of an atomic model.", rich_help_panel=PARTICLE)
    ] = "1",
    count: Annotated[
        int, typer.Option(help="Number of micrographs.", min=1, rich_help_panel=MICROGRAPHS)
    ] = 1,
    seed: Annotated[
        int,
        typer.Option(help="The same seed gives the same bytes.", min=0, rich_help_panel=RUNNING),
    ] = 0,
    tiles: Annotated[
        int | None,
        typer.Option(
            help="Make this many training tiles instead, at the scale of the networks.",
            min=1,
            show_default=False,
            rich_help_panel=TILES,
        ),
    ] = None,
    structures: Annotated[
        Path | None,
        typer.Option(
            help="Folder of structures for tiles, with families in its INDEX.tsv if it has one; without it, "
            "tiles show procedural complexes alone.",
            show_default=False,
            rich_help_panel=TILES,
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(help="Processes; they do not change a byte.", min=1, rich_help_panel=RUNNING),
    ] = 1,
    config: SimulationConfig,
) -> None:
    """Simulate micrographs that look real, with the complete truth about them.

    Each micrograph draws its optics, ice, dose, crowding and contamination from
    ranges; a range of twice the same value fixes it. Writes OUT/micrographs,
    coordinates, labels, contamination, clean and conditions, and for all together
    particles.star with poses, micrographs.star, truth.csv and reference.mrc, the
    map that the poses refer to. With --tiles, writes shards of training tiles,
    split by structure family; the same command resumes a stopped run.

    Example: cryoglean simulate --out demo --procedural barrel --count 4 --seed 7
    """
    if tiles is not None:
        default = SimulationConfig()
        changed = config.size != default.size or config.pixel_size != default.pixel_size
        if changed:
            raise UsageError("--size and --pixel-size follow from the particle with --tiles; see [tiles]")
        _refuse(
            {"--structure": structure, "--procedural": procedural},
            "makes no sense with --tiles; use --structures",
        )
        _simulate_tiles(out, config, tiles=tiles, structures=structures, seed=seed, workers=workers)
        return
    _refuse({"--structures": structures}, "needs --tiles; use --structure for one particle")
    if structure is not None and procedural is not None:
        raise UsageError("--structure and --procedural name two particles; choose one")
    particle = _particle(structure, procedural, assembly=assembly, seed=seed)
    _simulate_micrographs(out, config, particle=particle, count=count, seed=seed, workers=workers)


def _refuse(given: dict[str, object], reason: str) -> None:
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"{option} {reason}")


def _particle(path: Path | None, procedural: Procedural | None, *, assembly: str, seed: int) -> Structure:
    from cryoglean.simulate import apoferritin_like, load_structure, procedural_structure

    if path is not None:
        return load_structure(path, assembly=assembly)
    if procedural is None or procedural == "apoferritin":
        return apoferritin_like()
    return procedural_structure(procedural, seed)


def _simulate_micrographs(
    out: Path, config: SimulationConfig, *, particle: Structure, count: int, seed: int, workers: int
) -> None:
    from cryoglean.simulate import SeriesPlan, write_series

    plan = SeriesPlan(particle, config, count=count, seed=seed)
    with _progress() as progress:
        task = progress.add_task(f"Simulating {particle.name}", total=count)
        write_series(out, plan, workers=workers, report=lambda done, _: progress.update(task, completed=done))
    typer.echo(f"{count} micrographs of {particle.name} ({particle.diameter:.0f} Å) in {out}")


def _simulate_tiles(
    out: Path, config: SimulationConfig, *, tiles: int, structures: Path | None, seed: int, workers: int
) -> None:
    from cryoglean.simulate import ShardPlan, find_structures, write_shards

    files = tuple(find_structures(structures)) if structures is not None else ()
    plan = ShardPlan(config, files, tiles=tiles, seed=seed)
    with _progress() as progress:
        tasks = {
            what: progress.add_task(title, total=None)
            for what, title in (("structures", "Projecting structures"), ("shards", "Simulating tiles"))
        }
        write_shards(
            out,
            plan,
            workers=workers,
            report=lambda what, done, total: progress.update(tasks[what], completed=done, total=total),
        )
    counts = ", ".join(f"{n} for {split}" for split, n in plan.counts().items())
    typer.echo(f"{tiles} tiles of {len(plan.sources())} structures in {out}: {counts}")


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(console=console, disable=not console.is_terminal)
