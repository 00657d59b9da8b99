"""Networks of strangers compute and do nothing else: whatever reaches beyond its file is not run."""

import shutil

import numpy as np
import pytest

from cryoglean.errors import WeightsError
from cryoglean.networks.inspection import refusal
from cryoglean.networks.normalise import normalise
from cryoglean.networks.runtime import load_networks
from cryoglean.networks.weights import list_weights, read_weights, write_card


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def message(*fields):
    """Encode fields given as (number, int, bytes or text), as protocol buffers do."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts.append(varint(number << 3) + varint(value))
        else:
            raw = value.encode() if isinstance(value, str) else value
            parts.append(varint(number << 3 | 2) + varint(len(raw)) + raw)
    return b"".join(parts)


def node(operator="Add", *more):
    return message((1, "a"), (2, "b"), (4, operator), *more)


def model(*graph, **more):
    return message((1, 8), (7, message((2, "g"), *graph)), *more.get("beside", ()))


KEPT = message((1, 4), (2, 1), (8, "w"), (9, bytes(16)))
ELSEWHERE = message((1, 4), (2, 1), (8, "w"), (13, message((1, "location"), (2, "../secret.bin"))), (14, 1))
NAMED_ALONE = message((1, 4), (2, 1), (8, "w"), (13, message((1, "location"), (2, "/etc/passwd"))))
MARKED_ALONE = message((1, 4), (2, 1), (8, "w"), (14, 1))


def constant(tensor):
    return node("Constant", (5, message((1, "value"), (5, tensor))))


def branch(graph):
    return node("If", (5, message((1, "then_branch"), (6, message(*graph)))))


ANOTHER_FILE = "another file"


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (model((1, node()), (5, KEPT)), ""),
        (model((1, node("Conv", (7, "ai.onnx")))), ""),
        (model((5, ELSEWHERE)), ANOTHER_FILE),
        (model((5, NAMED_ALONE)), ANOTHER_FILE),
        (model((5, MARKED_ALONE)), ANOTHER_FILE),
        (model((5, KEPT), (5, ELSEWHERE)), ANOTHER_FILE),
        (model((1, constant(ELSEWHERE))), ANOTHER_FILE),
        (model((1, branch([(5, ELSEWHERE)]))), ANOTHER_FILE),
        (model((1, branch([(1, constant(ELSEWHERE))]))), ANOTHER_FILE),
        (model((15, message((1, ELSEWHERE)))), ANOTHER_FILE),
        (model((15, message((2, ELSEWHERE)))), ANOTHER_FILE),
        (model((1, node()), beside=[(7, message((5, ELSEWHERE)))]), ANOTHER_FILE),
        (model((1, node("EPContext", (7, "com.microsoft")))), "operators of 'com.microsoft'"),
        (model((1, branch([(1, node("X", (7, "evil")))]))), "operators of 'evil'"),
        (model(beside=[(25, message((1, "f")))]), "functions of its own"),
        (model(beside=[(20, message((1, message((5, ELSEWHERE)))))]), "functions of its own"),
        (model((1, node("Loop"))), "which need not end"),
        (model((1, node("RandomNormal"))), "matters of chance"),
        (b"", "damaged"),
        (b"ORTM and more", "damaged"),
        (message((1, 8)), "damaged"),
        (model((1, node())) + b"\x3a\xff\xff\xff\xff\x0f", "damaged"),
        (b"\x80" * 20, "damaged"),
    ],
)
def test_what_a_network_may_not_ask_for(network, reason):
    assert reason in refusal(network)
    assert bool(reason) == bool(refusal(network))


def test_graphs_within_graphs_have_an_end():
    inner = [(1, node())]
    for _ in range(40):
        inner = [(1, branch(inner))]
    assert "deep" in refusal(model(*inner))


def test_a_file_of_very_many_fields_takes_no_long_time():
    assert "damaged" in refusal(model((5, message(*[(4, 1)] * 1_000_001))))


@pytest.mark.parametrize("part", ["segmenter", "classifier"])
def test_networks_that_are_trained_here_are_run(part):
    for weights in list_weights():
        assert refusal(weights.content(f"{part}.onnx")) == ""


def test_data_beside_the_file_as_onnx_itself_writes_them(tmp_path):
    onnx = pytest.importorskip("onnx")
    whole = onnx.load_model_from_string(read_weights("general").content("segmenter.onnx"))
    onnx.save_model(whole, tmp_path / "a.onnx", save_as_external_data=True, location="weights.bin")
    assert ANOTHER_FILE in refusal((tmp_path / "a.onnx").read_bytes())


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(read_weights("general").folder, tmp_path / "mine")


def put(folder, network, part="segmenter"):
    """Put a network into a folder whose card knows it."""
    card = read_weights(folder).card
    (folder / f"{part}.onnx").write_bytes(network)
    write_card(folder, card)


def test_such_weights_are_refused_before_they_are_run(folder):
    (folder / "secret.bin").write_bytes(np.arange(4, dtype="f4").tobytes())
    put(folder, model((1, node()), (5, ELSEWHERE)))
    with pytest.raises(WeightsError, match=r"segmenter.onnx: no network that is run here: .*another file"):
        load_networks(folder)


def test_one_network_in_the_place_of_the_other_is_told(folder):
    put(folder, (folder / "classifier.onnx").read_bytes())
    with pytest.raises(WeightsError, match="not the segmenter: it takes crops, wanted image"):
        load_networks(folder)


def test_answers_of_another_shape_are_told(folder):
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    shape = ["n", 1, "h", "w"]
    graph = helper.make_graph(
        [helper.make_node("Sigmoid", ["image"], ["probability"])],
        "g",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("probability", kind, shape)],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    put(folder, network.SerializeToString())
    image = normalise(np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32), 24)
    with pytest.raises(WeightsError, match=r"answers with float32 of shape \(1, 1, 64, 64\), wanted"):
        load_networks(folder).segment(image)


def test_what_is_run_is_what_was_checked(folder):
    """A file that is exchanged after the folder was read is not the card's any more."""
    weights = read_weights(folder)
    (folder / "segmenter.onnx").write_bytes(model((5, ELSEWHERE)))
    with pytest.raises(WeightsError, match="is damaged or of other weights"):
        weights.content("segmenter.onnx")
