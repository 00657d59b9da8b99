"""The segmentation network in 8-bit integers answers as it did in floating point."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from cryoglean.networks.inspection import refusal
from cryoglean.networks.settings import ArchitectureConfig
from cryoglean.training.architecture import build_classifier, build_segmenter
from cryoglean.training.export import export_networks

SMALL = ArchitectureConfig(channels=(8, 16, 16), branches=2)


@pytest.fixture(scope="module")
def images():
    """Noise with a disc in each."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:128, :128]
    return [
        (rng.standard_normal((128, 128)) + 3 * (np.hypot(y - r, x - c) < 12)).astype(np.float32)
        for r, c in rng.uniform(20, 100, (9, 2))
    ]


@pytest.fixture(scope="module")
def networks(images):
    """Random networks that have seen the images, so that their normalisation fits."""
    torch.manual_seed(0)
    segmenter, classifier = build_segmenter(SMALL), build_classifier(SMALL)
    segmenter.train()
    with torch.no_grad():
        for _ in range(30):
            segmenter(torch.from_numpy(np.stack(images)[:, None]))
    return segmenter.eval(), classifier.eval()


def answers(path, images):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"image": one[None, None]})[0] for one in images])


def operators(path):
    return [node.op_type for node in onnx.load(str(path)).graph.node]


def test_integers_answer_like_floats_and_can_be_run_like_any_network(networks, images, tmp_path):
    export_networks(tmp_path / "float", *networks, architecture=SMALL)
    export_networks(tmp_path / "integer", *networks, architecture=SMALL, typical=images[:6])
    exact, quantised = (tmp_path / name / "segmenter.onnx" for name in ("float", "integer"))
    before, after = answers(exact, images[6:]), answers(quantised, images[6:])
    assert before.shape == after.shape
    assert np.abs(before - after).max() < 0.1
    for channel in range(before.shape[1]):
        assert np.corrcoef(before[:, channel].ravel(), after[:, channel].ravel())[0, 1] > 0.97
    assert refusal(quantised.read_bytes()) == ""
    assert "QuantizeLinear" in operators(quantised)
    assert "QuantizeLinear" not in operators(exact)
    for file in ("classifier.onnx", "segmenter.safetensors"):
        assert (tmp_path / "float" / file).read_bytes() == (tmp_path / "integer" / file).read_bytes()


def test_the_same_images_give_the_same_integers(networks, images, tmp_path):
    for name in "ab":
        export_networks(tmp_path / name, *networks, architecture=SMALL, typical=images[:4])
    one, other = ((tmp_path / name / "segmenter.onnx").read_bytes() for name in "ab")
    assert one == other
