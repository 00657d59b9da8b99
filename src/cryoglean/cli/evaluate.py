"""`cryoglean evaluate`: how good picks are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryoglean.cli.options import INPUT, OUTPUT, IgnoredKinds
from cryoglean.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from cryoglean.evaluate import Evaluation
    from cryoglean.types import Picks

_WORST_SHOWN = 5


def evaluate(
    truth: Annotated[
        Path,
        typer.Argument(
            help="True centres: a file of any known format, or a folder.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ],
    picks: Annotated[
        Path,
        typer.Argument(
            help="Picks: a file of any known format, a folder, or a run.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ],
    *,
    diameter: Annotated[
        float | None,
        typer.Option(
            help="Particle diameter, Å; needs the pixel size.",
            show_default="that of the truth",
            rich_help_panel=INPUT,
        ),
    ] = None,
    diameter_px: Annotated[
        float | None,
        typer.Option(help="Particle diameter in pixels, instead.", show_default=False, rich_help_panel=INPUT),
    ] = None,
    angpix: Annotated[
        float | None,
        typer.Option(
            help="Pixel size of the micrographs, Å.",
            show_default="that of the files",
            rich_help_panel=INPUT,
        ),
    ] = None,
    tolerance: Annotated[
        list[float] | None,
        typer.Option(
            help="Matching distance in diameters; may be repeated.",
            show_default="0.25 and 0.5",
            rich_help_panel="Scoring",
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(help="Leave out picks of a lower score.", show_default=False, rich_help_panel="Scoring"),
    ] = None,
    ignore_kind: IgnoredKinds = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for evaluation.json, micrographs.csv, precision_recall.csv and .png.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of tables.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Compare picks with true particles, one to one.

    A pick is a hit when its centre lies closer than a part of the diameter to a
    true centre that no other pick holds. Files pair by micrograph; particles of a
    micrograph without picks count as missed.

    Example: cryoglean evaluate truth/ run/ --diameter 114 --angpix 1.5 --out scores/
    """
    import json

    from cryoglean.evaluate import TOLERANCES
    from cryoglean.evaluate import evaluate as score
    from cryoglean.report.evaluation_files import write_evaluation

    true, found = read_paired(truth, picks, angpix)
    if min_score is not None:
        found = [one[one.score >= min_score] for one in found]
    evaluation = score(
        true,
        found,
        diameter_px=_in_pixels(true, found, diameter=diameter, diameter_px=diameter_px),
        tolerances=tolerance or TOLERANCES,
        ignored_kinds=ignore_kind or (),
    )
    if out is not None:
        write_evaluation(evaluation, out)
    if as_json:
        typer.echo(json.dumps(evaluation.as_dict(), indent=2, ensure_ascii=False))
    else:
        _print_tables(evaluation)
    for names, what in (
        (evaluation.unpicked, "without picks of their own count as missed"),
        (evaluation.unknown, "without truth do not count"),
    ):
        if names:
            first = f"{names[0]}{' …' if len(names) > 1 else ''}"
            typer.secho(f"note: micrographs {what}: {len(names)} ({first})", err=True)


def read_paired(truth: Path, picks: Path, angpix: float | None) -> tuple[list[Picks], list[Picks]]:
    """Read truth and picks; what either knows of the pixel size of a micrograph holds for the other."""
    from cryoglean.cli.notes import note_angpix, note_pixel_sizes
    from cryoglean.engine.picks import read_picks_or_run

    true, found = (read_picks_or_run(path, pixel_size=angpix) for path in (truth, picks))
    if angpix is not None:
        note_angpix(true, truth)
        note_angpix(found, picks)
    found = called_alike(true, found)
    of = {one.name: one for one in true}
    pairs = ((of[one.name], one) for one in found if one.name in of)
    note_pixel_sizes(pairs, "the truth says", "the picks say")
    sizes = {one.name: one.pixel_size for one in (*true, *found) if one.pixel_size is not None}
    # One pixel size for all that say theirs is that of all others as well.
    common = next(iter(sizes.values())) if len(set(sizes.values())) == 1 else None

    def sized(one: Picks) -> Picks:
        return one if one.pixel_size is not None else one.with_pixel_size(sizes.get(one.name, common))

    return [sized(one) for one in true], [sized(one) for one in found]


def called_alike(truth: Sequence[Picks], picks: Sequence[Picks]) -> list[Picks]:
    """Call picks as the truth calls their micrograph, in whose pixels they are then.

    Raises
    ------
    CoordinateError
        Truth and picks are of different fields.
    UsageError
        None are about the same micrograph, or it cannot be told which are.
    """
    from cryoglean.cli.notes import note_pairs_by_name
    from cryoglean.io.formats.frames import in_frame_of
    from cryoglean.io.formats.naming import pair_micrographs

    pairing = pair_micrographs([one.micrograph for one in picks], [one.micrograph for one in truth])
    if pairing.ambiguous:
        raise UsageError(f"{pairing.why_not(next(iter(pairing.ambiguous)))}; name files by whole paths")
    if truth and picks and not pairing.pairs:
        raise UsageError(
            f"no micrograph has both truth and picks: truth is about {truth[0].micrograph!r} and the like, "
            f"picks are about {picks[0].micrograph!r}; files pair by the name of the micrograph"
        )
    note_pairs_by_name(pairing)
    of = {one.micrograph: one for one in truth}
    names = {one.name for one in truth}
    called = []
    for one in picks:
        if one.micrograph in pairing.pairs:
            true = of[pairing.pairs[one.micrograph]]
            called.append(replace(in_frame_of(one, true), name=true.name))
        else:
            called.append(replace(one, name=one.micrograph if one.name in names else one.name))
    return called


def _in_pixels(
    truth: Sequence[Picks], picks: Sequence[Picks], *, diameter: float | None, diameter_px: float | None
) -> float:
    """Resolve the particle diameter: the given one, or the median of the truth's own."""
    if diameter is not None and diameter_px is not None:
        raise UsageError("give --diameter or --diameter-px, not both")
    if diameter_px is not None:
        return diameter_px
    if diameter is not None:
        sizes = {one.pixel_size for one in (*truth, *picks) if one.pixel_size is not None}
        if len(sizes) != 1:
            known = f"the files give {sorted(sizes)}" if sizes else "the files do not give it"
            raise UsageError(
                f"--diameter is in Å, so the pixel size is needed and {known}: "
                "give --angpix too, or --diameter-px instead"
            )
        return diameter / sizes.pop()
    own = typical_diameter_px(truth)
    if own is None:
        raise UsageError("the truth holds no diameters: give --diameter or --diameter-px")
    return own


def typical_diameter_px(picks: Sequence[Picks]) -> float | None:
    """Return the median diameter of picks in pixels; None where they hold none."""
    import numpy as np

    own = np.concatenate([np.zeros(0), *(one.diameter_px for one in picks)])
    own = own[np.isfinite(own)]
    return float(np.median(own)) if len(own) else None


def _print_tables(evaluation: Evaluation) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    number, merit = len(evaluation.micrographs), evaluation.pooled[-1]
    console.print(
        f"{number} micrograph{'' if number == 1 else 's'}, {merit.particles} particles, {merit.picks} picks, "
        f"D = {evaluation.diameter_px:.4g} px"
    )
    _print_pooled(console, evaluation)
    if len(evaluation.kinds) > 1:
        kinds = (
            f"{one.kind} {one.hits} of {one.particles}, {one.agreeing} called so" for one in evaluation.kinds
        )
        console.print("By kind: " + "; ".join(kinds), soft_wrap=True)
    if number > 1:
        worst = sorted(evaluation.micrographs.items(), key=lambda item: item[1][-1].f1)[:_WORST_SHOWN]
        listed = ", ".join(f"{name} {merits[-1].f1:.3f}" for name, merits in worst)
        console.print(f"Lowest F1 within {merit.tolerance:g} D: {listed}", soft_wrap=True)
    paper = evaluation.paper
    console.print(
        f"As the AutoCryoPicker paper counts (not one to one): precision {paper.precision:.4f}, "
        f"recall {paper.recall:.4f}, F1 {paper.f1:.4f}, accuracy {paper.accuracy:.4f}",
        soft_wrap=True,
    )


def _print_pooled(console: Console, evaluation: Evaluation) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("within")
    for heading in ("precision", "recall", "F1", "worst F1", "accuracy", "AP", "offset", "doubles"):
        table.add_column(heading, justify="right")
    for merit, worst in zip(evaluation.pooled, evaluation.worst_f1, strict=True):
        area, offset = merit.average_precision, merit.median_offset_px
        table.add_row(
            f"{merit.tolerance:g} D",
            *(f"{figure:.4f}" for figure in (merit.precision, merit.recall, merit.f1, worst, merit.accuracy)),
            "–" if area is None else f"{area:.4f}",
            "–" if offset is None else f"{offset:.2f} px",
            str(merit.doubles),
        )
    console.print(table)
