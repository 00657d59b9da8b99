"""How a verb that works on many files ends: what failed is listed, and the exit code says how much."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from cryoglean.errors import CryogleanError

SOME_FAILED = 3
NOTHING_DONE = 1


def finish(failures: Sequence[CryogleanError], *, total: int) -> None:
    """List failures, and leave with 3 where some of `total` files failed and with 1 where all did."""
    for error in failures:
        typer.secho(f"error: {error}", fg="red", err=True)
    if failures:
        raise typer.Exit(NOTHING_DONE if len(failures) == total else SOME_FAILED)
