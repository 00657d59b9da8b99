"""`cryoglean select`: other thresholds for a run, without touching a micrograph."""

from __future__ import annotations

import typer

from cryoglean.cli.options import Quiet, Report, RunArgument, configured
from cryoglean.cli.settings import Settings
from cryoglean.select.settings import SelectConfig


@configured(config=Settings(SelectConfig, {"Selection": list(SelectConfig.options())}))
def select(
    run: RunArgument,
    *,
    report: Report = True,
    quiet: Quiet = False,
    config: SelectConfig,
) -> None:
    """Select picks anew from all candidates of a run.

    Settings that are not given stay as they were. Coordinate files, tables and the summary
    are written anew, in milliseconds a micrograph, with what was corrected in
    `cryoglean view`. This also joins the parts that shards, or a run that was
    stopped, have done. Overlays whose picks have changed are removed;
    `cryoglean pick --overlays` draws them anew.
    """
    from cryoglean.cli.exit import NOTHING_DONE, SOME_FAILED
    from cryoglean.cli.running import write_page
    from cryoglean.engine import RunFolder, reselect
    from cryoglean.report.words import counted

    summary = reselect(RunFolder(run), config)
    if not quiet:
        missing = f", {summary.missing} not done yet" if summary.missing else ""
        rejected = f", {summary.rejected} of them rejected" if summary.rejected else ""
        done = counted(summary.done, "micrograph")
        typer.echo(f"{counted(summary.picks, 'pick')} in {done}{rejected}{missing}", err=True)
    for failure in summary.failures:
        typer.secho(f"failed: {failure.path}: {failure.error}", fg="red", err=True)
    if report and summary.done:
        write_page(run, silent=quiet)
    if summary.failed or summary.missing:
        raise typer.Exit(SOME_FAILED if summary.done else NOTHING_DONE)
