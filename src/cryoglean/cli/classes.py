"""`cryoglean classes`: 2D class averages of a run's picks."""

from __future__ import annotations

import typer

from cryoglean.classes.settings import ClassesConfig
from cryoglean.cli.options import Quiet, Report, RunArgument, configured
from cryoglean.cli.settings import Settings


@configured(config=Settings(ClassesConfig, {"Classes": ["classes", "max_particles"]}))
def classes(
    run: RunArgument,
    *,
    report: Report = True,
    quiet: Quiet = False,
    config: ClassesConfig,
) -> None:
    """Sort the picks of a run into 2D classes, and average each.

    RUN/classes/ then holds the averages, classes.mrcs, with their list
    classes.star for RELION; particles.star with class, turn and shift of every
    pick that was sorted; classes.png to look at, the largest class first; and
    classes.json with what each class shows: particles, junk of which kind, or
    what is doubtful. Picks are not changed.

    Example: cryoglean classes run --classes 20
    """
    from rich.console import Console
    from rich.progress import Progress

    from cryoglean.cli.exit import NOTHING_DONE, finish
    from cryoglean.cli.running import classes_in_words, write_page
    from cryoglean.engine import RunFolder
    from cryoglean.engine.classes import make_classes
    from cryoglean.report.class_picture import write_class_picture

    folder = RunFolder(run)
    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        made = make_classes(
            folder,
            config,
            lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
        )
    if made is None:
        typer.secho(f"{run} has no picks: nothing to sort", fg="yellow", err=True)
        raise typer.Exit(NOTHING_DONE)
    picture = write_class_picture(folder)
    if not quiet:
        typer.echo(classes_in_words(made), err=True)
        typer.echo(f"class averages: {picture}", err=True)
    if report:
        write_page(run, silent=quiet)
    finish(made.failures, total=len(made.failures) + len(made.picks))
