"""`cryoglean view`: look at the picks of a run and correct them, in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryoglean.cli.options import RunArgument

if TYPE_CHECKING:
    from cryoglean.viewer.guard import Keys


def view(
    run: RunArgument,
    *,
    reference: Annotated[
        list[Path] | None,
        typer.Option(
            help="Picks to compare with, the truth or another program's: a file or folder; may be repeated.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes one that is free.")
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, and open no browser.")
    ] = False,
) -> None:
    """Look at picks, choose a threshold, and correct what is wrong, in the browser.

    Corrections are kept in RUN/corrections as they are made, and hold whatever
    is picked or selected again. Coordinate files and tables follow within
    seconds. Ctrl-C ends it.

    The page is for you alone: it is served on this machine, to whoever has the
    token in its address. On a cluster, run it there and open the address on
    your own machine, after the `ssh -L` line that is printed.

    Example: cryoglean view run --reference truth.star
    """
    _require_server()
    from cryoglean.engine import RunFolder
    from cryoglean.viewer.reference import read_reference
    from cryoglean.viewer.serving import serve
    from cryoglean.viewer.viewed_run import ViewedRun

    viewed = ViewedRun(RunFolder(run))
    if reference:
        viewed.reference = read_reference(reference, viewed.index.jobs)
    serve(viewed, port=port, ready=lambda at, keys: _announce(at, keys, browser=not no_browser))


def _announce(port: int, keys: Keys, *, browser: bool) -> None:
    """Say where the page is, and open it where there is a screen."""
    import getpass
    import os
    import socket
    import webbrowser

    page = f"http://127.0.0.1:{port}/"
    typer.echo(f"{page}?token={keys.token}")
    typer.secho("This address is for you alone. Ctrl-C ends the viewer.", err=True)
    if "SSH_CONNECTION" in os.environ or not browser:
        there = f"{getpass.getuser()}@{socket.gethostname()}"
        typer.echo("From another machine, open the same address there after:", err=True)
        typer.echo(f"  ssh -N -L {port}:127.0.0.1:{port} {there}", err=True)
    else:
        webbrowser.open(f"{page}?once={keys.once}")


def _require_server() -> None:
    from importlib.util import find_spec

    from cryoglean.errors import UsageError

    missing = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    if missing:
        raise UsageError(f"the viewer needs {' and '.join(missing)}; pip install 'cryoglean[view]'")
