from .engine.calling import PickedRun, pick
from .io import read_micrograph
from .io.formats import read_picks, write_picks
from .pickers.base import find_alone
from .pickers.factory import build_picker
from .pickers.settings import PickConfig
from .select.settings import SelectConfig
from .simulate import simulate_micrograph
from .types import Micrograph, Picks

__version__: str

__all__ = [
    "Micrograph",
    "PickConfig",
    "PickedRun",
    "Picks",
    "SelectConfig",
    "build_picker",
    "find_alone",
    "pick",
    "read_micrograph",
    "read_picks",
    "simulate_micrograph",
    "write_picks",
]
