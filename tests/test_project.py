"""What holds for the project as a whole: its checks, its version, and that it names no package registry."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import cryoglean

ROOT = Path(__file__).parents[1]


def text(name: str) -> str:
    if not (ROOT / name).is_file():
        pytest.skip(f"{name} is not beside the tests")
    return (ROOT / name).read_text(encoding="utf-8")


def test_hooks_are_the_checks_of_ci() -> None:
    ci = text(".ci/run").splitlines()
    hooks = re.findall(r"^ +entry: (.+)$", text(".pre-commit-config.yaml"), re.MULTILINE)
    first, last = ci.index("ruff check ."), ci.index("npm --prefix page run check")
    installs = ("", "npm --prefix page ci")
    assert hooks == [line for line in ci[first : last + 1] if line not in installs]


@pytest.mark.parametrize(("missing", "named"), [("npm", "Node 20.19"), ("python3", "python3, 3.11")])
def test_ci_fails_where_a_program_is_missing_and_says_which(tmp_path: Path, missing: str, named: str) -> None:
    text(".ci/run")
    for name in {"bash", "dirname", "node", "npm", "python3"} - {missing}:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"there is no {name}")
        (tmp_path / name).symlink_to(found)
    ran = subprocess.run(
        ["bash", str(ROOT / ".ci" / "run")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: ")
    assert named in ran.stderr


def test_the_lock_file_is_whole_and_names_no_registry() -> None:
    lock = json.loads(text("page/package-lock.json"))
    packages = lock["packages"]
    assert not [name for name, package in packages.items() if "resolved" in package]
    # A lock file without the packages of other systems cannot be installed from at all.
    for name, package in packages.items():
        for optional in package.get("optionalDependencies", {}):
            places = {f"node_modules/{optional}", f"{name}/node_modules/{optional}"}
            assert places & packages.keys(), f"{name} wants {optional}; run `npm install` anew in page/"


def test_one_version_is_named_everywhere() -> None:
    cited = re.search(r"^version: (.+)$", text("CITATION.cff"), re.MULTILINE)
    released = re.search(r"^## \[(\d.*)\]", text("CHANGELOG.md"), re.MULTILINE)
    assert cited is not None
    assert released is not None
    assert {cited[1], released[1]} == {cryoglean.__version__}
