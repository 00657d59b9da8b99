"""`cryoglean relion`: picking as RELION's External job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cryoglean.errors import UsageError
from cryoglean.pickers.settings import PickConfig

# Whatever RELION passes is taken; what is not known is named in the job's output and not an error.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}


def relion(
    context: typer.Context,
    *,
    o: Annotated[Path, typer.Option("--o", metavar="FOLDER", help="The job's folder.", show_default=False)],
    in_mics: Annotated[
        Path | None,
        typer.Option("--in_mics", metavar="STAR", help="STAR file of the micrographs.", show_default=False),
    ] = None,
    j: Annotated[int, typer.Option("--j", min=1, help="Processor cores.")] = 1,
) -> None:
    """Pick as an External job of RELION.

    In RELION's External job set 'External executable' to `cryoglean relion` and 'Input micrographs' to a STAR
    file of micrographs. Nothing else is needed. Every setting of `cryoglean pick` can be a parameter of the
    job, such as `diameter` 150 or `min_score` 0.4.

    Example: cryoglean relion --o External/job003/ --in_mics CtfFind/job002/micrographs_ctf.star --j 8
    """
    from cryoglean.cli.progress import Plain
    from cryoglean.cli.run_options import PICKING, SPREADING
    from cryoglean.cli.running import GOES_ON
    from cryoglean.cli.settings import resolve
    from cryoglean.cli.stopping import gently
    from cryoglean.handover.relion import ExternalJob, exit_files, mark_as_aborted, pick_for_relion

    class Log(Plain):
        """Plain lines on standard output, which RELION shows as the job's log."""

        def say(self, line: str) -> None:
            typer.echo(line)

    with exit_files(o), gently(GOES_ON) as stop:
        stop.last_words.append(lambda: mark_as_aborted(o))
        given = dict(_parameters(context.args))
        settings = {name: value for name, value in given.items() if name in PickConfig.options()}
        ignored = [f"--{name}" for name in given if name not in settings and name != "config"]
        if ignored:
            typer.echo(f"not known to cryoglean and ignored: {' '.join(ignored)}")
        file = Path(given["config"]) if "config" in given else None
        parts = {"config": PICKING, "engine": SPREADING}
        resolved = resolve(parts, file, settings | {"workers": j})
        if in_mics is None:
            raise UsageError("there is no --in_mics: set 'Input micrographs' of the External job")
        job = ExternalJob(o, in_mics, **resolved)
        pick_for_relion(job, Log(), stop.event)


def _parameters(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Read ``--name value`` and ``--name``; names are those of settings, with hyphens or underscores."""
    rest = list(arguments)
    while rest:
        name = rest.pop(0)
        if not name.startswith("--"):
            continue
        name, has_value, value = name[2:].partition("=")
        if not has_value:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        yield name.replace("-", "_"), value
