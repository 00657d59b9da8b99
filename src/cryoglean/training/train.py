"""From tiles to weights: both networks trained from scratch and calibrated on families that were held out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cryoglean.dataset.shards import Split
from cryoglean.dataset.tiles import LabelledTiles
from cryoglean.networks.runtime import Networks
from cryoglean.networks.settings import Calibration, WeightsCard
from cryoglean.networks.weights import Weights
from cryoglean.training.architecture import build_classifier, build_segmenter
from cryoglean.training.augmentation import typical_images
from cryoglean.training.calibration import figures, fit_calibration, measure_tiles, recommended_threshold
from cryoglean.training.classifier import classification_task, mine_crops
from cryoglean.training.export import load_trainable
from cryoglean.training.loop import Task
from cryoglean.training.pipeline import RECORD, Fit, Pair, fit_pair, source_state, train_pair, write_weights
from cryoglean.training.segmenter import segmentation_task
from cryoglean.training.settings import TrainConfig

WATCHED = 96
"""Validation tiles that are looked at while the segmentation network is trained."""

Tiles = Mapping[Split, LabelledTiles]


@dataclass(frozen=True)
class Provenance:
    """Where weights come from, for their card."""

    name: str
    command: str
    data: str


def train_networks(
    tiles: Tiles,
    config: TrainConfig,
    provenance: Provenance,
    *,
    out: Path,
    start: Weights | None = None,
    resume: bool = False,
) -> WeightsCard:
    """Train both networks and write a folder of weights.

    Parameters
    ----------
    tiles : mapping of str to LabelledTiles
        Of the splits 'train', 'validation' and 'test'. The networks learn from the first; calibration and
        threshold come from the second; the figures on the card from the third.
    config : TrainConfig
        How.
    provenance : Provenance
        For the card.
    out : Path
        Folder of the weights; checkpoints, metrics and example maps go into its ``training`` folder.
    start : Weights, optional
        To start from instead of random ones.
    resume : bool
        Go on from the last checkpoint.

    Returns
    -------
    WeightsCard
        As it was written.
    """
    began = time.monotonic()
    torch.manual_seed(config.seed)
    record = out / RECORD
    watched = tiles["validation"].first(WATCHED)

    def classification(segmenter: nn.Module) -> Task:
        searched = tiles["train"].first(config.classifier_tiles)
        mined = mine_crops(segmenter, searched, config, augmentation=config.augmentation, seed=config.seed)
        return classification_task(mined, mine_crops(segmenter, watched, config), config)

    segmentation = segmentation_task(tiles["train"], watched, config, out=record)
    pair = train_pair(
        _initial(config, start), segmentation, classification, config=config, out=record, resume=resume
    )
    card = WeightsCard(
        name=provenance.name,
        architecture=config.architecture,
        calibration=Calibration(),
        threshold=0.5,
        expected_precision=0.0,
        data=provenance.data,
        families={split: len(np.unique(own.family)) for split, own in tiles.items()},
        training=config.model_dump(mode="json"),
        command=provenance.command,
        commit=source_state(),
        origin=start.card.name if start else "",
        cost=f"{(time.monotonic() - began) / 60:.0f} minutes on {config.threads} cores",
    )
    typical = typical_images(
        tiles["train"], config.quantisation_tiles, particle_px=config.architecture.particle_px
    )
    fit = fit_pair(pair, card, lambda networks: fit_to_tiles(networks, tiles), out=out, typical=typical)
    return write_weights(card, fit, out=out)


def fit_to_tiles(networks: Networks, tiles: Tiles) -> Fit:
    """Fit calibration and threshold on the validation tiles, and measure on the test tiles."""
    measured = measure_tiles(networks, tiles["validation"])
    calibration = fit_calibration(measured)
    threshold = recommended_threshold(measured, calibration)
    values = figures(measure_tiles(networks, tiles["test"]), calibration, threshold)
    return Fit(calibration, threshold, values["precision"], values)


def _initial(config: TrainConfig, start: Weights | None) -> Pair:
    if start is not None:
        return load_trainable(start, config.architecture)
    return build_segmenter(config.architecture), build_classifier(config.architecture)
