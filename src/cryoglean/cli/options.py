"""Command-line options made from configuration models, so that each setting is described in one place."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from typer.core import TyperCommand

from cryoglean.errors import UsageError
from cryoglean.io.toml_file import read_toml
from cryoglean.settings import Config

C = TypeVar("C", bound=Config)


class Verb(TyperCommand):
    """A verb whose numbers are finite: no option means anything by infinity or NaN."""

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


IgnoredKinds = Annotated[
    list[str] | None,
    typer.Option(
        help="Kind of true particles that count neither way, picked or not; may be repeated.",
        show_default=False,
    ),
]


def configured(
    model: type[Config], *, exclude: tuple[str, ...] = (), parameter: str = "config", file: bool = True
) -> Callable[[Any], Any]:
    """Give a command one option for every plain field of a configuration.

    Values given on the command line win over those of ``--config FILE.toml``, which win over the defaults.

    Parameters
    ----------
    model : type of Config
        Its field descriptions become the help texts; nested models are reached through the TOML file alone.
    exclude : tuple of str
        Fields that get no option.
    parameter : str
        The command's parameter that receives the model.
    file : bool
        Whether a TOML file is taken too.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        fields = {
            name: info
            for name, info in model.options().items()
            if name not in exclude and not _is_nested(info.annotation)
        }

        @functools.wraps(command)
        def run(**given: Any) -> Any:
            values = {name: given.pop(name) for name in fields}
            path = given.pop("config") if file else None
            config = resolve(model, path, {k: v for k, v in values.items() if v is not None})
            return command(**given, **{parameter: config})

        own = [
            p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != parameter
        ]
        file_option = inspect.Parameter(
            "config",
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                Path | None,
                typer.Option("--config", help="TOML file of settings; options given here win over it."),
            ],
        )
        own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        options = [_option(name, info) for name, info in fields.items()]
        signature = inspect.Signature([*own, *([file_option] if file else []), *options])
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        return run

    return decorate


def resolve(model: type[C], path: Path | None, given: dict[str, Any]) -> C:
    """Build a configuration from a TOML file and values that win over it.

    Raises
    ------
    UsageError
        A value out of range or an unknown name, with the option or the file named.
    """
    stored: dict[str, Any] = {}
    if path is not None:
        stored = read_toml(path)
    try:
        return model.model_validate(model.merged(stored, given))
    except ValidationError as error:
        raise UsageError(_explain(error, path, given)) from None


def _explain(error: ValidationError, path: Path | None, given: dict[str, Any]) -> str:
    lines = []
    for item in error.errors():
        loc, where = item["loc"], ""
        if loc[:1] == ("method",) and len(loc) > 2:
            # The method's own settings stand beside its name.
            loc, where = loc[2:], f" with --method {loc[1]}"
        place = ".".join(str(part) for part in loc) or "settings"
        option = f"--{place.replace('_', '-')}" if loc and loc[0] in given else f"{path}: {place}"
        got = "" if item["type"] in ("extra_forbidden", "missing") else f", got {item['input']!r}"
        message = item["msg"].removeprefix("Value error, ")
        reason = f"no such setting{where}" if item["type"] == "extra_forbidden" else message
        lines.append(f"{option if loc else place}: {reason}{got}")
    return "; ".join(lines)


def _is_nested(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Config)


def _option(name: str, info: FieldInfo) -> inspect.Parameter:
    flag = "--" + name.replace("_", "-")
    annotation: Any = info.annotation
    names = [f"{flag}/--no-{flag[2:]}"] if annotation is bool else [flag]
    default = info.get_default(call_default_factory=True)
    option = typer.Option(
        *names,
        help=info.description,
        show_default="auto" if default is None else str(default),
    )
    if default is not None:
        annotation = annotation | None
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[annotation, option]
    )
