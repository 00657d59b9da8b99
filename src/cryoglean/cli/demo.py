"""`cryoglean demo`: the whole way from micrographs to scored picks, with nothing but what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cryoglean.report.page import Section
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
    and square sides. The picker knows nothing of either. Open OUT/report.html
    afterwards; OUT/SAMPLE/run is what `cryoglean pick` leaves of real micrographs.
    """
    from cryoglean.report.page import Section, write_page
    from cryoglean.simulate import apoferritin_like, procedural_structure

    samples = {"cage": apoferritin_like(), "barrel": procedural_structure("barrel", seed)}
    sections = [
        _one_sample(out / name, structure, count=count, seed=seed) for name, structure in samples.items()
    ]
    page = out / "report.html"
    write_page(page, "cryoglean demo", lead=Section("", "demo_lead.html"), sections=sections)
    typer.echo(f"report: {page}")


def _one_sample(folder: Path, structure: Structure, *, count: int, seed: int) -> Section:
    """Simulate, pick and score one sample; show its figures and its micrographs."""
    from cryoglean.cli.progress import progress_reporter
    from cryoglean.engine import Run, RunFolder
    from cryoglean.engine import pick as pick_run
    from cryoglean.evaluate import evaluate
    from cryoglean.io import expand_inputs
    from cryoglean.io.formats import read_picks
    from cryoglean.report.run_report import write_report
    from cryoglean.report.sections.sample import sample
    from cryoglean.report.sections.truth import Comparison
    from cryoglean.simulate import SeriesPlan, write_series
    from cryoglean.simulate.settings import SimulationConfig

    ranges = SimulationConfig(
        size=(_SIDE_PX, _SIDE_PX),
        pixel_size=(_PIXEL_SIZE, _PIXEL_SIZE),
        coverage=(0.1, 0.35),
        defocus=(12_000.0, 28_000.0),
        contamination=0.5,
    )
    typer.echo(f"simulating {count} micrographs of {structure.name} in {folder}")
    write_series(folder, SeriesPlan(structure, ranges, count=count, seed=seed))
    run = RunFolder(folder / "run")
    with progress_reporter(quiet=False, json_lines=False) as report:
        pick_run(
            Run(expand_inputs([folder / "micrographs"]), run, optics=[folder / "micrographs.star"]), report
        )
    truth, picks = read_picks(folder / "truth.csv"), read_picks(run.table)
    evaluation = evaluate(truth, picks, diameter_px=structure.diameter / _PIXEL_SIZE)
    comparison = Comparison({one.name: one for one in truth}, evaluation)
    write_report(run, comparison=comparison)
    title, pooled = f"{folder.name}, {structure.diameter:.0f} Å", evaluation.pooled[-1]
    typer.echo(
        f"{title}: {pooled.particles} particles, {pooled.picks} picks, precision {pooled.precision:.3f}, "
        f"recall {pooled.recall:.3f}, F1 {pooled.f1:.3f} within {pooled.tolerance:g} diameters"
    )
    return sample(title, run, comparison, link=f"{folder.name}/run/report.html")
