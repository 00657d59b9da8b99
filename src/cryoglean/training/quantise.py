"""The segmentation network in 8-bit integers, which processors multiply about twice as fast."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx

from cryoglean.io.writing import complete_or_absent
from cryoglean.types import FloatImage

PERCENTILE = 99.99
"""Values beyond this percentile are cut off: rare extremes would take the levels from all others."""


def quantise_network(path: Path, images: Sequence[FloatImage]) -> None:
    """Let the convolutions of an ONNX file multiply integers of 8 bits, in place.

    Parameters
    ----------
    path : Path
        A network that takes one image, (1, 1, s, s) of float32.
    images : sequence of array of float32, shape (s, s)
        What it will see, from which the range of every layer is measured.

    Notes
    -----
    Static quantisation with a scale for each channel. Weights get 7 bits: processors without VNNI add pairs
    of products in 16 bits, which 8 would overflow. The last layer stays as it was: it decides, and costs
    little.
    """
    from onnxruntime import quantization

    # The library prints its progress.
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        prepared = Path(folder) / "prepared.onnx"
        quantization.quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        *_, last = (node.name for node in onnx.load(str(prepared)).graph.node if node.op_type == "Conv")
        with complete_or_absent(path) as partial:
            quantization.quantize_static(
                str(prepared),
                str(partial),
                _Reader(path, images),
                quant_format=quantization.QuantFormat.QDQ,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                per_channel=True,
                reduce_range=True,
                op_types_to_quantize=["Conv"],
                nodes_to_exclude=[last],
                calibrate_method=quantization.CalibrationMethod.Percentile,
                extra_options={"CalibPercentile": PERCENTILE},
            )


class _Reader:
    """Hands the library one image after another, as it asks for them."""

    def __init__(self, path: Path, images: Sequence[FloatImage]) -> None:
        (taken,) = onnx.load(str(path)).graph.input
        self._left: Iterator[dict[str, Any]] = ({taken.name: one[None, None]} for one in images)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._left, None)
