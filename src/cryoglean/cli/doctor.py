"""`cryoglean doctor`: what is wrong with a data set, before a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryoglean.cli.exit import NOTHING_DONE, SOME_FAILED

if TYPE_CHECKING:
    from cryoglean.doctor import Examination

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


def doctor(
    micrographs: Annotated[
        list[str],
        typer.Argument(
            help="Micrographs: a folder, files, globs in quotes, @lists or STAR files.", show_default=False
        ),
    ],
    *,
    picks: Annotated[
        Path | None,
        typer.Option(help="Picks to check: do they belong to these micrographs, the right way up?"),
    ] = None,
    angpix: Annotated[
        float | None, typer.Option(min=0.01, help="Pixel size that you would give a run, Å.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder that the results of a run would go to.", show_default="here")
    ] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find what is wrong with micrographs before a run does.

    Looks at every header, at pixel sizes, names, damaged, blank and duplicate files, at the contrast of a
    few micrographs, at picks if there are any, and at the machine. The exit code is 0 where nothing stands
    in the way of a run, 3 where something does, and 1 where no micrograph can be used.
    """
    from cryoglean.doctor import examine
    from cryoglean.io import expand_inputs

    notes: list[str] = []
    files = expand_inputs(micrographs, note=notes.append)
    found = examine(files, picks=picks, angpix=angpix, out=out, notes=notes)
    if as_json:
        _print_json(found)
    else:
        _print_table(found)
    if not found.usable:
        raise typer.Exit(NOTHING_DONE)
    if found.problems:
        raise typer.Exit(SOME_FAILED)


def _print_json(found: Examination) -> None:
    import json
    from dataclasses import asdict

    files = [
        {
            "path": report.file.listed,
            "fault": report.fault,
            "shape": report.header.shape if report.header else None,
            "pixel_size": report.header.pixel_size if report.header else None,
            "warnings": report.header.warnings if report.header else [],
        }
        for report in found.files
    ]
    document = {
        "usable": len(found.usable),
        "findings": [asdict(finding) for finding in found.findings],
        "files": files,
    }
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _print_table(found: Examination) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        for finding in found.findings:
            typer.echo(f"{finding.level}\t{finding.check}\t{finding.text}")
        return
    table = Table("", "check", "what was found")
    for finding in found.findings:
        colour = _COLOURS[finding.level]
        table.add_row(f"[{colour}]{finding.level}[/{colour}]", finding.check, finding.text)
    console.print(table)
