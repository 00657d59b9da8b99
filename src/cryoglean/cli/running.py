"""How a run is stopped from outside, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cryoglean.cli.exit import NOTHING_DONE, SOME_FAILED

if TYPE_CHECKING:
    from pathlib import Path

    from cryoglean.cli.stopping import Stop
    from cryoglean.engine.events import Ended

GOES_ON = "stopped; run the same command again to resume"
"""What is told of a run that a signal ended."""


def leave(ended: Ended, stop: Stop) -> None:
    """Leave with the exit code that says how a run ended."""
    if stop.number:
        raise typer.Exit(128 + stop.number)
    failed = ended.failed if ended.summary is None else ended.summary.failed
    done = ended.jobs - failed if ended.summary is None else ended.summary.done
    if failed:
        raise typer.Exit(SOME_FAILED if done else NOTHING_DONE)


def write_page(out: Path, *, silent: bool) -> None:
    """Write the report of a run, and say where it is unless that is not wanted."""
    from cryoglean.engine import RunFolder
    from cryoglean.report.run_report import write_report

    page = write_report(RunFolder(out))
    if not silent:
        typer.echo(f"report: {page}", err=True)
