"""`cryoglean cryosparc`: picking as an External job of cryoSPARC."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from cryoglean.cli.options import INPUT, PARTICLES, configured
from cryoglean.cli.run_options import PICKING, WHOLE
from cryoglean.engine.settings import EngineConfig
from cryoglean.pickers.settings import PickConfig


@configured(
    config=replace(PICKING, options={PARTICLES: PICKING.options[PARTICLES]}),
    engine=WHOLE,
)
def cryosparc(
    project: Annotated[
        str, typer.Argument(help="Project, such as P3.", show_default=False, rich_help_panel=INPUT)
    ],
    workspace: Annotated[
        str,
        typer.Argument(
            help="Workspace for the new job, such as W1.", show_default=False, rich_help_panel=INPUT
        ),
    ],
    job: Annotated[
        str,
        typer.Argument(
            help="Job with the micrographs, such as J12.", show_default=False, rich_help_panel=INPUT
        ),
    ],
    *,
    output: Annotated[
        str, typer.Option(help="Name of the job's output with the micrographs.", rich_help_panel=INPUT)
    ] = "micrographs",
    config: PickConfig,
    engine: EngineConfig,
) -> None:
    """Pick micrographs of a cryoSPARC project as a new External job of it.

    Needs cryosparc-tools of the same version as cryoSPARC (pip install 'cryoglean[cryosparc]'), logged in by
    `python -m cryosparc.tools login`, and the project's folder.

    Example: cryoglean cryosparc P3 W1 J12 --output exposures_accepted
    """
    from cryoglean.cli.progress import progress_reporter
    from cryoglean.cli.running import GOES_ON
    from cryoglean.cli.stopping import gently
    from cryoglean.handover.cryosparc import OUTPUT, Source, connect, pick_for_cryosparc

    source = Source(workspace, job, output)
    found = connect(project)
    with gently(GOES_ON) as stop, progress_reporter(quiet=False, json_lines=False) as report:
        made = pick_for_cryosparc(found, source, config=config, engine=engine, report=report, stop=stop.event)
    typer.echo(f"{project} {made} has the output {OUTPUT}")
