"""`cryoglean info`: what is in a file."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cryoglean.errors import CryogleanError
    from cryoglean.io import Header


def info(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Images: files, folders, globs in quotes, @lists or STAR files.", show_default=False
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object for each file.")] = False,
) -> None:
    """Say what is in image files: format, size, frames, pixels, and what is strange.

    Only headers are read. A file that cannot be read does not stop the others.
    """
    from cryoglean.cli.exit import finish
    from cryoglean.errors import MicrographError
    from cryoglean.io import expand_inputs, read_header
    from cryoglean.io.headers import believed_pixel_size

    micrographs = expand_inputs(files)
    headers: list[Header] = []
    failures: list[CryogleanError] = []
    for one in micrographs:
        try:
            header = read_header(one.path)
            known = believed_pixel_size(header, one, given=None)
            doubt = "; ".join(known.remarks) if known.angstrom else header.pixel_size_doubt
            headers.append(replace(header, pixel_size=known.angstrom, pixel_size_doubt=doubt))
        except MicrographError as error:
            failures.append(error)
    if as_json:
        _print_json(headers, failures)
    else:
        _print_table(headers)
    finish(failures, total=len(micrographs))


def _print_json(headers: list[Header], failures: list[CryogleanError]) -> None:
    import json

    from cryoglean.errors import FileError

    found: list[dict[str, Any]] = [asdict(header) for header in headers]
    broken = [
        {"path": error.path, "error": error.cause} for error in failures if isinstance(error, FileError)
    ]
    typer.echo(json.dumps(found + broken, indent=2, default=str, ensure_ascii=False))


def _print_table(headers: list[Header]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        for header in headers:
            typer.echo("\t".join([str(header.path), *_columns(header), *_remarks(header)]))
        return
    table = Table("file", "format", "pixels", "frames", "type", "pixel size")
    for header in headers:
        table.add_row(header.path.name, *_columns(header))
    if headers:
        console.print(table)
    for header in headers:
        for remark in _remarks(header):
            console.print(f"[bold]{header.path.name}[/bold]: {remark}", highlight=False, soft_wrap=True)


def _columns(header: Header) -> list[str]:
    ny, nx = header.shape
    pixel_type = header.dtype if header.mode is None else f"{header.dtype} (mode {header.mode})"
    return [
        " ".join([header.format, header.compression]).strip(),
        f"{nx}×{ny}",
        str(header.frames),
        pixel_type,
        f"{header.pixel_size:.4g} Å" if header.pixel_size else "unknown",
    ]


def _remarks(header: Header) -> list[str]:
    return [remark for remark in (*header.warnings, header.pixel_size_doubt) if remark]
