"""`cryoglean demo`: the whole way from micrographs to scored picks, with nothing but what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cryoglean.evaluate import Evaluation
    from cryoglean.report.drawing import Picture
    from cryoglean.simulate import Structure

_SIDE_PX = 1536
_PIXEL_SIZE = 1.4


def demo(
    *,
    out: Annotated[Path, typer.Option(help="Folder for micrographs, picks and the report.")] = Path(
        "cryoglean-demo"
    ),
    count: Annotated[int, typer.Option(help="Micrographs of each of the two samples.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.", min=0)] = 1,
) -> None:
    """Simulate micrographs of two samples, pick them, score the picks, and write a report.

    The samples are a hollow cage like apoferritin and a barrel that shows round tops
    and square sides. The picker is told nothing of either. Open OUT/report.html
    afterwards; OUT/SAMPLE/run is what `cryoglean pick` leaves of real micrographs.
    """
    from cryoglean.report.page import write_page
    from cryoglean.simulate import apoferritin_like, procedural_structure

    samples = {"cage": apoferritin_like(), "barrel": procedural_structure("barrel", seed)}
    sections: dict[str, Evaluation] = {}
    pictures: list[tuple[str, Picture]] = []
    for name, structure in samples.items():
        title = f"{name}, {structure.diameter:.0f} Å"
        sections[title], drawn = _one_sample(out / name, structure, count=count, seed=seed)
        pictures += [(f"{title}: {caption}", picture) for caption, picture in drawn]
        pooled = sections[title].pooled[-1]
        typer.echo(
            f"{title}: {pooled.particles} particles, {pooled.picks} picks, precision {pooled.precision:.3f}, "
            f"recall {pooled.recall:.3f}, F1 {pooled.f1:.3f} within {pooled.tolerance:g} diameters"
        )
    page = out / "report.html"
    write_page(page, "cryoglean demo", sections=sections, pictures=pictures)
    typer.echo(f"report: {page}")


def _one_sample(
    folder: Path, structure: Structure, *, count: int, seed: int
) -> tuple[Evaluation, list[tuple[str, Picture]]]:
    """Simulate, pick and score one sample; give its figures and pictures of its micrographs."""
    from cryoglean.cli.telling import teller
    from cryoglean.config import SimulationConfig
    from cryoglean.engine import Run, RunFolder
    from cryoglean.engine import pick as pick_run
    from cryoglean.evaluate import evaluate
    from cryoglean.io import expand_inputs, read_micrograph
    from cryoglean.io.formats import read_picks
    from cryoglean.report.overlay import draw_overlay
    from cryoglean.simulate import SeriesPlan, write_series

    ranges = SimulationConfig(
        size=(_SIDE_PX, _SIDE_PX),
        pixel_size=(_PIXEL_SIZE, _PIXEL_SIZE),
        coverage=(0.1, 0.35),
        defocus=(12_000.0, 28_000.0),
        contamination=0.5,
    )
    typer.echo(f"simulating {count} micrographs of {structure.name} in {folder}")
    write_series(folder, SeriesPlan(structure, ranges, count=count, seed=seed))
    paths = expand_inputs([folder / "micrographs"])
    with teller(quiet=False, json_lines=False) as tell:
        pick_run(Run(paths, RunFolder(folder / "run")), tell)
    truth, picks = read_picks(folder / "truth.csv"), read_picks(folder / "run" / "picks.csv")
    evaluation = evaluate(truth, picks, diameter_px=structure.diameter / _PIXEL_SIZE)
    by_name = ({one.name: one for one in truth}, {one.name: one for one in picks})
    pictures = []
    for path in paths:
        micrograph = read_micrograph(path)
        true, found = (named.get(micrograph.name) for named in by_name)
        if found is not None:
            pictures.append((micrograph.name, draw_overlay(micrograph, found, truth=true, longest_px=900)))
    return evaluation, pictures
