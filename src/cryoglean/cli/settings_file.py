"""All settings of a verb as a TOML file to begin with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from textwrap import wrap
from typing import Any

import tomli_w
from pydantic.fields import FieldInfo

from cryoglean.cli.settings import Settings
from cryoglean.settings import Config, Range

_HEAD = """\
# Settings for --config. What stands here are the defaults; take the # away before those that you change,
# and before the [table] that they stand in.
"""
_WIDTH = 100


def settings_file(parts: Iterable[Settings]) -> str:
    """Write down all settings of a verb, each with what it does, none of them in force."""
    lines = [_HEAD]
    # Tables come last: TOML takes all that follows a table's name for a part of it.
    for part in sorted(parts, key=lambda part: part.table is not None):
        lines += _block(part.sections(), part.table, default=None)
    return "\n".join(lines)


def _block(
    sections: Mapping[str, Mapping[str, FieldInfo]], table: str | None, *, default: Config | None
) -> Iterator[str]:
    """Write one table: its own settings first, and then the tables in it.

    Values are those of the default, where the table has one as a whole, and else those of each setting.
    """
    if table:
        yield f"#[{table}]\n"
    inner: list[tuple[str, str, FieldInfo]] = []
    for when, fields in sections.items():
        if when:
            yield f"# {when}:\n"
        for name, info in fields.items():
            if is_table(info):
                inner.append((when, name, info))
            else:
                yield from (f"# {line}" for line in wrap(info.description or "", _WIDTH))
                yield f"#{_assigned(name, _default(name, info, default))}\n"
    for when, name, info in inner:
        about = ": ".join(filter(None, (when, info.description)))
        yield from (f"# {line}" for line in wrap(about, _WIDTH))
        own: Config = _default(name, info, default)
        yield from _block(type(own).sections(), f"{table}.{name}" if table else name, default=own)


def _default(name: str, info: FieldInfo, table: Config | None) -> Any:
    return info.get_default(call_default_factory=True) if table is None else getattr(table, name)


def is_table(info: FieldInfo) -> bool:
    """Return whether a setting is a group of settings."""
    kind = info.annotation
    return isinstance(kind, type) and issubclass(kind, Config) and not issubclass(kind, Range)


def _assigned(name: str, value: Any) -> str:
    """Write one setting; what is not set has no value, and no word for that in TOML."""
    return f"{name} = {'' if value is None else _in_toml(value)}".rstrip()


def _in_toml(value: Any) -> str:
    if isinstance(value, Range):
        inner = ", ".join(_assigned(name, part) for name, part in value.model_dump().items())
        return f"{{ {inner} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_in_toml, value))}]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").strip()
