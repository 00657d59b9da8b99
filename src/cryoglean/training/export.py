"""Writing trained networks as ONNX for picking and as safetensors for further training."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load, save_file
from torch import Tensor, nn

from cryoglean.errors import WeightsError
from cryoglean.io.writing import complete_or_absent
from cryoglean.networks.settings import ArchitectureConfig
from cryoglean.networks.weights import Weights
from cryoglean.training.architecture import build_classifier, build_segmenter
from cryoglean.training.quantise import quantise_network
from cryoglean.types import FloatImage


class _Probabilities(nn.Module):
    """A network that answers with probabilities instead of logits."""

    def __init__(self, network: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.activation = activation

    def forward(self, image: Tensor) -> Tensor:
        answer: Tensor = self.activation(self.network(image))
        return answer


def export_networks(
    folder: Path,
    segmenter: nn.Module,
    classifier: nn.Module,
    *,
    architecture: ArchitectureConfig,
    typical: Sequence[FloatImage] = (),
) -> None:
    """Write both networks in both forms; the card is written by `weights.write_card`.

    Parameters
    ----------
    folder : Path
        Where to.
    segmenter, classifier : Module
        Trained networks.
    architecture : ArchitectureConfig
        What they look like.
    typical : sequence of array of float32, shape (s, s)
        Normalised images by which the segmentation network is put into 8-bit integers; it stays in floating
        point where there are none, and where it is the paper's, which needs a GPU anyway.
    """
    image = torch.zeros(1, 1, 64, 64)
    crops = torch.zeros(2, 1, architecture.crop_px, architecture.crop_px)
    _write_onnx(
        folder / "segmenter.onnx",
        _Probabilities(segmenter, nn.Sigmoid()),
        image,
        name="image",
        free={0: "n", 2: "height", 3: "width"},
    )
    if typical and architecture.preset == "light":
        quantise_network(folder / "segmenter.onnx", typical)
    _write_onnx(
        folder / "classifier.onnx",
        _Probabilities(classifier, nn.Softmax(dim=1)),
        crops,
        name="crops",
        free={0: "n"},
    )
    for part, network in (("segmenter", segmenter), ("classifier", classifier)):
        with complete_or_absent(folder / f"{part}.safetensors") as partial:
            save_file({k: v.cpu().contiguous() for k, v in network.state_dict().items()}, partial)


def load_trainable(weights: Weights, architecture: ArchitectureConfig) -> tuple[nn.Module, nn.Module]:
    """Load both networks of a folder of weights for further training.

    Raises
    ------
    WeightsError
        A file does not hold this architecture.
    """
    networks = build_segmenter(architecture), build_classifier(architecture)
    for part, network in zip(("segmenter", "classifier"), networks, strict=True):
        file = f"{part}.safetensors"
        content = weights.content(file)
        try:
            network.load_state_dict(load(content))
        except Exception as error:  # noqa: BLE001 - the library has a class of its own for what is damaged
            raise WeightsError(weights.folder / file, f"does not hold such a network: {error}") from None
    return networks


def _write_onnx(path: Path, network: nn.Module, example: Tensor, *, name: str, free: dict[int, str]) -> None:
    network = network.cpu().eval()
    with complete_or_absent(path) as partial, warnings.catch_warnings():
        # The newer exporter wants a second package and changes at every release; this one is frozen.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (example,),
            str(partial),
            input_names=[name],
            output_names=["probability"],
            dynamic_axes={name: free, "probability": free},
            opset_version=17,
            dynamo=False,
        )
