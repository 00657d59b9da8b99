"""What importing the package costs."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "dask", "distributed", "matplotlib", "fastapi", "onnxruntime")


@pytest.mark.parametrize(
    "module", ["cryoglean", "cryoglean.cli", "cryoglean.pickers", "cryoglean.pickers.template.picker"]
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
