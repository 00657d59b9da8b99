"""`cryoglean convert`: picks from one format into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryoglean.errors import CryogleanError
    from cryoglean.io import Header
    from cryoglean.types import Picks

# Micrographs looked at to find the orientation: a wrong one shows in the first already.
_LOOKED_AT = 8


def _list_formats(wanted: bool) -> None:
    if wanted:
        from cryoglean.io.formats import DIALECTS

        for dialect in DIALECTS.values():
            typer.echo(f"{dialect.name:<18}{dialect.suffix:<10}{dialect.summary}")
        raise typer.Exit


class FlipY(StrEnum):
    """Whether y is counted from the other edge."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


class Binning(StrEnum):
    """How coarser micrographs were made from finer ones."""

    CROP = "crop"
    AVERAGE = "average"


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A file of picks, or a folder of them.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="A file, or a folder for formats with a file a micrograph.",
            show_default=False,
        ),
    ],
    *,
    from_: Annotated[
        str | None, typer.Option("--from", help="Format of IN.", show_default="told by the suffix")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Format of OUT.", show_default="told by the suffix")] = None,
    micrographs: Annotated[
        list[str] | None,
        typer.Option(
            help="Micrographs that OUT shall be about, for names, shapes and pixel sizes: files, folders, "
            "globs in quotes, @lists or STAR files; may be repeated.",
            show_default=False,
        ),
    ] = None,
    angpix: Annotated[
        float | None,
        typer.Option(help="Pixel size of the micrographs of IN, Å.", show_default="that of the files"),
    ] = None,
    flip_y: Annotated[
        FlipY,
        typer.Option(help="Mirror in y; auto looks at the micrographs to see which way up the picks are."),
    ] = FlipY.NO,
    scale: Annotated[
        float, typer.Option(help="Multiply coordinates: 4 for picks from micrographs binned by 4.")
    ] = 1.0,
    binning: Annotated[
        Binning, typer.Option(help="How those were binned: Fourier cropping, or averaging blocks of pixels.")
    ] = Binning.CROP,
    box_size: Annotated[
        float | None,
        typer.Option(help="Box size for formats of boxes, px of OUT.", show_default="the diameter"),
    ] = None,
    list_formats: Annotated[
        bool,
        typer.Option(
            "--formats",
            is_eager=True,
            help="List the formats.",
            callback=_list_formats,
        ),
    ] = False,
) -> None:
    """Convert picks between formats of RELION, cryoSPARC, EMAN, crYOLO, Topaz and tables.

    Centres stay centres: corners, fractions and 0-based pixels are taken care of.
    Further columns survive where the format has a place for them.

    Example: cryoglean convert picks.csv AutoPick/ --to relion --micrographs mics.star

    Example: cryoglean convert J12_picked.cs picks.csv --flip-y auto --micrographs mics/
    """
    from cryoglean.cli.exit import finish
    from cryoglean.errors import UsageError
    from cryoglean.io.formats import write_picks
    from cryoglean.io.formats.frames import scaled, with_box_size
    from cryoglean.io.formats.relion import pixel_size_of
    from cryoglean.io.formats.rows import MICROGRAPH_PATH

    for name, number in (("--scale", scale), ("--box-size", box_size)):
        if number is not None and not 0 < number < float("inf"):
            raise UsageError(f"{name}: wanted a positive number, got {number}")
    headers, problems = _headers(micrographs or [])
    optics = _optics(micrographs or [])
    read = _Source(source, from_, angpix)
    picks = [scaled(one, scale, binning=binning.value) for one in read.picks()]
    if micrographs:
        names, more = _matched(source, picks, headers)
        problems += more
        sizes = {
            name: pixel_size_of(optics.get(found, {})) or headers[found].pixel_size
            for name, found in names.items()
        }
        picks = [scaled(one, scale, binning=binning.value) for one in read.picks(sizes, scale)]
        picks = [
            _placed(replace(one, name=names[one.name]), headers, optics) if one.name in names else one
            for one in picks
        ]
    picks = _turned(picks, flip_y, headers)
    if box_size is not None:
        picks = [with_box_size(one, box_size) for one in picks]
    paths = {
        name: optics.get(name, {}).get(MICROGRAPH_PATH, str(header.path)) for name, header in headers.items()
    }
    if to == "relion-particles" and not all("rlnVoltage" in one.extra for one in picks if len(one)):
        _note("RELION wants voltage and aberration: give the micrographs by a STAR file with optics groups")
    written = write_picks(picks, out, format=to, micrographs=paths)
    where = str(written[0]) if len(written) == 1 else f"{len(written)} files of {out}"
    typer.echo(f"{sum(map(len, picks))} picks of {len(picks)} micrographs in {where}")
    finish(problems, total=len(problems) + 1)


@dataclass(frozen=True)
class _Source:
    """Picks to be read once the pixel size is known, or guessed."""

    path: Path
    format: str | None
    angpix: float | None

    def picks(
        self, sizes: Mapping[str, float | None] = MappingProxyType({}), scale: float = 1.0
    ) -> list[Picks]:
        """Read the picks, with these pixel sizes where neither the user nor the file says them."""
        from cryoglean.io.formats import read_picks

        picks = read_picks(self.path, format=self.format, pixel_size=self.angpix)
        if self.angpix is not None:
            return picks
        by_size: dict[float, list[Picks]] = {}
        for i, one in enumerate(picks):
            size = sizes.get(one.name)
            # Diameters may be in pixels, so they are read again for each pixel size; there are few of those.
            if size and one.pixel_size == 1.0:
                size *= scale
                again = by_size.get(size) or read_picks(self.path, format=self.format, pixel_size=size)
                by_size[size] = again
                picks[i] = again[i]
        return picks


def _headers(micrographs: Sequence[str]) -> tuple[dict[str, Header], list[CryogleanError]]:
    """Read the headers of micrographs by name, and what is wrong with those that cannot be read."""
    from cryoglean.errors import MicrographError
    from cryoglean.io import expand_inputs, read_header
    from cryoglean.io.formats.naming import distinct_names

    headers: dict[str, Header] = {}
    problems: list[CryogleanError] = []
    paths = expand_inputs(micrographs) if micrographs else []
    named = distinct_names([str(path) for path in paths])
    for path in paths:
        try:
            headers[named[str(path)]] = read_header(path)
        except MicrographError as error:
            problems.append(error)
    return headers, problems


def _matched(
    source: Path, picks: Sequence[Picks], headers: Mapping[str, Header]
) -> tuple[Mapping[str, str], list[CryogleanError]]:
    """Find the micrograph of each name of picks, and tell what did not match."""
    from cryoglean.errors import CoordinateError
    from cryoglean.io.formats.naming import match_names

    match = match_names([one.name for one in picks], list(headers))
    if picks and not match.pairs:
        cause = f"no micrograph given has these picks: they are about {_some([one.name for one in picks])}"
        raise CoordinateError(source, f"{cause}, the micrographs are {_some(list(headers))}")
    problems: list[CryogleanError] = []
    if match.unmatched:
        cause = f"no micrograph was given for the picks of {len(match.unmatched)}: {_some(match.unmatched)}"
        problems.append(CoordinateError(source, f"{cause}; they keep their names"))
    for name, candidates in match.ambiguous.items():
        problems.append(
            CoordinateError(source, f"{name} could be any of {_some(candidates)}; it keeps its name")
        )
    if match.without_picks:
        cause = f"{len(match.without_picks)} micrographs have no picks: {_some(match.without_picks)}"
        _note(cause)
    return match.pairs, problems


def _optics(micrographs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read the optics groups of micrographs that are named by STAR files."""
    from cryoglean.io.formats.relion import read_micrographs

    stars = [Path(given) for given in micrographs if given.endswith(".star")]
    return {name: optics for star in stars for name, optics in read_micrographs(star).items()}


def _placed(picks: Picks, headers: Mapping[str, Header], optics: Mapping[str, Mapping[str, Any]]) -> Picks:
    """Give picks the path, the shape and the optics of their micrograph."""
    import numpy as np

    from cryoglean.io.formats.rows import MICROGRAPH_PATH

    header = headers[picks.name]
    known = {MICROGRAPH_PATH: str(header.path), **optics.get(picks.name, {})}
    columns = {label: np.full(len(picks), value) for label, value in known.items()}
    return replace(picks, shape=header.shape, extra={**picks.extra, **columns})


def _turned(picks: list[Picks], flip_y: FlipY, headers: Mapping[str, Header]) -> list[Picks]:
    """Mirror the picks if that is wanted, or found to be right."""
    from cryoglean.errors import UsageError
    from cryoglean.io.formats.frames import flipped_y

    if flip_y is FlipY.NO or not any(map(len, picks)):
        return picks
    if flip_y is FlipY.AUTO and not _is_upside_down(picks, headers):
        return picks
    unknown = [one.name for one in picks if len(one) and 0 in one.shape]
    if unknown:
        cause = f"how many rows these micrographs have is not known: {_some(unknown)}"
        raise UsageError(f"--flip-y {flip_y}: {cause}; give them with --micrographs")
    return [flipped_y(one) for one in picks]


def _is_upside_down(picks: Sequence[Picks], headers: Mapping[str, Header]) -> bool:
    from cryoglean.errors import UsageError
    from cryoglean.io import read_micrograph
    from cryoglean.select.orientation import orientation

    seen = sorted((one for one in picks if one.name in headers), key=len, reverse=True)[:_LOOKED_AT]
    if not seen:
        raise UsageError("--flip-y auto looks at the micrographs: give them with --micrographs")
    found = orientation((read_micrograph(headers[one.name].path), one) for one in seen)
    if found == "undecided":
        cause = "the picks show no clear contrast to what surrounds them, neither as they are nor mirrored"
        raise UsageError(f"--flip-y auto: {cause}; look at them and say yes or no")
    typer.echo(f"picks are {'upside down: mirrored in y' if found == 'flipped' else 'the right way up'}")
    return found == "flipped"


def _note(remark: str) -> None:
    typer.secho(f"note: {remark}", err=True)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
