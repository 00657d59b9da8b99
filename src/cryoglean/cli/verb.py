"""What every verb does beside its work: help in panels, and refusals that say what to do instead."""

from __future__ import annotations

import math
import re
from typing import Any

from typer.core import TyperCommand

from cryoglean.cli.ranges import takes_range, with_ranges
from cryoglean.errors import UsageError

_FIRST, _LAST = ("Arguments", "Input"), ("Output", "Running", "Options")
"""Panels that come before and after those of a verb's own."""
_NAMES = 22
"""Width of the column of names, which leaves most of 80 columns to what they mean."""


class Verb(TyperCommand):
    """A verb: help in panels that 80 columns hold, and numbers that are finite."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options.

        Raises
        ------
        UsageError
            A setting that is no option but stands in the TOML file.
        """
        known = {flag for parameter in self.params for flag in (*parameter.opts, *parameter.secondary_opts)}
        unknown = {flag for arg in args if (flag := arg.split("=")[0]) not in known}
        for part in getattr(self.callback, "parts", {}).values():
            for name in part.in_file_alone():
                flag = name.replace("_", "-")
                if unknown & {f"--{flag}", f"--no-{flag}"}:
                    where = f"[{part.table}] of it" if part.table else "it"
                    remedy = f"put {name} into {where}; --settings prints one to begin with"
                    raise UsageError(f"--{flag} is a setting of the file of --config: {remedy}")
        return super().parse_args(ctx, with_ranges(args, self._flags_of_ranges()))

    def _flags_of_ranges(self) -> set[str]:
        """Return the options that take one number or two."""
        shown = [part.shown() for part in getattr(self.callback, "parts", {}).values()]
        return {
            f"--{name.replace('_', '-')}"
            for options in shown
            for name, (_, info) in options.items()
            if takes_range(info.annotation)
        }

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the line of usage, arguments by the names under which they are explained."""
        pieces = ["[OPTIONS]"]
        for one in self.get_params(ctx):
            if not _is_option(one):
                name = _named(one, "") + ("…" if one.nargs == -1 else "")
                pieces.append(name if one.required else f"[{name}]")
        return pieces

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, each under its panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in sorted(self.get_params(ctx), key=_is_option):
            record = parameter.get_help_record(ctx)
            if record is not None:
                alone = "Options" if _is_option(parameter) else "Arguments"
                panel = getattr(parameter, "rich_help_panel", None) or alone
                panels.setdefault(panel, []).append((_named(parameter, record[0]), record[1]))
        # All panels have one margin, beside which each name has its explanation.
        for panel in sorted(panels, key=_place):
            with formatter.section(panel):
                formatter.write_dl([(f"{name:<{_NAMES}}", text) for name, text in panels[panel]], _NAMES)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb.

        Raises
        ------
        UsageError
            A number that is none.
        """
        for name, given in ctx.params.items():
            for value in given if isinstance(given, list | tuple) else (given,):
                if isinstance(value, float) and not math.isfinite(value):
                    raise UsageError(f"--{name.replace('_', '-')}: wanted a finite number, got {value}")
        return super().invoke(ctx)


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _place(panel: str) -> int:
    """Return the rank of a panel among the others."""
    if panel in _FIRST:
        return -1
    return 1 + _LAST.index(panel) if panel in _LAST else 0


def _named(parameter: Any, shown: str) -> str:
    """Name an argument, or an option with the kind of its value; whether it may be repeated its help says."""
    if _is_option(parameter):
        return re.sub(r"<(?:list\[)?(\w+)(?:\]| range)>", lambda found: f"<{found[1].lower()}>", shown)
    return str(parameter.metavar or parameter.name.upper())
