"""`cryoglean watch`: picking while the microscope works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cryoglean.cli.options import configured
from cryoglean.engine.settings import EngineConfig, WatchConfig
from cryoglean.pickers.settings import PickConfig


@configured(EngineConfig, exclude=("shard",), parameter="engine", file=False)
@configured(WatchConfig, parameter="watching", file=False)
@configured(PickConfig)
def watch(
    inputs: Annotated[
        list[str], typer.Argument(help="Folders, or globs in quotes, to watch.", show_default=False)
    ],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the results; a second start goes on in it.")],
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
    watching: WatchConfig,
    engine: EngineConfig,
) -> None:
    """Pick micrographs as they arrive, each as soon as its file is complete.

    Coordinate files are written at once, the tables of the whole run now and
    then and at the end. Ctrl-C, a file OUT/STOP or --idle end it; started
    again, it goes on. Results are those of `cryoglean pick`.
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
