"""Command-line options made from configuration models, so that each setting is described in one place.

A verb shows the options that are needed daily, in panels. All settings, those of the options among them, are
reached through the TOML file of ``--config``, which ``--settings`` prints.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from cryoglean.cli.ranges import number_or_range, takes_range
from cryoglean.cli.settings import Settings, resolve
from cryoglean.cli.settings_file import settings_file

INPUT, PARTICLES, OUTPUT, RUNNING = "Input", "Particles", "Output", "Running"
"""Panels of the help that several verbs have."""


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


def _option(name: str, info: FieldInfo, panel: str) -> inspect.Parameter:
    flag = "--" + name.replace("_", "-")
    annotation: Any = info.annotation
    names = [f"{flag}/--no-{flag[2:]}"] if annotation is bool else [flag]
    default = info.get_default(call_default_factory=True)
    described = info.description or ""
    if default is not None:
        annotation = annotation | None
        described += f" [default: {_in_words(default)}]"
    shown: dict[str, Any] = {"help": described, "show_default": False, "rich_help_panel": panel}
    if takes_range(annotation):
        annotation = float | None
        shown |= {"parser": number_or_range, "metavar": "<float> [<float>]"}
    option = typer.Option(*names, **shown)
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
