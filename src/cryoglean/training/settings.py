"""Settings of training and fine-tuning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cryoglean.networks.settings import ArchitectureConfig
from cryoglean.settings import Config


class AugmentationConfig(Config):
    """How training tiles are varied while training."""

    scale: float = Field(0.2, ge=0, lt=1)
    """Largest relative change of size."""
    contrast: float = Field(0.35, ge=0, lt=1)
    """Largest relative change of contrast after normalisation."""
    noise: float = Field(0.6, ge=0)
    """Largest standard deviation of added noise, in units of the image's own; half of the tiles get some."""
    blur: float = Field(0.8, ge=0)
    """Largest width of an added blur, pixels; a quarter of the tiles get some."""
    gradient: float = Field(2.0, ge=0)
    """Largest rise of an added gradient over a tile, in standard deviations; half of the tiles get one."""
    sign_flip: float = Field(0.03, ge=0, le=0.5)
    """Chance that a tile is inverted."""
    border: float = Field(0.35, ge=0, le=1)
    """Chance that a tile ends as micrographs do, with nothing beyond a border that cuts particles."""


class FineTuningConfig(Config):
    """How trained networks go on with a few micrographs of a user's own."""

    minutes: float = Field(10.0, gt=0)
    """No more than so many minutes altogether; fewer where the steps are done before."""
    rate: float = Field(1e-3, gt=0)
    """Highest learning rate."""
    averaging: float = Field(0.98, ge=0, lt=1)
    """Decay of the moving average of weights, which is what is kept."""
    validate_every: int = Field(50, ge=1)
    """Steps between two looks at the micrographs held back."""
    steps: int = Field(400, ge=1)
    """Steps of the segmentation network."""
    classifier_steps: int = Field(150, ge=1)
    """Steps of the classification network."""
    share: float = Field(0.5, gt=0, le=1)
    """Share of the tiles in a batch that are the user's; the others are simulated."""
    held_back: float = Field(0.2, gt=0, lt=1)
    """Share of the micrographs on which progress is measured, and which are not trained on."""
    weak: float = Field(0.3, ge=0, le=1)
    """Weight of picks that nobody looked at."""
    unlabelled: float = Field(0.0, ge=0, le=1)
    """Weight of what was not picked where picks are incomplete; 0 leaves background to the other tiles."""
    refuted: float = Field(3.0, ge=0)
    """Weight of picks that the user deleted."""
    general: float = Field(0.5, ge=0)
    """What the average precision on simulated tiles counts beside that on the user's micrographs."""
    tiles: int = Field(480, ge=16)
    """Simulated tiles that are made where no shards are given."""
    augmentation: AugmentationConfig = AugmentationConfig(
        scale=0.15, contrast=0.35, noise=0.6, blur=0.8, gradient=2.0, sign_flip=0.0, border=0.2
    )
    """Variation of the user's tiles, which shows one particle at a known size."""


class TrainConfig(Config):
    """How the networks are trained."""

    seed: int = Field(0, ge=0)
    """The same seed, shards and machine give the same weights."""
    epochs: float = Field(6.0, gt=0)
    """Passes over the training tiles of the segmentation network."""
    batch: int = Field(12, ge=1)
    """Tiles in one step."""
    rate: float = Field(2e-3, gt=0)
    """Highest learning rate; it rises over the first steps and falls as a cosine."""
    weight_decay: float = Field(1e-2, ge=0)
    """Weight decay of AdamW."""
    mask_weight: float = Field(1.0, gt=0)
    """What the loss of the particles' masks counts beside those of centres and contamination."""
    averaging: float = Field(0.998, ge=0, lt=1)
    """Decay of the moving average of weights, which is what is kept."""
    classifier_tiles: int = Field(6000, ge=1)
    """Training tiles in which candidates are sought for the classification network, some 50 in each."""
    classifier_epochs: float = Field(4.0, gt=0)
    """Passes over the candidates of the classification network."""
    classifier_batch: int = Field(128, ge=1)
    """Candidates in one step."""
    empty_share: float = Field(0.08, ge=0, lt=1)
    """Share of the training tiles that come from micrographs without particles, where such are given."""
    quantisation_tiles: int = Field(60, ge=0)
    """Tiles by which the segmentation network is put into 8-bit integers; 0 leaves it in floating point."""
    validate_every: int = Field(500, ge=1)
    """Steps between two looks at the validation tiles, each with a checkpoint and an example map."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the networks' arithmetic; auto takes bfloat16 on GPUs, and on CPUs that multiply it in hardware."""
    threads: int = Field(2, ge=1)
    """Processor cores to use."""
    architecture: ArchitectureConfig = ArchitectureConfig()
    """The networks."""
    augmentation: AugmentationConfig = AugmentationConfig()
    """Variation of the tiles."""
    fine_tuning: FineTuningConfig = FineTuningConfig()
    """What differs where trained networks go on with a user's micrographs."""
