from .base import Picker, find_alone, size_alone
from .factory import build_picker, choose_method, measure_size, require_weights, weights_digest

__all__ = [
    "Picker",
    "build_picker",
    "choose_method",
    "find_alone",
    "measure_size",
    "require_weights",
    "size_alone",
    "weights_digest",
]
