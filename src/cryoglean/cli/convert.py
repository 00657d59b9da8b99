"""`cryoglean convert`: picks from one format into another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cryoglean.cli.options import INPUT, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryoglean.errors import CryogleanError
    from cryoglean.io import Header
    from cryoglean.types import MicrographFile, Picks

COORDINATES = "Coordinates"
"""Panel of the help."""

# Micrographs looked at to find the orientation: a wrong one shows in the first already.
_LOOKED_AT = 8
_WITH_PIXEL_SIZE = {
    "relion-particles": "is left out, which RELION does not take",
    "relion-3.0": "is left out, which RELION does not take",
    "cryosparc": "is written as 0",
    "cryolo": "estimated sizes are in pixels",
}
"""Formats that have a place for the pixel size, and what becomes of it where it is not known."""


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
        Path,
        typer.Argument(
            metavar="IN",
            help="A file of picks, or a folder of them.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="A file, or a folder for formats with a file a micrograph.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ],
    *,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="Format of IN.", show_default="by the suffix", rich_help_panel=INPUT),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="Format of OUT.", show_default="by the suffix", rich_help_panel=OUTPUT),
    ] = None,
    micrographs: Annotated[
        list[str] | None,
        typer.Option(
            help="Micrographs that OUT shall be about, for names, shapes and pixel sizes: files, folders, "
            "globs in quotes, @lists or STAR files; may be repeated.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None,
    angpix: Annotated[
        float | None,
        typer.Option(
            help="Pixel size of the micrographs of IN, Å.",
            show_default="that of the files",
            rich_help_panel=INPUT,
        ),
    ] = None,
    flip_y: Annotated[
        FlipY,
        typer.Option(
            help="Mirror in y; auto looks at the micrographs to see which way up the picks are.",
            rich_help_panel=COORDINATES,
        ),
    ] = FlipY.NO,
    scale: Annotated[
        float,
        typer.Option(
            help="Multiply coordinates: 4 for picks from micrographs binned by 4.",
            rich_help_panel=COORDINATES,
        ),
    ] = 1.0,
    binning: Annotated[
        Binning,
        typer.Option(
            help="How those were binned: Fourier cropping, or averaging blocks of pixels.",
            rich_help_panel=COORDINATES,
        ),
    ] = Binning.CROP,
    box_size: Annotated[
        float | None,
        typer.Option(
            help="Box size for formats of boxes, pixels of OUT.",
            show_default="the diameter",
            rich_help_panel=COORDINATES,
        ),
    ] = None,
    list_formats: Annotated[
        bool,
        typer.Option(
            "--formats",
            is_eager=True,
            help="List the formats.",
            rich_help_panel=OUTPUT,
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
    from cryoglean.cli.notes import note, note_angpix
    from cryoglean.errors import UsageError
    from cryoglean.io.formats import write_picks
    from cryoglean.io.formats.dialects import dialect_of, require_places
    from cryoglean.io.formats.frames import scaled, with_box_size

    for name, number in (("--scale", scale), ("--box-size", box_size)):
        if number is not None and not 0 < number < float("inf"):
            raise UsageError(f"{name}: wanted a positive number, got {number}")
    known, problems = _headers(micrographs or [])
    read = _Source(source, from_, angpix)
    given = read.picks()
    if angpix is not None:
        note_angpix(given, source, format=from_, fractions=True)
    picks = [scaled(one, scale, binning=binning.value) for one in given]
    if micrographs:
        pairs, more = _matched(source, picks, known)
        problems += more
        sizes = {name: known[found].pixel_size for name, found in pairs.items()}
        picks = [scaled(one, scale, binning=binning.value) for one in read.picks(sizes, scale)]
        places = [known.get(pairs.get(one.micrograph, "")) for one in picks]
        picks = [
            one if at is None else _placed(one, at, angpix) for one, at in zip(picks, places, strict=True)
        ]
    require_places(picks, source)
    picks = _turned(picks, flip_y, known)
    if box_size is not None:
        picks = [with_box_size(one, box_size) for one in picks]
    dialect = dialect_of(out, to).name
    if dialect in _WITH_PIXEL_SIZE and any(one.pixel_size is None for one in picks if len(one)):
        note(f"the pixel size is not known, and {_WITH_PIXEL_SIZE[dialect]}: give it with --angpix")
    if dialect == "relion-particles" and not all("rlnVoltage" in one.extra for one in picks if len(one)):
        note("RELION wants voltage and aberration: give the micrographs by a STAR file with optics groups")
    written = write_picks(picks, out, format=to)
    where = str(written[0]) if len(written) == 1 else f"{len(written)} files of {out}"
    typer.echo(f"{sum(map(len, picks))} picks of {len(picks)} micrographs in {where}")
    finish(problems, total=len(problems) + 1)


@dataclass(frozen=True, eq=False)
class _Place:
    """A micrograph that picks may be of, its header, and what is known of its pixels and its optics."""

    file: MicrographFile
    header: Header
    pixel_size: float | None
    optics: Mapping[str, Any]


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
        picks = self._read(self.angpix)
        if self.angpix is not None:
            return picks
        by_size: dict[float, list[Picks]] = {}
        for i, one in enumerate(picks):
            size = sizes.get(one.micrograph)
            # Diameters may be in pixels, so they are read again for each pixel size; there are few of those.
            if size and one.pixel_size is None:
                size *= scale
                again = by_size.get(size) or self._read(size)
                by_size[size] = again
                picks[i] = again[i]
        return picks

    def _read(self, pixel_size: float | None) -> list[Picks]:
        from cryoglean.engine.picks import read_picks_or_run

        return read_picks_or_run(self.path, format=self.format, pixel_size=pixel_size, fractions=True)


def _headers(micrographs: Sequence[str]) -> tuple[dict[str, _Place], list[CryogleanError]]:
    """Look at micrographs, by location, and say what is wrong with those that cannot be read."""
    from cryoglean.cli.notes import note_warnings
    from cryoglean.errors import MicrographError
    from cryoglean.io import expand_inputs, read_header
    from cryoglean.io.headers import believed_pixel_size
    from cryoglean.io.inputs import listed_optics

    known: dict[str, _Place] = {}
    problems: list[CryogleanError] = []
    told: Counter[str] = Counter()
    optics = listed_optics(micrographs)
    for one in expand_inputs(micrographs) if micrographs else []:
        try:
            header = read_header(one.path)
        except MicrographError as error:
            problems.append(error)
            continue
        size = believed_pixel_size(header, one, given=None)
        known[one.location] = _Place(one, header, size.angstrom, optics.get(one.listed, {}))
        told.update(size.remarks)
    note_warnings(told)
    return known, problems


def _matched(
    source: Path, picks: Sequence[Picks], known: Mapping[str, _Place]
) -> tuple[Mapping[str, str], list[CryogleanError]]:
    """Find the micrograph of each set of picks, and tell what did not match."""
    from cryoglean.cli.notes import note, note_pairs_by_name, some
    from cryoglean.errors import CoordinateError
    from cryoglean.io.formats.naming import pair_micrographs

    names = [one.micrograph for one in picks]
    pairing = pair_micrographs(names, known)
    note_pairs_by_name(pairing)
    problems: list[CryogleanError] = []
    problems += [
        CoordinateError(source, f"{pairing.why_not(name)}; it keeps its name") for name in pairing.ambiguous
    ]
    if picks and not pairing.pairs and not problems:
        cause = f"no micrograph given has these picks: they are about {some(names)}"
        raise CoordinateError(
            source, f"{cause}, the micrographs are {some([place.file.listed for place in known.values()])}"
        )
    if pairing.unmatched:
        cause = (
            f"no micrograph was given for the picks of {len(pairing.unmatched)}: {some(pairing.unmatched)}"
        )
        problems.append(CoordinateError(source, f"{cause}; they keep their names"))
    if pairing.without_picks:
        note(f"{len(pairing.without_picks)} micrographs have no picks: {some(pairing.without_picks)}")
    return pairing.pairs, problems


def _placed(picks: Picks, place: _Place, angpix: float | None) -> Picks:
    """Give picks the path, the name, the shape, the pixel size and the optics of their micrograph."""
    from cryoglean.io.formats.frames import onto
    from cryoglean.io.formats.rows import with_optics
    from cryoglean.io.micrographs import micrograph_name

    placed = onto(picks, place.header.shape)
    known = placed.pixel_size if angpix is not None else place.pixel_size
    return replace(
        with_optics(placed, place.optics).with_pixel_size(known),
        name=micrograph_name(place.file.path),
        path=place.file.listed,
    )


def _turned(picks: list[Picks], flip_y: FlipY, known: Mapping[str, _Place]) -> list[Picks]:
    """Mirror the picks if that is wanted, or found to be right."""
    from cryoglean.cli.notes import some
    from cryoglean.errors import UsageError
    from cryoglean.io.formats.frames import flipped_y

    if flip_y is FlipY.NO or not any(map(len, picks)):
        return picks
    if flip_y is FlipY.AUTO and not _is_upside_down(picks, known):
        return picks
    unknown = [one.micrograph for one in picks if len(one) and 0 in one.shape]
    if unknown:
        cause = f"how many rows these micrographs have is not known: {some(unknown)}"
        raise UsageError(f"--flip-y {flip_y}: {cause}; give them with --micrographs")
    return [flipped_y(one) for one in picks]


def _is_upside_down(picks: Sequence[Picks], known: Mapping[str, _Place]) -> bool:
    from cryoglean.errors import UsageError
    from cryoglean.io import read_micrograph
    from cryoglean.select.orientation import orientation

    files = {place.file.listed: place.file for place in known.values()}
    seen = sorted((one for one in picks if one.path in files), key=len, reverse=True)[:_LOOKED_AT]
    if not seen:
        raise UsageError("--flip-y auto looks at the micrographs: give them with --micrographs")
    found = orientation((read_micrograph(files[one.path]), one) for one in seen)
    if found == "undecided":
        cause = "the picks show no clear contrast to what surrounds them, neither as they are nor mirrored"
        raise UsageError(f"--flip-y auto: {cause}; look at them and say yes or no")
    typer.echo(f"picks are {'upside down: mirrored in y' if found == 'flipped' else 'the right way up'}")
    return found == "flipped"
