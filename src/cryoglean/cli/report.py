"""`cryoglean report`: a run as one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryoglean.cli.options import INPUT, OUTPUT, IgnoredKinds, RunArgument

if TYPE_CHECKING:
    from collections.abc import Collection

    from cryoglean.engine import RunFolder
    from cryoglean.report.sections.truth import Comparison


def report(
    run: RunArgument,
    *,
    truth: Annotated[
        list[Path] | None,
        typer.Option(
            help="True centres: a file of any known format, or a folder; may be repeated.",
            show_default=False,
            rich_help_panel="Scoring",
        ),
    ] = None,
    diameter: Annotated[
        float | None,
        typer.Option(
            help="Particle diameter by which picks are compared with the truth, Å.",
            show_default="that of the truth, or of the run",
            rich_help_panel="Scoring",
        ),
    ] = None,
    ignore_kind: IgnoredKinds = None,
    defocus: Annotated[
        list[Path] | None,
        typer.Option(
            help="STAR file with the micrographs' defocus, which the run then keeps; may be repeated.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Write RUN/report.pdf too.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Write RUN/report.html: a run in pictures and figures, in one file.

    Shows the best, middle and worst micrographs with their picks, counts and
    scores over the run and over defocus, scores, sizes and spacing, contamination,
    failures, warnings, and every setting. With --truth, how good the picks are;
    the figures are also written to RUN/evaluation/. `cryoglean pick` and
    `cryoglean select` write the report by themselves.

    Example: cryoglean report run --truth truth/ --pdf
    """
    from cryoglean.engine import RunFolder
    from cryoglean.errors import FileError
    from cryoglean.report.pdf import print_page
    from cryoglean.report.run_report import write_report

    folder = RunFolder(run)
    folder.require_own_folders()
    if defocus and not _keep_defocus(folder, defocus):
        remedy = "give the file that CTF estimation left, with _rlnDefocusU and _rlnDefocusV"
        raise FileError(defocus[0], "has the defocus of no micrograph of this run", remedy)
    comparison = _compared(folder, truth, diameter=diameter, ignored=ignore_kind or ()) if truth else None
    page = write_report(folder, comparison=comparison)
    typer.echo(f"report: {page}")
    if pdf:
        typer.echo(f"report: {print_page(page)}")


def _keep_defocus(folder: RunFolder, files: list[Path]) -> bool:
    """Keep the defocus that files hold, and return whether they hold that of any micrograph of the run."""
    from cryoglean.engine.defocus import keep_ctf
    from cryoglean.engine.register import read_jobs

    return bool(keep_ctf(folder, read_jobs(folder), files))


def _compared(
    folder: RunFolder, files: list[Path], *, diameter: float | None, ignored: Collection[str]
) -> Comparison:
    """Compare the picks of a run with the truth, and write down what comes out."""
    from cryoglean.cli.evaluate import called_alike, typical_diameter_px
    from cryoglean.engine.picks import read_picks_or_run
    from cryoglean.engine.register import read_jobs
    from cryoglean.engine.results import read_results
    from cryoglean.errors import UsageError
    from cryoglean.evaluate import evaluate
    from cryoglean.report.evaluation_files import write_evaluation
    from cryoglean.report.sections.truth import Comparison

    done = read_results(read_jobs(folder), folder)
    picks = [found for _, record, found in done if record.error is None]
    truth = [one for file in files for one in read_picks_or_run(file)]
    # Reports call micrographs as the run does.
    truth = called_alike(picks, truth)
    sizes = {one.name: one.pixel_size for one in picks}
    truth = [one.with_pixel_size(sizes.get(one.name) or one.pixel_size) for one in truth]
    known = [size for size in sizes.values() if size is not None]
    given = None if diameter is None else diameter / (known[0] if known else 1.0)
    diameter_px = given or typical_diameter_px(truth) or typical_diameter_px(picks)
    if diameter_px is None:
        raise UsageError("neither the truth nor the run holds diameters: give --diameter")
    evaluation = evaluate(truth, picks, diameter_px=diameter_px, ignored_kinds=ignored)
    write_evaluation(evaluation, folder.evaluation)
    return Comparison({one.name: one for one in truth}, evaluation)
