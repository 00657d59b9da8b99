"""From the records of all micrographs to the files about the whole run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any, TextIO

import tomli_w
from pydantic import TypeAdapter, ValidationError

import cryoglean
from cryoglean.engine.defocus import kept_ctf
from cryoglean.engine.folder import RunFolder
from cryoglean.engine.learning import learned_of
from cryoglean.engine.ledger import DIAMETER_DECIMALS, SCORE_DECIMALS, XY_DECIMALS, Record, selection_of
from cryoglean.engine.micrograph_table import write_micrograph_table
from cryoglean.engine.plan import Job
from cryoglean.engine.records import record_of
from cryoglean.engine.size import kept_size
from cryoglean.engine.summary import Summary, sum_up, told
from cryoglean.engine.work import Outcome, file_results, outcome_of, with_corrections
from cryoglean.errors import CorrectionsError, FileError
from cryoglean.io.formats.relion import write_coordinate_list
from cryoglean.io.formats.tables import quoted
from cryoglean.io.limits import read_file
from cryoglean.io.toml_file import read_toml
from cryoglean.io.writing import complete_or_absent
from cryoglean.pickers.settings import PickConfig
from cryoglean.settings import fault_of
from cryoglean.types import Picks

_HEADER = ("micrograph", "x", "y", "score", "diameter", "kind")
_ROW = f"%s,%.{XY_DECIMALS}f,%.{XY_DECIMALS}f,%.{SCORE_DECIMALS}f,%.{DIAMETER_DECIMALS}f,%s\n"


def collect(jobs: Sequence[Job], folder: RunFolder, config: PickConfig) -> Summary:
    """Write the tables and the list of a run from its records, and sum it up.

    A coordinate file that was selected or corrected in another way, or is missing, is written anew.
    Micrographs are not touched, and records are read one at a time.

    Parameters
    ----------
    jobs : sequence of Job
        All of the run, in order.
    folder : RunFolder
        Where records are, and where results go.
    config : PickConfig
        The resolved configuration, by whose selection candidates become picks.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    outcomes: list[Outcome] = []
    files: dict[str, Path] = {}
    with (
        complete_or_absent(folder.table) as partial,
        partial.open("w", encoding="utf-8", newline="") as table,
    ):
        table.write(",".join(_HEADER) + "\n")
        for job, record in _records(jobs, folder):
            record, picks = _current(record, folder, config)
            outcomes.append(outcome_of(job, record, picks))
            if record.error is None and not record.rejected:
                files[job.micrograph.listed] = folder.star(job.name)
                _write_rows(table, picks)
    write_coordinate_list(folder.star_list, files)
    by_name = {outcome.name: outcome for outcome in outcomes}
    write_micrograph_table(folder, jobs, outcomes=by_name, ctf=kept_ctf(folder))
    summary = sum_up(outcomes, missing=len(jobs) - len(outcomes))
    return told_of(folder, summary, config)


def told_of(folder: RunFolder, summary: Summary, config: PickConfig) -> Summary:
    """Add to a run's numbers what its folder keeps of how it was picked; see `told`."""
    measured, learned = kept_size(folder.size), learned_of(folder, config)
    return told(summary, config, measured=measured, learned=learned)


def read_results(jobs: Iterable[Job], folder: RunFolder) -> Iterator[tuple[Job, Record, Picks]]:
    """Give the record and the picks of each micrograph that was worked on, corrected, one at a time."""
    for job, record in _records(jobs, folder):
        yield (job, *_corrected(record, folder))


def write_summary(folder: RunFolder, summary: Summary) -> None:
    """Write a run in numbers.

    Parameters
    ----------
    folder : RunFolder
        The run.
    summary : Summary
        Its numbers. It is 'incomplete' where micrographs are missing, or else 'complete'.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    stored = {
        "state": "incomplete" if summary.missing else "complete",
        "version": cryoglean.__version__,
        **asdict(summary),
        "failures": [
            {"micrograph": outcome.name, "path": str(outcome.path), "error": outcome.error}
            for outcome in summary.failures
        ],
    }
    _write_json(folder.summary, stored)


def kept_summary(folder: RunFolder) -> Summary | None:
    """Read a run in numbers, as it was when its results were written, without what failed.

    None where there is no summary yet, or none that can be used.
    """
    try:
        stored = json.loads(read_file(folder.summary))
        return _stored_summary().validate_python({**stored, "failures": ()})
    except (OSError, ValueError, TypeError, RecursionError):
        return None


@cache
def _stored_summary() -> TypeAdapter[Summary]:
    return TypeAdapter(Summary)


def mark_unfinished(folder: RunFolder) -> None:
    """Say in the place of the summary that the run has not ended.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    _write_json(folder.summary, {"state": "unfinished", "version": cryoglean.__version__})


def _write_json(path: Path, stored: Mapping[str, Any]) -> None:
    with complete_or_absent(path) as partial:
        partial.write_text(json.dumps(stored, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_config(path: Path, config: PickConfig) -> None:
    """Write a resolved configuration, which gives the same picks again with ``--config``.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with complete_or_absent(path) as partial:
        partial.write_text(tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)), encoding="utf-8")


def read_config(path: Path) -> PickConfig:
    """Read the resolved configuration of a run.

    Raises
    ------
    FileError
        It is not there, or not such a configuration.
    """
    remedy = "name the folder that `cryoglean pick --out` wrote"
    try:
        return PickConfig.model_validate(read_toml(path))
    except FileError as error:
        raise FileError(path, error.cause, remedy) from None
    except ValidationError as error:
        raise FileError(path, f"not the configuration of a run: {fault_of(error)}", remedy) from None


def _records(jobs: Iterable[Job], folder: RunFolder) -> Iterator[tuple[Job, Record]]:
    for job in jobs:
        record = record_of(job, folder)
        if record is not None:
            yield job, record


def _current(record: Record, folder: RunFolder, config: PickConfig) -> tuple[Record, Picks]:
    """Return a record and its picks, after its files were brought up to what is wanted of them."""
    selection = selection_of(config)
    agrees = record.selection == selection
    if not agrees:
        record = replace(record, config=record.config.changed(**dict(selection)))
    now, picks = _corrected(record, folder)
    as_before = agrees and now.corrections == record.corrections and folder.star(record.name).exists()
    if now.error is None and not as_before:
        file_results(now, folder)
    return now, picks


def _corrected(record: Record, folder: RunFolder) -> tuple[Record, Picks]:
    """Return a record and its picks; as one that failed where its corrections cannot be read."""
    try:
        return with_corrections(record, folder)
    except CorrectionsError as error:
        failed = replace(record, candidates=None, error=str(error))
        return with_corrections(failed, folder)


def _write_rows(table: TextIO, picks: Picks) -> None:
    name = quoted(picks.name)
    columns = (picks.xy[:, 0], picks.xy[:, 1], picks.score, picks.diameter, picks.kind)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    table.writelines(_ROW % (name, *row) for row in rows)
