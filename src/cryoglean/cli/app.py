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
from cryoglean.errors import CryogleanError

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


app.command()(average)
app.command()(convert)
app.command()(cryosparc)
app.command()(doctor)
app.command()(demo)
app.command()(evaluate)
app.command()(extract)
app.command()(info)
app.command()(labels)
app.command()(merge)
app.command()(models)
app.command()(pick)
app.command()(preprocess)
app.command(context_settings=RELION_CONTEXT)(relion)
app.command()(report)
app.command()(select)
app.command()(simulate)
app.command()(train)
app.command()(view)
app.command()(watch)


def main() -> None:
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
