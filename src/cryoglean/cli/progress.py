"""Progress of a run: a bar on a terminal, lines in a log, JSON lines for programs, or failures alone."""

from __future__ import annotations

import json
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

import typer

from cryoglean.engine.events import Ended, Event, Learning, Measured, Noted, Started, Waiting
from cryoglean.engine.verdict import how_picked
from cryoglean.engine.work import Outcome
from cryoglean.report.words import counted

if TYPE_CHECKING:
    from cryoglean.engine.learning import Learned
    from cryoglean.engine.size import MeasuredSize

SECONDS_BETWEEN_LINES = 10.0
MAX_LISTED = 20


class Plain(AbstractContextManager["Plain"]):
    """Plain lines on standard error, at most one every ten seconds while all goes well."""

    def __init__(self) -> None:
        self._done = self._jobs = 0
        self._start = self._last = time.monotonic()

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        """Report one event."""
        match event:
            case Measured(measured):
                for line in found(measured) if measured.sources else ():
                    self.say(line)
            case Learning(learned):
                self.say(what_was_learned(learned))
            case Noted(text):
                self.say(f"note: {text}")
            case Waiting(reasons):
                for reason in reasons:
                    self.say(f"waiting: {reason}")
            case Started(jobs, kept, executor):
                self._jobs = jobs
                self._start = self._last = time.monotonic()
                self.begin(jobs, kept, executor)
            case Outcome():
                self._done += 1
                if event.error:
                    self.say(f"failed: {event.path}: {event.error}")
                self.progress()
            case Ended():
                self.end(event)

    def say(self, line: str) -> None:
        """Write one line."""
        typer.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)

    def begin(self, jobs: int, kept: int, executor: str) -> None:
        """Report that jobs begin."""
        before = f", {kept} done before" if kept else ""
        self.say(f"{counted(jobs, 'micrograph')} to pick{before}; {executor}")

    def progress(self) -> None:
        """Return how far it is, if the last time is long enough ago."""
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            rate = self._done / (now - self._start)
            left = time.strftime("%H:%M:%S", time.gmtime((self._jobs - self._done) / rate))
            self.say(f"{self._done}/{self._jobs} micrographs, {3600 * rate:.0f} per hour, {left} left")

    def end(self, event: Ended) -> None:
        """Report that jobs ended."""
        for line in summed_up(event):
            self.say(line)


class Bar(Plain):
    """A bar with rate and time left, on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("Measuring", total=None, rate="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        """Write one line above the bar."""
        self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def begin(self, jobs: int, kept: int, executor: str) -> None:
        """Set up the bar."""
        super().begin(jobs, kept, executor)
        self._bar.reset(self._task, total=jobs, description="Picking", rate="")

    def progress(self) -> None:
        """Move the bar."""
        rate = 3600 * self._done / max(time.monotonic() - self._start, 1e-3)
        self._bar.update(self._task, completed=self._done, rate=f"{rate:,.0f}/hour")


class Each(Plain):
    """A line for each micrograph, where nobody knows how many will come."""

    def __call__(self, event: Event) -> None:
        """Report one event."""
        super().__call__(event)
        if isinstance(event, Outcome) and not event.error:
            score = "" if event.mean_score is None else f", mean score {event.mean_score:.2f}"
            self.say(f"{event.name}: {counted(event.picks, 'pick')}{score}")

    def progress(self) -> None:
        """Report nothing more."""

    def end(self, event: Ended) -> None:
        """Return what came out."""
        for line in summed_up(event, timed=False) if event.summary else ["no micrograph was picked"]:
            self.say(line)


class JsonLines(Plain):
    """One JSON object a line on standard output, for programs."""

    def __call__(self, event: Event) -> None:
        """Report one event."""
        print_json(type(event).__name__.lower(), asdict(event))


def print_json(event: str, fields: dict[str, Any]) -> None:
    """Print an event as one line of JSON on standard output."""
    line = {"event": event, "time": time.time(), **fields}
    sys.stdout.write(json.dumps(line, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class Quiet(Plain):
    """Failures, and nothing else."""

    def __call__(self, event: Event) -> None:
        """Report a failure."""
        if isinstance(event, Outcome) and event.error:
            self.say(f"failed: {event.path}: {event.error}")


def progress_reporter(*, quiet: bool, json_lines: bool, live: bool = False) -> Plain:
    """Choose how a run is reported; `live` where micrographs are still to come."""
    if json_lines:
        return JsonLines()
    if quiet:
        return Quiet()
    if live:
        return Each()
    return Bar() if sys.stderr.isatty() else Plain()


def what_was_learned(learned: Learned) -> str:
    """Return in words what a run learned."""
    if learned.threshold is None:
        return f"nothing learned from the run, the first opinion stays: {learned.reason}"
    precision, recall = learned.threshold.precision, learned.threshold.recall
    return (
        f"learned from {counted(len(learned.sources), 'micrograph')}: {learned.reason}; "
        f"expected precision {precision:.2f}, recall {recall:.2f} at a score of {learned.threshold.score:.2f}"
    )


def found(measured: MeasuredSize) -> list[str]:
    """Say what was measured in micrographs, of which one at least could be read; it may contradict the user.

    What the user has said by himself is not repeated.
    """
    said = measured.is_of_given_diameter and measured.asked["contrast"] != "auto"
    warnings = [f"warning: {text}" for text in measured.contradictions]
    return warnings if said else [_measured(measured), *warnings]


def _measured(measured: MeasuredSize) -> str:
    sources = counted(len(measured.sources), "micrograph")
    if measured.diameter is None:
        return (
            f"warning: nothing stands out from the noise of {sources}; each micrograph is tried by itself. "
            "Give --diameter if you know it"
        )
    chosen = f"; selected --method {measured.method}" if measured.is_unusual else ""
    if measured.is_of_given_diameter:
        return f"particles are {measured.contrast}; from {sources}{chosen}"
    in_pixels = f"{measured.diameter_px:.0f} px"
    known = measured.pixel_size is not None
    size = f"{measured.diameter:.0f} Å ({in_pixels})" if known else f"{in_pixels} of unknown size"
    return f"particles measure {size}, {measured.contrast}; from {sources}{chosen}"


def summed_up(event: Ended, *, timed: bool = True) -> list[str]:
    """Say what came out of a run, in a few lines; `timed` unless it waited for micrographs."""
    lines = []
    if event.jobs > event.failed and timed:
        rate = 3600 * event.jobs / max(event.seconds, 1e-3)
        lines.append(
            f"{counted(event.jobs, 'micrograph')} done in {event.seconds:.1f} s, {rate:,.0f} per hour"
        )
    summary = event.summary
    if summary is None:
        return [*lines, "join what is done with `cryoglean select`"]
    if summary.failed == summary.micrographs == 1:
        return lines  # Its error has said all.
    lines.append(
        f"{summary.picks:,} picks in {counted(summary.done, 'micrograph')}"
        f" (median {summary.median_picks:.0f})"
        + (f", {summary.rejected:,} of them rejected" if summary.rejected else "")
        + (f", {summary.failed:,} failed" if summary.failed else "")
        + (f", {summary.missing:,} not done" if summary.missing else "")
    )
    if not summary.done:
        return lines
    lines += how_picked(summary)
    lines += [f"warning: {text}" for text in summary.notices]
    lines += [
        f"warning: {text}" + (f" ({counted(number, 'micrograph')})" if number > 1 else "")
        for text, number in list(summary.warnings.items())[:MAX_LISTED]
    ]
    lines += [f"worth a look: {o.name}: {o.reason}" for o in summary.outliers[:MAX_LISTED]]
    if summary.advice:
        found = "next to nothing" if summary.picks else "nothing"
        lines += [f"{found} was picked; what to try:", *(f"- {text}" for text in summary.advice)]
    return lines
