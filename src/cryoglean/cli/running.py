"""How a run is stopped from outside, and how it ends."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from cryoglean.cli.exit import NOTHING_DONE, SOME_FAILED

if TYPE_CHECKING:
    from pathlib import Path

    from cryoglean.cli.stopping import Stop
    from cryoglean.engine.class_files import ClassesMade
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


QUICK = 2000
"""At the end of a run so many picks are sorted into classes, which takes some seconds."""
MIN_PICKS = 50
"""Of fewer picks there is no class to look at."""


def add_classes(out: Path, *, silent: bool) -> None:
    """Sort picks of a run into 2D classes, and say what they show; the run stands whatever becomes of it."""
    from cryoglean.classes.settings import ClassesConfig
    from cryoglean.engine import RunFolder
    from cryoglean.engine.class_files import kept_classes
    from cryoglean.engine.classes import make_classes
    from cryoglean.errors import CryogleanError
    from cryoglean.report.class_picture import write_class_picture

    folder = RunFolder(out)
    kept = kept_classes(folder)
    if kept is not None and kept.current:
        return
    try:
        made = make_classes(folder, ClassesConfig(max_particles=QUICK))
        picture = None if made is None else write_class_picture(folder)
    except CryogleanError as error:
        typer.secho(f"warning: no class averages: {error}", fg="yellow", err=True)
        return
    if made is not None and not silent:
        typer.echo(f"class averages: {classes_in_words(made)}; {picture}", err=True)


def classes_in_words(made: ClassesMade) -> str:
    """Say how many picks were sorted, and what they show."""
    from cryoglean.report.words import counted

    classes = made.classes
    shown: Counter[str] = Counter()
    for count, judgement in zip(classes.counts.tolist(), classes.judgements, strict=True):
        shown[judgement.verdict] += count
    number = len(classes.members)
    of = f" of {made.total:,}" if made.total > number else ""
    listed = ", ".join(f"{count / number:.0%} {verdict}" for verdict, count in shown.most_common())
    in_classes = counted(len(classes.images), "class", "classes")
    return f"{counted(number, 'pick')}{of} in {in_classes}: {listed}"


def write_page(out: Path, *, silent: bool) -> None:
    """Write the report of a run, and say where it is unless that is not wanted."""
    from cryoglean.engine import RunFolder
    from cryoglean.report.run_report import write_report

    page = write_report(RunFolder(out))
    if not silent:
        typer.echo(f"report: {page}", err=True)
