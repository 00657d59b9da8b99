from .base import Picker
from .factory import AUTO, build_picker, measure, weights_digest

__all__ = ["AUTO", "Picker", "build_picker", "measure", "weights_digest"]
