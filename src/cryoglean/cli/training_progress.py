"""How learning from a user's micrographs is fields: a bar, plain lines, or JSON lines for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from cryoglean.cli.progress import print_json
from cryoglean.training.progress import FineTuningResult, Progress, Reporter

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES = 10.0

_SHOWN = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "average_precision": "average precision",
    "simulated_average_precision": "average precision on simulated tiles",
}


@contextmanager
def progress_reporter(*, json_lines: bool) -> Iterator[Reporter]:
    """Choose how it is fields."""
    if json_lines:
        yield _print_json
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(stderr=True)) as bar:
            yield _Bars(bar)
    else:
        yield _Lines()


def _print_json(event: Progress | FineTuningResult) -> None:
    print_json("result" if isinstance(event, FineTuningResult) else "progress", asdict(event))


class _Lines:
    """Plain lines on standard error: one where a stage begins, and one every ten seconds."""

    def __init__(self) -> None:
        self._stage = ""
        self._last = 0.0

    def __call__(self, event: Progress | FineTuningResult) -> None:
        if isinstance(event, FineTuningResult):
            _sum_up(event)
            return
        now = time.monotonic()
        if event.stage != self._stage or now - self._last >= SECONDS_BETWEEN_LINES:
            self._stage, self._last = event.stage, now
            typer.echo(f"{time.strftime('%H:%M:%S')} {event.stage}: {event.step}/{event.steps}", err=True)


class _Bars:
    """A bar for each stage."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._tasks: dict[str, int] = {}

    def __call__(self, event: Progress | FineTuningResult) -> None:
        if isinstance(event, FineTuningResult):
            self._bar.stop()
            _sum_up(event)
            return
        if event.stage not in self._tasks:
            self._tasks[event.stage] = self._bar.add_task(event.stage.capitalize(), total=event.steps)
        self._bar.update(self._tasks[event.stage], completed=event.step)  # type: ignore[arg-type]


def _sum_up(result: FineTuningResult) -> None:
    """Say how it ended, on standard output; and loudly where it was of no use."""
    typer.echo(f"weights in {result.weights}, after {result.minutes:.1f} minutes")
    typer.echo(f"on micrographs held back, threshold {result.threshold:g}:       before   after")
    for name, title in _SHOWN.items():
        typer.echo(f"  {title:<40s} {result.before[name]:8.3f}{result.after[name]:8.3f}")
    if result.kept:
        typer.secho(
            "the networks did not get better by training and are those that it began with; "
            "only the calibration and the threshold are new",
            fg="yellow",
            err=True,
        )
    if not result.better:
        typer.secho(
            "the new weights are not better on the micrographs held back: go on picking with the old ones",
            fg="yellow",
            err=True,
        )
    else:
        typer.echo(f"pick with them: {result.command}")
