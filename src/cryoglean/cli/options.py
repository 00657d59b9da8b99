"""Command-line options made from configuration models, so that each setting is described in one place.

A verb shows the options that are needed daily, in panels. All settings, those of the options among them, are
reached through the TOML file of ``--config``, which ``--settings`` prints.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cryoglean.errors import UsageError
from cryoglean.settings import Config

INPUT, PARTICLES, OUTPUT, RUNNING = "Input", "Particles", "Output", "Running"
"""Panels of the help that several verbs have."""


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


Micrographs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUTS",
        help="Micrographs: files, folders, globs in quotes, @lists or STAR files.",
        show_default=False,
        rich_help_panel=INPUT,
    ),
]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False, rich_help_panel=INPUT)
]
Report = Annotated[
    bool,
    typer.Option("--report/--no-report", help="Write report.html at the end.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only failures.", rich_help_panel=RUNNING)]
JsonLines = Annotated[
    bool, typer.Option("--json-lines", help="Print all events on stdout, as JSON.", rich_help_panel=RUNNING)
]
IgnoredKinds = Annotated[
    list[str] | None,
    typer.Option(
        help="Kind of true particles to ignore in scoring, picked or not; may be repeated.",
        show_default=False,
        rich_help_panel="Scoring",
    ),
]


def configured(**parts: Settings) -> Callable[[Any], Any]:
    """Give a command its settings: options for some of them, and a TOML file for all.

    Values given on the command line win over those of ``--config FILE.toml``, which win over the defaults.

    Parameters
    ----------
    **parts : Settings
        By the command's parameter that receives the model.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def run(**given: Any) -> Any:
            path = given.pop("config")
            given.pop("settings")
            options = {name: given.pop(name) for part in parts.values() for name in part.shown()}
            return command(**given, **resolve(parts, path, options))

        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
            if name not in parts
        ]
        options = [
            _option(name, info, panel)
            for part in parts.values()
            for name, (panel, info) in part.shown().items()
        ]
        signature = inspect.Signature([*options, *_file_options(parts), *own])
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        run.parts = parts  # type: ignore[attr-defined]
        return run

    return decorate


def resolve(parts: Mapping[str, Settings], path: Path | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Build the settings of a verb from a TOML file and values that win over it; None is no value.

    Raises
    ------
    UsageError
        A value out of range or an unknown name, with the option or the file named.
    """
    stored: dict[str, Any] = {}
    if path is not None:
        from cryoglean.io.toml_file import read_toml

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


def _option(name: str, info: FieldInfo, panel: str) -> inspect.Parameter:
    flag = "--" + name.replace("_", "-")
    annotation: Any = info.annotation
    names = [f"{flag}/--no-{flag[2:]}"] if annotation is bool else [flag]
    default = info.get_default(call_default_factory=True)
    described = info.description or ""
    if default is not None:
        annotation = annotation | None
        described += f" [default: {_in_words(default)}]"
    option = typer.Option(*names, help=described, show_default=False, rich_help_panel=panel)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[annotation, option]
    )


def _in_words(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        return " ".join(_in_words(value) for value in default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def _file_options(parts: Mapping[str, Settings]) -> list[inspect.Parameter]:
    """Make the options of the TOML file: the file, and the one that prints it."""

    def print_settings(wanted: bool) -> None:
        if wanted:
            from cryoglean.cli.settings_file import settings_file

            typer.echo(settings_file(parts.values()), nl=False)
            raise typer.Exit

    further = ", ".join(name for part in parts.values() for name in part.in_file_alone())
    file = typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file of settings; options given here win over it."
        + (f" It also sets {further}." if further else ""),
        rich_help_panel=RUNNING,
    )
    settings = typer.Option(
        "--settings",
        help="Print all settings as such a file, and what they do.",
        is_eager=True,
        callback=print_settings,
        rich_help_panel=RUNNING,
    )
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter("config", kind, default=None, annotation=Annotated[Path | None, file]),
        inspect.Parameter("settings", kind, default=False, annotation=Annotated[bool, settings]),
    ]
