"""cryoglean finds single particles in cryo-electron micrographs.

>>> import cryoglean
>>> micrograph = cryoglean.read_micrograph("FoilHole_42.mrc")  # doctest: +SKIP
>>> picks = cryoglean.build_picker(cryoglean.PickConfig()).find(micrograph)  # doctest: +SKIP
>>> from cryoglean.select import select
>>> kept = select(picks, cryoglean.SelectConfig(min_score=0.5))  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryoglean.io import read_micrograph
    from cryoglean.io.formats import read_picks, write_picks
    from cryoglean.pickers.factory import build_picker
    from cryoglean.pickers.settings import PickConfig
    from cryoglean.select.settings import SelectConfig
    from cryoglean.simulate import simulate_micrograph
    from cryoglean.types import Micrograph, Picks

__version__ = "0.2.0"

# Where each public name lives; imported when first used, so that `import cryoglean` costs nothing.
_HOMES = {
    "Micrograph": "cryoglean.types",
    "PickConfig": "cryoglean.pickers.settings",
    "Picks": "cryoglean.types",
    "SelectConfig": "cryoglean.select.settings",
    "build_picker": "cryoglean.pickers",
    "read_micrograph": "cryoglean.io",
    "read_picks": "cryoglean.io.formats",
    "simulate_micrograph": "cryoglean.simulate",
    "write_picks": "cryoglean.io.formats",
}

__all__ = [
    "Micrograph",
    "PickConfig",
    "Picks",
    "SelectConfig",
    "build_picker",
    "read_micrograph",
    "read_picks",
    "simulate_micrograph",
    "write_picks",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'cryoglean' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
