"""Every module has a test file of its own name, or the table in README.md says where it is tested."""

import re
from pathlib import Path

import cryoglean

TESTS = Path(__file__).parent
PACKAGE = Path(cryoglean.__file__).parent


def listed() -> dict[str, str]:
    """Test file of each module in the table."""
    found = {}
    for row in (TESTS / "README.md").read_text().splitlines():
        if row.startswith("| `"):
            tested_in, modules = (re.findall(r"`([^`]+)`", cell) for cell in row.strip("|").split("|"))
            assert not (twice := found.keys() & set(modules)), twice
            found |= dict.fromkeys(modules, tested_in[0])
    return found


def own_file(module: str) -> Path:
    return TESTS / Path(module).parent / f"test_{Path(module).name}.py"


def test_every_module_is_tested_somewhere() -> None:
    modules = {
        path.relative_to(PACKAGE).with_suffix("").as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    with_own = {module for module in modules if own_file(module).is_file()}
    assert modules - with_own == listed().keys()


def test_every_file_that_the_table_names_is_there_and_tests_something() -> None:
    for module, tested_in in listed().items():
        text = (TESTS / tested_in).read_text()
        assert "def test_" in text, f"{module}: {tested_in} holds no test"
