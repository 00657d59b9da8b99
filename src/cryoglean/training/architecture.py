"""The two networks of PIXER's family, sized for a CPU, and the two of its paper.

A segmentation network tells, for every pixel, whether it belongs to a particle, whether it is a particle's
centre, and whether it is contamination. A classification network looks at candidates with some context and
tells particle from contamination and from background. Both see normalised images in which a particle is
bright and measures a fixed number of pixels; see `normalise`.

Zhang et al. (2019), BMC Bioinformatics 20, 41: parallel atrous branches of growing rate whose outputs are
summed, and a 3-way classifier behind them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cryoglean.networks.maps import CENTRE, CHANNELS, CONTAMINATION, PARTICLE, STRIDE
from cryoglean.networks.settings import ArchitectureConfig

CLASSES = ("particle", "contamination", "background")
"""What the classifier distinguishes, in the order of its logits."""


def build_segmenter(config: ArchitectureConfig) -> nn.Module:
    """Make the segmentation network of a preset, with random weights."""
    return PixerSegmenter(config.branches) if config.preset == "pixer-2019" else Segmenter(config)


def build_classifier(config: ArchitectureConfig) -> nn.Module:
    """Make the classification network of a preset, with random weights."""
    return PixerClassifier() if config.preset == "pixer-2019" else Classifier(config)


class Segmenter(nn.Module):
    """Dense prediction of particles at the resolution of the input, and of the rest at half of it.

    Three stages halve the resolution, parallel atrous convolutions look two particle diameters and more
    around at an eighth of it, and a decoder with skips returns to a half, where four channels tell the four
    pixels of each block apart.

    Parameters
    ----------
    config : ArchitectureConfig
        Channels of the three stages, and number of atrous branches.

    Notes
    -----
    Input (n, 1, h, w), h and w multiples of 8; output (n, 6, h / 2, w / 2) of logits, see `maps`.
    """

    def __init__(self, config: ArchitectureConfig) -> None:
        super().__init__()
        first, second, third = config.channels
        self.to_2 = nn.Sequential(_convolution(1, first, stride=2), _convolution(first, first))
        self.to_4 = nn.Sequential(_convolution(first, second, stride=2), _convolution(second, second))
        self.to_8 = nn.Sequential(_convolution(second, third, stride=2), _convolution(third, third))
        self.branches = nn.ModuleList(
            nn.Sequential(_convolution(third, third, rate=rate), nn.Conv2d(third, third, 1))
            for rate in config.rates
        )
        self.back_to_4 = nn.Conv2d(third, second, 1)
        self.refine_4 = _convolution(second, second)
        self.back_to_2 = nn.Conv2d(second, first, 1)
        # Outlines are settled here, by two convolutions.
        self.refine_2 = nn.Sequential(_convolution(first, first), _convolution(first, first))
        self.heads = nn.Conv2d(first, CHANNELS, 1)
        with torch.no_grad():
            assert self.heads.bias is not None
            for channel, rare in ((PARTICLE, -1.5), (CENTRE, -4.0), (CONTAMINATION, -2.0)):
                self.heads.bias[channel] = rare

    def forward(self, image: Tensor) -> Tensor:
        """Predict logits."""
        half = self.to_2(image)
        quarter = self.to_4(half)
        eighth = self.to_8(quarter)
        # The eighth itself takes part, so that the branches need only add what lies around.
        wide = functional.relu(eighth + sum(branch(eighth) for branch in self.branches))
        quarter = self.refine_4(functional.relu(quarter + _doubled(self.back_to_4(wide))))
        half = self.refine_2(functional.relu(half + _doubled(self.back_to_2(quarter))))
        logits: Tensor = self.heads(half)
        return logits


class Classifier(nn.Module):
    """Distinguishes particle, contamination and background on crops of 1.5 particle diameters.

    Parameters
    ----------
    config : ArchitectureConfig
        Channels of the three stages, and side of the crops.

    Notes
    -----
    Input (n, 1, s, s); output (n, 3) of logits, see `CLASSES`.
    """

    def __init__(self, config: ArchitectureConfig) -> None:
        super().__init__()
        first, second, third = config.classifier_channels
        self.to_2 = nn.Sequential(_convolution(1, first, stride=2), _convolution(first, first))
        self.to_4 = nn.Sequential(_convolution(first, second, stride=2), _convolution(second, second))
        self.to_8 = nn.Sequential(_convolution(second, third, stride=2), _convolution(third, third))
        size = -(-config.crop_px // 8)
        self.decide = nn.Sequential(
            nn.Flatten(),
            nn.Linear(third * size * size, third),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(third, 3),
        )

    def forward(self, crops: Tensor) -> Tensor:
        """Predict logits."""
        logits: Tensor = self.decide(self.to_8(self.to_4(self.to_2(crops))))
        return logits


class PixerSegmenter(nn.Module):
    """The paper's own segmentation network: 19.6 million parameters, 470 GMAC per megapixel.

    Parameters
    ----------
    branches : int
        Number of atrous branches; four in the paper.

    Notes
    -----
    Input (n, 1, h, w), h and w multiples of 8; output (n, 6, h / 2, w / 2). The paper's output is a 2-way
    softmax at the input's resolution; here its difference of logits fills the channels of particles, the
    centre is its mean over a block, and contamination is never predicted, so both networks train and run
    alike. Two groups in all but the first convolutions of the first and third stage, as in
    CaffeNet, is what the paper's number of parameters and operations together imply.
    """

    def __init__(self, branches: int = 4) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *_plain(3, 96), *_plain(96, 96), _pool(), _normalise_response(),
            *_plain(96, 128, groups=2), *_plain(128, 128, groups=2), _pool(), _normalise_response(),
            *_plain(128, 256), *_plain(256, 256, groups=2), *_plain(256, 384, groups=2), _pool(),
        )  # fmt: skip
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(384, 1024, 3, padding=rate, dilation=rate), nn.ReLU(), nn.Dropout(0.5),
                nn.Conv2d(1024, 1024, 1), nn.ReLU(), nn.Dropout(0.5),
                nn.Conv2d(1024, 2, 1),
            )
            for rate in ArchitectureConfig(branches=branches).rates
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        """Predict logits."""
        deep = self.trunk(image.expand(-1, 3, -1, -1))
        both = torch.stack([branch(deep) for branch in self.branches]).sum(dim=0)
        particle = functional.interpolate(
            both[:, 1:] - both[:, :1], scale_factor=8, mode="bilinear", align_corners=False
        )
        blocks = functional.pixel_unshuffle(particle, STRIDE)
        centre = blocks.mean(dim=1, keepdim=True)
        return torch.cat([blocks, centre, torch.full_like(centre, -20.0)], dim=1)


class PixerClassifier(nn.Module):
    """The paper's classification network, CaffeNet with three classes: 57 million parameters.

    Notes
    -----
    Input (n, 1, s, s), enlarged to 224 pixels and repeated to three channels; output (n, 3) of logits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), _pool(3, ceil=True), _normalise_response(),
            nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), _pool(3, ceil=True), _normalise_response(),
            *_plain(256, 384), *_plain(384, 384, groups=2), *_plain(384, 256, groups=2), _pool(3, ceil=True),
        )  # fmt: skip
        self.decide = nn.Sequential(
            nn.Flatten(), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 3),
        )  # fmt: skip

    def forward(self, crops: Tensor) -> Tensor:
        """Predict logits."""
        large = functional.interpolate(crops, size=(224, 224), mode="bilinear", align_corners=False)
        logits: Tensor = self.decide(self.features(large.expand(-1, 3, -1, -1)))
        return logits


def _convolution(inputs: int, outputs: int, *, stride: int = 1, rate: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=rate, dilation=rate, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _doubled(image: Tensor) -> Tensor:
    return functional.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)


def _plain(inputs: int, outputs: int, *, groups: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, 3, padding=1, groups=groups), nn.ReLU()


def _pool(size: int = 2, *, ceil: bool = False) -> nn.MaxPool2d:
    return nn.MaxPool2d(size, stride=2, ceil_mode=ceil)


def _normalise_response() -> nn.LocalResponseNorm:
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
