"""Commands in the documentation are those that there are, with options that they take."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryoglean.cli.app import VERBS, verb

ROOT = Path(__file__).parents[2]
PAGES = [page for name in ("README.md", "CONTRIBUTING.md") if (page := ROOT / name).is_file()]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
OF_OTHER_PROGRAMS = {"--figure", "--fit", "--inverty"}
"""Options of benchmarks, and of programs that are written about."""


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Verb and options of each command, in code of its own or between backticks."""
    for found in re.finditer(r"\bcryoglean ([a-z]+)\b([^`\n#]*)", text):
        if found[1] in VERBS:
            yield found[1], re.findall(r"(?<!\S)(--[a-z][a-z0-9_-]*)", found[2])


@pytest.mark.skipif(not PAGES, reason="the documentation is not beside the tests")
def test_options_in_the_documentation_are_there() -> None:
    flags = {
        name: {flag for one in verb(name).params for flag in (*one.opts, *one.secondary_opts)} | {"--help"}
        for name in VERBS
    }
    # A job of RELION takes what can be said of particles, too.
    flags["relion"] |= flags["pick"]
    unknown = {
        f"{page.name}: cryoglean {name} {option}"
        for page in PAGES
        for name, options in commands(page.read_text(encoding="utf-8"))
        for option in options
        if option not in flags[name]
    }
    assert not unknown


@pytest.mark.skipif(not PAGES, reason="the documentation is not beside the tests")
def test_options_named_by_themselves_are_there_too() -> None:
    """`--word` in running text belongs to some verb, or to a script or another program named beside it."""
    known = {flag for name in VERBS for one in verb(name).params for flag in (*one.opts, *one.secondary_opts)}
    known |= {"--help", "--version"} | OF_OTHER_PROGRAMS
    unknown = {
        f"{page.name}: {option}"
        for page in PAGES
        for option in re.findall(r"`(--[a-z][a-z0-9_-]*)(?: [^`]*)?`", page.read_text(encoding="utf-8"))
        if option not in known
    }
    assert not unknown
