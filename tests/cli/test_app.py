"""The program as a whole: its list of verbs, and what it imports before it answers."""

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cryoglean.cli
from cryoglean.cli.app import VERBS, app

HEAVY = {"numpy", "scipy", "cv2", "onnxruntime", "matplotlib", "jinja2", "rich", "gemmi", "fastapi", "torch"}
MODELS = {"pydantic", "typer.rich_utils", "cryoglean.cli.options"}


def imported_by(*arguments: str) -> set[str]:
    """Names of the modules that the program has imported when it ends."""
    code = (
        f"import sys; sys.argv = {['cryoglean', *arguments]!r}\n"
        "from cryoglean.cli import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert not ended.code\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stderr.split())


def verbs(imported: set[str]) -> list[str]:
    return [name for name in VERBS if f"cryoglean.cli.{name}" in imported]


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_the_list_of_verbs_imports_no_verb(arguments: tuple[str, ...]) -> None:
    imported = imported_by(*arguments)
    assert imported & (HEAVY | MODELS) == set()
    assert verbs(imported) == []
    assert len(imported) < 400


def test_help_of_a_verb_imports_this_verb_alone() -> None:
    imported = imported_by("pick", "--help")
    assert imported & HEAVY == set()
    assert verbs(imported) == ["pick"]
    assert len(imported) < 700


def test_each_verb_is_a_module_and_is_described_by_its_first_line() -> None:
    folder = Path(cryoglean.cli.__file__).parent
    for name, line in VERBS.items():
        assert (folder / f"{name}.py").is_file()
        function = getattr(import_module(f"cryoglean.cli.{name}"), name)
        assert inspect.getdoc(function).splitlines()[0] == line


def test_a_verb_that_is_none_is_refused() -> None:
    answered = CliRunner().invoke(app, ["pluck"])
    assert answered.exit_code == 2
    assert "No such command 'pluck'" in answered.output


def test_without_a_verb_the_list_is_printed() -> None:
    answered = CliRunner().invoke(app, [])
    for name in VERBS:
        assert name in answered.output
