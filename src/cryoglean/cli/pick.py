"""`cryoglean pick`: from micrographs to particle coordinates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cryoglean.cli.options import configured
from cryoglean.engine.settings import EngineConfig
from cryoglean.pickers.settings import PickConfig


@configured(EngineConfig, parameter="engine", file=False)
@configured(PickConfig)
def pick(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Micrographs: files, folders, globs in quotes, @lists or STAR files.", show_default=False
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the results; a second start goes on in it.")] = Path(
        "cryoglean-run"
    ),
    overlays: Annotated[
        bool, typer.Option("--overlays", help="Draw each micrograph with its picks.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write OUT/report.html at the end.")
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only failures.")] = False,
    json_lines: Annotated[
        bool, typer.Option("--json-lines", help="Print all events on stdout, as JSON.")
    ] = False,
    config: PickConfig,
    engine: EngineConfig,
) -> None:
    """Find the particles of micrographs.

    Nothing needs to be configured: size and contrast of the particles are
    measured in the micrographs.

    OUT then holds picks/NAME_autopick.star for each micrograph and their list
    autopick.star for RELION, picks.csv with all picks, report.html to look at,
    summary.json, and config.toml with every setting as it was used. Started
    again, the command does what is missing or has changed. `cryoglean select`
    tries other thresholds without touching a micrograph.
    """
    from cryoglean.cli.progress import progress_reporter
    from cryoglean.cli.running import GOES_ON, leave, write_page
    from cryoglean.cli.stopping import gently
    from cryoglean.engine import Run, RunFolder
    from cryoglean.engine import pick as pick_run
    from cryoglean.engine.events import Noted
    from cryoglean.io import expand_inputs

    draw = None
    if overlays:
        from cryoglean.report.overlay_file import write_overlay

        draw = write_overlay
    optics = [Path(given) for given in inputs if given.lower().endswith(".star")]
    notes: list[str] = []
    micrographs = expand_inputs(inputs, note=notes.append)
    run = Run(micrographs, RunFolder(out), config, engine, draw, optics)
    with gently(GOES_ON) as stop, progress_reporter(quiet=quiet, json_lines=json_lines) as reporter:
        for text in notes:
            reporter(Noted(text))
        ended = pick_run(run, reporter, stop.event)
    if report and ended.summary is not None and ended.summary.done:
        write_page(out, silent=quiet or json_lines)
    leave(ended, stop)
