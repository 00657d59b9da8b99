"""Pickers: where the algorithms are put together."""

from cryoglean.pickers.base import Picker
from cryoglean.pickers.factory import AUTO, build_picker, measure, weights_digest

__all__ = ["AUTO", "Picker", "build_picker", "measure", "weights_digest"]
