"""`cryoglean watch`: picking while the microscope works."""

from __future__ import annotations

from typing import Annotated

import typer

from cryoglean.cli.options import INPUT, RUNNING, JsonLines, Quiet, Report, configured
from cryoglean.cli.run_options import PICKING, WHOLE, Overlays, ResultFolder
from cryoglean.cli.settings import Settings
from cryoglean.engine.settings import EngineConfig, WatchConfig
from cryoglean.pickers.settings import PickConfig


@configured(
    config=PICKING,
    watching=Settings(WatchConfig, {RUNNING: ["idle"]}, table="watching"),
    engine=WHOLE,
)
def watch(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Folders, or globs in quotes, to watch.", show_default=False, rich_help_panel=INPUT
        ),
    ],
    *,
    out: ResultFolder,
    overlays: Overlays = False,
    report: Report = True,
    quiet: Quiet = False,
    json_lines: JsonLines = False,
    config: PickConfig,
    watching: WatchConfig,
    engine: EngineConfig,
) -> None:
    """Pick micrographs as they arrive, each as soon as its file is complete.

    Coordinate files are written at once, the tables of the whole run now and
    then and at the end. Ctrl-C, a file OUT/STOP or --idle end it; the same
    command resumes it. Results are those of `cryoglean pick`.
    """
    from cryoglean.cli.progress import progress_reporter
    from cryoglean.cli.running import GOES_ON, leave, write_page
    from cryoglean.cli.stopping import gently
    from cryoglean.engine import Run, RunFolder
    from cryoglean.engine import watch as watch_run

    draw = None
    if overlays:
        from cryoglean.report.overlay_file import write_overlay

        draw = write_overlay
    run = Run([], RunFolder(out), config, engine, draw)
    with (
        gently(GOES_ON) as stop,
        progress_reporter(quiet=quiet, json_lines=json_lines, live=True) as reporter,
    ):
        ended = watch_run(run, inputs, watching, report=reporter, stop=stop.event)
    if report and ended.summary is not None and ended.summary.done:
        write_page(out, silent=quiet or json_lines)
    leave(ended, stop)
