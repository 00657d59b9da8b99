"""How a run is stopped from outside, and how it ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

import typer

from cryoglean.cli.exit import NOTHING_DONE, SOME_FAILED

if TYPE_CHECKING:
    from pathlib import Path

    from cryoglean.engine.events import Ended


@dataclass
class Stop:
    """Whether a signal has asked a run to end, and which.

    Parameters
    ----------
    event : threading.Event
        Set when one has.
    number : int
        Of the signal; 0 for none.
    """

    event: threading.Event = field(default_factory=threading.Event)
    number: int = 0

    def __call__(self, number: int, _: FrameType | None) -> None:
        """Receive a signal; a second one ends the process at once."""
        signal.signal(number, signal.SIG_DFL)
        self.number = number
        self.event.set()


@contextmanager
def stop_signal() -> Iterator[Stop]:
    """Turn Ctrl-C and the batch system's SIGTERM into a request to end cleanly, inside."""
    stop = Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(ended: Ended, stop: Stop) -> None:
    """Leave with the exit code that says how a run ended."""
    if ended.stopped:
        typer.secho("stopped; the same command goes on from here", fg="yellow", err=True)
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
