"""The `cryoglean` program: its verbs, and how errors reach the user.

A verb's module imports only what describes its options at the top, and the rest inside its function, so that
`cryoglean --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import cryoglean
from cryoglean.cli.average import average
from cryoglean.cli.classes import classes
from cryoglean.cli.convert import convert
from cryoglean.cli.cryosparc import cryosparc
from cryoglean.cli.demo import demo
from cryoglean.cli.doctor import doctor
from cryoglean.cli.evaluate import evaluate
from cryoglean.cli.extract import extract
from cryoglean.cli.info import info
from cryoglean.cli.labels import labels
from cryoglean.cli.merge import merge
from cryoglean.cli.models import models
from cryoglean.cli.options import Verb
from cryoglean.cli.pick import pick
from cryoglean.cli.preprocess import preprocess
from cryoglean.cli.relion import CONTEXT as RELION_CONTEXT
from cryoglean.cli.relion import relion
from cryoglean.cli.report import report
from cryoglean.cli.select import select
from cryoglean.cli.simulate import simulate
from cryoglean.cli.train import train
from cryoglean.cli.view import view
from cryoglean.cli.watch import watch
from cryoglean.errors import CryogleanError, report_of

DEBUG = "CRYOGLEAN_DEBUG"
"""Environment variable that has unexpected errors shown with their traceback."""

app = typer.Typer(
    name="cryoglean",
    help="Find single particles in cryo-electron micrographs. Start with `cryoglean pick FOLDER`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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


app.command(cls=Verb)(average)
app.command(cls=Verb)(classes)
app.command(cls=Verb)(convert)
app.command(cls=Verb)(cryosparc)
app.command(cls=Verb)(doctor)
app.command(cls=Verb)(demo)
app.command(cls=Verb)(evaluate)
app.command(cls=Verb)(extract)
app.command(cls=Verb)(info)
app.command(cls=Verb)(labels)
app.command(cls=Verb)(merge)
app.command(cls=Verb)(models)
app.command(cls=Verb)(pick)
app.command(cls=Verb)(preprocess)
app.command(cls=Verb, context_settings=RELION_CONTEXT)(relion)
app.command(cls=Verb)(report)
app.command(cls=Verb)(select)
app.command(cls=Verb)(simulate)
app.command(cls=Verb)(train)
app.command(cls=Verb)(view)
app.command(cls=Verb)(watch)


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
