"""The table of constants says what the code holds, and holds all that decides on picks."""

import ast
import importlib
import pkgutil
import re
from functools import cache
from pathlib import Path

import pytest

import cryoglean

PAGE = Path(__file__).parents[1] / "docs/constants.md"
ORIGINS = {"geometry", "paper", "cost", "real", "simulated"}
DECIDE = (
    "classes.model",
    "classes.pool",
    "classes.populations",
    "image",
    "pickers",
    "select.significance",
    "networks.maps",
    "networks.normalise",
)
"""Rooms and modules whose numbers decide on picks."""


@cache
def rows() -> dict[str, tuple[str, str, str]]:
    found = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (\w+) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    return {name: (value, origin, meaning) for name, value, origin, meaning in found}


def value_of(text: str) -> object:
    if "/" in text:
        over, under = text.split("/")
        return float(over) / float(under)
    return ast.literal_eval(text)


def is_number(value: object) -> bool:
    if isinstance(value, tuple):
        return all(is_number(one) for one in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


@cache
def constants() -> dict[str, object]:
    """Public numbers of modules that decide on picks, each under the module that defines it."""
    found: dict[str, object] = {}
    for module in pkgutil.walk_packages(cryoglean.__path__, "cryoglean."):
        name = module.name.removeprefix("cryoglean.")
        if not any(name == part or name.startswith(part + ".") for part in DECIDE):
            continue
        loaded = importlib.import_module(module.name)
        for node in ast.parse(Path(str(loaded.__file__)).read_text()).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in ast.walk(ast.Module([ast.Expr(one) for one in targets], [])):
                if isinstance(target, ast.Name) and re.fullmatch(r"[A-Z][A-Z0-9_]+", target.id):
                    value = getattr(loaded, target.id)
                    if is_number(value):
                        found[f"{name}.{target.id}"] = value
    return found


# Where the channels of the networks' answer lie is no number that was chosen.
LAYOUT = {"networks.maps.CENTRE", "networks.maps.CONTAMINATION", "networks.maps.CHANNELS"}


def test_every_constant_stands_in_the_table() -> None:
    assert sorted(constants().keys() - LAYOUT) == sorted(rows())


@pytest.mark.parametrize("name", sorted(rows()))
def test_the_table_says_what_the_code_holds(name: str) -> None:
    value, origin, meaning = rows()[name]
    assert value_of(value) == constants()[name]
    assert origin in ORIGINS
    assert meaning
