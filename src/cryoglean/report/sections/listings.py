"""What a run lists: micrographs worth a look, failures and warnings, and every setting."""

from __future__ import annotations

from collections.abc import Sequence

from cryoglean.pickers.settings import PickConfig
from cryoglean.report.page import Section, Table
from cryoglean.report.statistics import RunStatistics

_MAX_LISTED = 100


def worth_a_look(run: RunStatistics) -> Section:
    """List micrographs that are unlike the others."""
    rows = [(one.name, one.reason, f"{one.deviation:.1f}") for one in run.summary.outliers]
    heads = ("micrograph", "how it differs", "robust deviations")
    nothing = "No micrograph is far from the others in its number of picks or in its scores."
    return _listing("Worth a look", [(heads, rows)], nothing)


def failures_and_warnings(run: RunStatistics) -> Section:
    """List what failed and why, and what is strange about files that were picked nevertheless."""
    failures = [(one.path, one.error) for one in run.summary.failures]
    warnings = [(text, f"{number:,}") for text, number in run.summary.warnings.items()]
    nothing = "No micrograph failed, and nothing is strange about the files."
    tables: list[tuple[Sequence[str], Sequence[Sequence[object]]]] = [
        (("file", "why it failed"), failures),
        (("warning", "micrographs"), warnings),
    ]
    return _listing("Failures and warnings", tables, nothing)


def configuration(run: RunStatistics) -> Section:
    """List every setting, and say which are not the default."""
    default = PickConfig(method=type(run.config.method)()).model_dump(mode="json")
    known = PickConfig.options()
    rows = []
    for name, value in run.config.model_dump(mode="json").items():
        description = (known[name].description or "").replace("`", "'")
        rows.append(
            (name, _plain(value), "" if value == default[name] else _plain(default[name]), description)
        )
    heads = ("setting", "value", "default, if another", "what it does")
    return Section("Configuration", "configuration.html", {"settings": Table(heads, rows, kind="settings")})


def _listing(
    heading: str, tables: Sequence[tuple[Sequence[str], Sequence[Sequence[object]]]], nothing: str
) -> Section:
    """Make tables of as many rows as anybody reads, and say where the others are."""
    full = [(heads, rows) for heads, rows in tables if rows]
    values = {
        "tables": [
            {"table": Table(heads, rows[:_MAX_LISTED]), "more": max(len(rows) - _MAX_LISTED, 0)}
            for heads, rows in full
        ],
        "nothing": nothing,
    }
    return Section(heading, "listing.html", values)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not given" if value is None else str(value)
