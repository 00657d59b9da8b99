"""`cryoglean pick`: from micrographs to particle coordinates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cryoglean.cli.options import OUTPUT, JsonLines, Micrographs, Quiet, Report, configured
from cryoglean.cli.run_options import PICKING, SPREADING, Overlays, ResultFolder
from cryoglean.engine.settings import EngineConfig
from cryoglean.pickers.settings import PickConfig


@configured(config=PICKING, engine=SPREADING)
def pick(
    inputs: Micrographs,
    *,
    out: ResultFolder = Path("cryoglean-run"),
    overlays: Overlays = False,
    classes: Annotated[
        bool,
        typer.Option(
            "--classes/--no-classes",
            help="Sort some picks into 2D classes at the end. [default: on]",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = True,
    report: Report = True,
    quiet: Quiet = False,
    json_lines: JsonLines = False,
    config: PickConfig,
    engine: EngineConfig,
) -> None:
    """Find the particles of micrographs.

    Nothing needs to be configured: size and contrast of the particles are
    measured in the micrographs.

    OUT then holds picks/NAME_autopick.star for each micrograph and their list
    autopick.star for RELION, picks.csv with all picks, report.html to look at,
    classes/ with 2D class averages, summary.json, and config.toml with every setting as it was used. Run
    again, the command picks what is missing or has changed. `cryoglean select`
    tries other thresholds without touching a micrograph.
    """
    from cryoglean.cli.progress import progress_reporter
    from cryoglean.cli.running import GOES_ON, MIN_PICKS, add_classes, leave, write_page
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
    silent = quiet or json_lines
    if classes and ended.summary is not None and ended.summary.picks >= MIN_PICKS:
        add_classes(out, silent=silent)
    if report and ended.summary is not None and ended.summary.done:
        write_page(out, silent=silent)
    leave(ended, stop)
