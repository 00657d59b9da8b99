"""`cryoglean merge`: one set of picks out of those of several programs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryoglean.types import Picks


def merge(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="PICKS", help="Picks of each program: files or folders.", show_default=False),
    ],
    *,
    out: Annotated[Path, typer.Option(help="A file, or a folder.", show_default=False)],
    to: Annotated[str | None, typer.Option(help="Format of OUT.", show_default="by the suffix")] = None,
    distance: Annotated[
        float | None,
        typer.Option(help="Picks nearer than this are one particle, Å.", show_default="half the diameter"),
    ] = None,
    distance_px: Annotated[float | None, typer.Option(help="The same in pixels.", show_default=False)] = None,
    min_votes: Annotated[int, typer.Option(min=1, help="Keep particles that so many programs found.")] = 1,
    angpix: Annotated[
        float | None, typer.Option(help="Pixel size of the micrographs, Å.", show_default="that of the files")
    ] = None,
) -> None:
    """Join picks of several programs, one to one, with votes and scores.

    A particle's place is the mean of its picks', its score the share of programs that
    found it. The columns `votes` and, for each program, `score_NAME` say more.

    Example: cryoglean merge topaz/ cryolo/ run/ --min-votes 2 --out agreed.csv
    """
    from cryoglean.cli.notes import note_angpix, note_pixel_sizes
    from cryoglean.engine.picks import read_picks_or_run
    from cryoglean.errors import UsageError
    from cryoglean.io.formats import write_picks
    from cryoglean.select.consensus import VOTES, consensus

    if len(sources) < 2:
        raise UsageError("merge joins the picks of two programs or more: name more files or folders")
    if min_votes > len(sources):
        raise UsageError(f"--min-votes: {len(sources)} programs cannot give {min_votes} votes")
    programs = _program_names(sources)
    sets = [read_picks_or_run(source, pixel_size=angpix) for source in sources]
    if angpix is not None:
        for picks, source in zip(sets, sources, strict=True):
            note_angpix(picks, source)
    reach = _Reach.of(sets, distance, distance_px)
    by_micrograph = _by_micrograph(sets, sources)
    for program, source in enumerate(sources[1:], 1):
        note_pixel_sizes(
            ((one[0], one[program]) for one in by_micrograph), f"{sources[0]} says", f"{source} says"
        )
    merged = []
    for found in by_micrograph:
        joined = consensus(dict(zip(programs, found, strict=True)), reach.in_pixels(found))
        merged.append(joined[joined.extra[VOTES] >= min_votes])
    write_picks(merged, out, format=to)
    typer.echo(f"{sum(map(len, merged))} particles of {len(merged)} micrographs in {out}")
    for votes in range(len(sources), min_votes - 1, -1):
        number = sum(int((one.extra[VOTES] == votes).sum()) for one in merged)
        typer.echo(f"  found by {votes} of {len(sources)}: {number}")


@dataclass(frozen=True)
class _Reach:
    """How near picks of one particle are: in Å, or in pixels."""

    angstrom: float | None
    px: float | None

    @classmethod
    def of(cls, sets: Sequence[list[Picks]], distance: float | None, distance_px: float | None) -> _Reach:
        """Take the distance given, or half the median diameter of the picks."""
        import numpy as np

        from cryoglean.errors import UsageError

        if distance is not None and distance_px is not None:
            raise UsageError("give --distance or --distance-px, not both")
        for name, value in (("--distance", distance), ("--distance-px", distance_px)):
            if value is not None and not 0 < value < float("inf"):
                raise UsageError(f"{name}: wanted a positive number, got {value}")
        if distance is not None or distance_px is not None:
            return cls(distance, distance_px)
        known = np.concatenate([np.zeros(0), *(one.diameter_px for picks in sets for one in picks)])
        known = known[np.isfinite(known)]
        if not len(known):
            what = "say no diameters, or no pixel size that theirs in Å mean something for"
            raise UsageError(f"the picks {what}: give --angpix, or --distance-px")
        return cls(None, float(np.median(known)) / 2)

    def in_pixels(self, picks: Sequence[Picks]) -> float:
        """Return the distance in pixels of the micrograph of these picks."""
        from cryoglean.errors import UsageError

        if self.px is not None:
            return self.px
        assert self.angstrom is not None
        known = {one.pixel_size for one in picks if len(one) and one.pixel_size is not None}
        if not known:
            raise UsageError(
                "--distance is in Å and the files give no pixel size: give --angpix, or --distance-px"
            )
        return self.angstrom / min(known)


def _program_names(sources: Sequence[Path]) -> list[str]:
    """Name programs after their files, and apart."""
    stems = [source.resolve().stem for source in sources]
    return [f"{stem}_{i}" if stems.count(stem) > 1 else stem for i, stem in enumerate(stems, 1)]


def _by_micrograph(sets: Sequence[list[Picks]], sources: Sequence[Path]) -> list[list[Picks]]:
    """Bring together the picks of all programs on each micrograph; empty ones where a program has none."""
    import numpy as np

    from cryoglean.cli.notes import note_pairs_by_name
    from cryoglean.errors import CoordinateError
    from cryoglean.io.formats.frames import in_frame_of
    from cryoglean.io.formats.naming import pair_micrographs
    from cryoglean.types import Picks

    found: dict[str, dict[int, Picks]] = {}
    for program, picks in enumerate(sets):
        pairing = pair_micrographs([one.micrograph for one in picks], found)
        doubtful = next(iter(pairing.ambiguous), None)
        if doubtful is not None:
            raise CoordinateError(sources[program], pairing.why_not(doubtful))
        if found and picks and not pairing.pairs:
            about = f"they are about {picks[0].micrograph} and the like, the others about {next(iter(found))}"
            raise CoordinateError(sources[program], f"no micrograph in common with the picks before: {about}")
        note_pairs_by_name(pairing)
        for one in picks:
            found.setdefault(pairing.pairs.get(one.micrograph, one.micrograph), {})[program] = one
    merged = []
    for each in found.values():
        first = next(iter(each.values()))
        none = Picks(np.empty((0, 2)), name=first.name, path=first.path)
        own = (each.get(program, none) for program in range(len(sets)))
        merged.append([replace(in_frame_of(one, first), name=first.name, path=first.path) for one in own])
    return merged
