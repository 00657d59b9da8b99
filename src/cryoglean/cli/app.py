"""The `cryoglean` program: its verbs, and how errors reach the user.

A verb's module is imported when the verb is asked for, and imports what it works with inside its function, so
that `cryoglean --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import cryoglean
from cryoglean.cli.verb import Verb
from cryoglean.errors import CryogleanError, report_of

DEBUG = "CRYOGLEAN_DEBUG"
"""Environment variable that has unexpected errors shown with their traceback."""

VERBS = {
    "average": "Align the frames of movies and average each movie into one micrograph.",
    "classes": "Sort the picks of a run into 2D classes, and average each.",
    "convert": "Convert picks between formats of RELION, cryoSPARC, EMAN, crYOLO, Topaz and tables.",
    "cryosparc": "Pick micrographs of a cryoSPARC project as a new External job of it.",
    "demo": "Simulate micrographs of two samples, pick them, score the picks, and write a report.",
    "doctor": "Find what is wrong with micrographs before a run does.",
    "evaluate": "Compare picks with true particles, one to one.",
    "extract": "Cut particles out of their micrographs, as RELION's extraction does.",
    "info": "Say what is in image files: format, size, frames, pixels, and what is strange.",
    "labels": "Turn a finished reconstruction into labels for the training of networks.",
    "merge": "Join picks of several programs, one to one, with votes and scores.",
    "models": "List the weights that come with the package, or show one card.",
    "pick": "Find the particles of micrographs.",
    "preprocess": "Show what AutoCryoPicker's steps make of micrographs.",
    "relion": "Pick as an External job of RELION.",
    "report": "Write RUN/report.html: a run in pictures and figures, in one file.",
    "select": "Select picks anew from all candidates of a run.",
    "simulate": "Simulate micrographs that look real, with the complete truth about them.",
    "train": "Train the segmentation and the classification network, and calibrate them.",
    "view": "Look at picks, choose a threshold, and correct what is wrong, in the browser.",
    "watch": "Pick micrographs as they arrive, each as soon as its file is complete.",
}
"""The first line of each verb's help, so that listing them imports none."""

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


class Program(TyperGroup):
    """The program, whose verbs are imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs by name."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a verb, if there is one of this name."""
        return verb(cmd_name) if cmd_name in VERBS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs, each with the first line of its help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


def verb(name: str) -> Any:
    """Import a verb and make a command of it."""
    module = import_module(f"cryoglean.cli.{name}")
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    context = CONTEXT | getattr(module, "CONTEXT", {})
    alone.command(name, cls=Verb, context_settings=context)(getattr(module, name))
    return typer.main.get_command(alone)


app = typer.Typer(
    name="cryoglean",
    cls=Program,
    help="Find single particles in cryo-electron micrographs. Start with `cryoglean pick FOLDER`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cryoglean {cryoglean.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def run() -> None:
    """Run the command line; every error becomes one message and a non-zero exit code."""
    try:
        app()
    except CryogleanError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output left (`cryoglean info … | head`): no message, and none at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        # A file of which nothing else could be said: names that are too long, disks that fail.
        typer.secho(f"error: {error.filename or 'a file'}: {error.strerror or error}", fg="red", err=True)
        sys.exit(1)
    except Exception as error:
        if DEBUG in os.environ:
            raise
        remedy = f"{DEBUG}=1 before the command shows where"
        typer.secho(f"error: {report_of(error)} ({remedy})", fg="red", err=True)
        sys.exit(1)
