"""What an ONNX file asks of whoever runs it, told before ONNX Runtime is given it.

A network from a stranger shall compute and do nothing else. By the format it may name other files, from which
its weights are read, wherever they lie; older ONNX Runtimes read them, and a newer one may know other ways.
So the file is walked through here, field by field as its definition numbers them
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), and whatever reaches beyond it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Kinds of fields of protocol buffers; the others are those of onnx.proto, by message."""
_MODEL_GRAPH, _MODEL_TRAINING_INFO, _MODEL_FUNCTIONS = 7, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE_INITIALIZER = 1, 5, 15
_NODE_OP_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE_TENSORS = (5, 10), (6, 11), (22, 23)
_SPARSE_TENSOR_VALUES_AND_INDICES = (1, 2)
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_DEEPEST = 16
"""Graphs within graphs; branches of real networks have two."""
_MAX_FIELDS = 1_000_000
"""Of a whole file; the largest networks known here have some thousand."""
_UNBOUNDED = frozenset({"Loop", "Scan", "SequenceMap"})
_BY_CHANCE = frozenset(
    {
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)


def refusal(model: bytes) -> str:
    """Say why a network is not to be run.

    Parameters
    ----------
    model : bytes
        The ONNX file.

    Returns
    -------
    str
        '' for a network of standard operators whose weights are all in the file, which ends by itself and
        gives the same answer each time.
    """
    try:
        _Walk().through_model(memoryview(model))
    except _Refused as reason:
        return str(reason)
    return ""


class _Refused(Exception):
    pass


_DAMAGED = "it is damaged, or no ONNX file"


class _Walk:
    """One walk through a file, which sees no more than so many fields."""

    def __init__(self) -> None:
        self._left = _MAX_FIELDS

    def through_model(self, model: memoryview) -> None:
        graphs = 0
        for number, value in self._messages(model):
            if number in (_MODEL_TRAINING_INFO, _MODEL_FUNCTIONS):
                raise _Refused("it brings functions of its own, as networks for picking do not")
            if number == _MODEL_GRAPH:
                graphs += 1
                self._through_graph(value, depth=0)
        if not graphs:
            raise _Refused(_DAMAGED)

    def _through_graph(self, graph: memoryview, *, depth: int) -> None:
        if depth > _DEEPEST:
            raise _Refused(f"its branches lie more than {_DEEPEST} deep")
        for number, value in self._messages(graph):
            if number == _GRAPH_NODE:
                self._through_node(value, depth=depth)
            elif number == _GRAPH_INITIALIZER:
                self._through_tensor(value)
            elif number == _GRAPH_SPARSE_INITIALIZER:
                self._through_sparse_tensor(value)

    def _through_node(self, node: memoryview, *, depth: int) -> None:
        for number, value in self._messages(node):
            if number == _NODE_OP_TYPE:
                _check_operator(_text(value))
            elif number == _NODE_DOMAIN and _text(value) not in ("", "ai.onnx"):
                raise _Refused(f"it has operators of {_text(value)!r}, and only those of ONNX itself are run")
            elif number == _NODE_ATTRIBUTE:
                self._through_attribute(value, depth=depth)

    def _through_attribute(self, attribute: memoryview, *, depth: int) -> None:
        for number, value in self._messages(attribute):
            if number in _ATTRIBUTE_TENSORS:
                self._through_tensor(value)
            elif number in _ATTRIBUTE_GRAPHS:
                self._through_graph(value, depth=depth + 1)
            elif number in _ATTRIBUTE_SPARSE_TENSORS:
                self._through_sparse_tensor(value)

    def _through_sparse_tensor(self, tensor: memoryview) -> None:
        for number, value in self._messages(tensor):
            if number in _SPARSE_TENSOR_VALUES_AND_INDICES:
                self._through_tensor(value)

    def _through_tensor(self, tensor: memoryview) -> None:
        for number, value in self._fields(tensor):
            names_a_file = number == _TENSOR_EXTERNAL_DATA and not isinstance(value, int)
            if names_a_file or (number == _TENSOR_DATA_LOCATION and isinstance(value, int) and value):
                raise _Refused("its weights lie in another file, which is never read")

    def _messages(self, message: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Give the fields of a message that hold messages or text."""
        for number, value in self._fields(message):
            if not isinstance(value, int):
                yield number, value

    def _fields(self, message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """Give number and value of every field of a message, as protocol buffers encode them."""
        at = 0
        while at < len(message):
            self._left -= 1
            key, at = _varint(message, at)
            number, kind = key >> 3, key & 7
            if self._left < 0 or number == 0 or kind not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
                raise _Refused(_DAMAGED)
            if kind == _VARINT:
                value, at = _varint(message, at)
                yield number, value
                continue
            length = {_FIXED64: 8, _FIXED32: 4}.get(kind)
            if length is None:
                length, at = _varint(message, at)
            if length > len(message) - at:
                raise _Refused(_DAMAGED)
            if kind == _BYTES:
                yield number, message[at : at + length]
            at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, at + shift + 1
    raise _Refused(_DAMAGED)


def _text(value: memoryview) -> str:
    return bytes(value[:60]).decode("utf-8", "replace")


def _check_operator(operator: str) -> None:
    if operator in _UNBOUNDED:
        raise _Refused(f"it has a {operator}, which need not end")
    if operator in _BY_CHANCE:
        raise _Refused(f"it has a {operator}, and picks would be matters of chance")
