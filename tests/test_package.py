"""What importing the package costs."""

import subprocess
import sys

import pytest

import cryoglean

HEAVY = ("torch", "dask", "distributed", "matplotlib", "jinja2", "fastapi", "onnxruntime")
OF_ARRAYS = ("numpy", "scipy", "cv2", "mrcfile", "tifffile", "imagecodecs", "gemmi", "rich", *HEAVY)
"""What takes longer to import than `cryoglean --help` shall take to answer."""


def loaded_by(module: str, names: tuple[str, ...]) -> str:
    """Those of some packages that are there after an import."""
    code = f"import sys, {module}; print(*[name for name in {names} if name in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    "module",
    [
        "cryoglean",
        "cryoglean.pickers",
        "cryoglean.pickers.template.picker",
        "cryoglean.engine",
        "cryoglean.report.overlay_file",
    ],
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    assert loaded_by(module, HEAVY) == ""


def test_the_command_line_answers_before_anything_is_loaded() -> None:
    assert loaded_by("cryoglean.cli.app", OF_ARRAYS) == ""


def test_the_program_stands_guard_for_signals_before_anything_is_imported() -> None:
    code = "before = set(sys.modules); import cryoglean.cli; print(*sorted(set(sys.modules) - before))"
    command = [sys.executable, "-c", f"import sys; {code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cryoglean", "cryoglean.cli"]


def test_public_names_are_there_however_they_are_asked_for() -> None:
    code = (
        "import cryoglean; print(dir(cryoglean)); from cryoglean import *; print(PickConfig, read_micrograph)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'write_picks'" in done.stdout
    assert "PickConfig" in done.stdout
    with pytest.raises(AttributeError, match="attribute nonesuch"):
        cryoglean.nonesuch  # noqa: B018
