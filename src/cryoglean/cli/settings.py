"""Settings of a verb: which there are, and what the options and the file of ``--config`` say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cryoglean.errors import UsageError
from cryoglean.io.toml_file import read_toml
from cryoglean.settings import Config


@dataclass(frozen=True)
class Settings:
    """Settings of a verb, and which of them are options.

    Parameters
    ----------
    model : type of Config
        Its field descriptions become the help texts.
    options : mapping of str to sequence of str
        Names of the settings that are options, by their panel in the help.
    table : str, optional
        Table of the TOML file in which they stand; at its top level where it is not given.
    without : sequence of str
        Names of settings that mean nothing to this verb, and which it refuses.
    """

    model: type[Config]
    options: Mapping[str, Sequence[str]]
    table: str | None = None
    without: Sequence[str] = ()

    def sections(self) -> dict[str, dict[str, FieldInfo]]:
        """Return all settings by when they count, in words, and by name."""
        return {
            when: {name: info for name, info in fields.items() if name not in self.without}
            for when, fields in self.model.sections().items()
        }

    def shown(self) -> dict[str, tuple[str, FieldInfo]]:
        """Return panel and field of each option, by its name."""
        fields = self.model.options()
        return {name: (panel, fields[name]) for panel, names in self.options.items() for name in names}

    def in_file_alone(self) -> list[str]:
        """Return names of the settings that only the TOML file reaches."""
        shown = self.shown()
        return [name for name in self.model.options() if name not in shown and name not in self.without]


def resolve(parts: Mapping[str, Settings], path: Path | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Build the settings of a verb from a TOML file and values that win over it; None is no value.

    Raises
    ------
    UsageError
        A value out of range or an unknown name, with the option or the file named.
    """
    stored: dict[str, Any] = {}
    if path is not None:
        stored = read_toml(path)
    tables = {part.table: stored.pop(part.table, {}) for part in parts.values() if part.table}
    built: dict[str, Any] = {}
    for parameter, part in parts.items():
        values = tables[part.table] if part.table else stored
        if not isinstance(values, dict):
            raise UsageError(f"{path}: {part.table}: wanted a table, got {values!r}")
        known = part.model.options()
        own = {name: value for name, value in given.items() if name in known and value is not None}
        if strange := sorted(values.keys() & set(part.without)):
            raise UsageError(f"{path}: {strange[0]}: no such setting of this command")
        try:
            built[parameter] = part.model.model_validate(part.model.merged(values, own))
        except ValidationError as error:
            raise UsageError(_explain(error, path, own, table=part.table)) from None
    return built


def _explain(
    error: ValidationError, path: Path | None, given: Mapping[str, Any], *, table: str | None
) -> str:
    lines = []
    for item in error.errors():
        loc, where = item["loc"], ""
        if loc[:1] == ("method",) and len(loc) > 2:
            # The method's own settings stand beside its name.
            loc, where = loc[2:], f" with --method {loc[1]}"
        place = ".".join(str(part) for part in loc) or "settings"
        in_file = f"{path}: {f'{table}.' if table else ''}{place}" if path else place
        name = f"--{place.replace('_', '-')}" if loc and loc[0] in given else in_file
        got = "" if item["type"] in ("extra_forbidden", "missing") or not loc else f", got {item['input']!r}"
        message = item["msg"].removeprefix("Value error, ")
        reason = f"no such setting{where}" if item["type"] == "extra_forbidden" else message
        lines.append(f"{name}: {reason}{got}")
    return "; ".join(lines)
