"""From shards to weights: both networks trained, calibrated on held-out families, written with a card."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cryoglean.dataset.shards import Split, find_shards, particle_px_of, read_shard
from cryoglean.dataset.tiles import LabelledTiles
from cryoglean.errors import UsageError
from cryoglean.networks.runtime import load_networks
from cryoglean.networks.settings import Calibration, WeightsCard
from cryoglean.networks.weights import read_weights, write_card
from cryoglean.training.architecture import build_classifier, build_segmenter
from cryoglean.training.calibration import figures, fit_calibration, measure_tiles, recommended_threshold
from cryoglean.training.classifier import classification_task, mine_crops
from cryoglean.training.export import export_networks, load_trainable
from cryoglean.training.loop import train
from cryoglean.training.segmenter import segmentation_task
from cryoglean.training.settings import TrainConfig

WATCHED = 96
"""Validation tiles that are looked at while the segmentation network is trained."""


@dataclass(frozen=True)
class Provenance:
    """Where weights come from, for their card."""

    name: str
    command: str
    data: str


def load_tiles(folder: Path, split: Split, config: TrainConfig) -> LabelledTiles:
    """Read one split of a folder of shards at the networks' scale; see `load_shards`."""
    return LabelledTiles.joined(load_shards(folder, split, config))


def load_shards(folder: Path, split: Split, config: TrainConfig) -> list[LabelledTiles]:
    """Read each file of one split of a folder of shards at the networks' scale.

    Parameters
    ----------
    folder : Path
        Shards, as `cryoglean simulate --tiles` or `cryoglean labels --tiles` writes them.
    split : str
        Which.
    config : TrainConfig
        The scale.

    Raises
    ------
    UsageError
        There are no shards, or they are coarser than the networks.
    """
    paths = find_shards(folder, split)
    if not paths:
        raise UsageError(f"{folder} holds no {split} shards; make some with `cryoglean simulate --tiles`")
    shard_px = particle_px_of(folder)
    scale = config.architecture.particle_px / shard_px
    if scale > 1:
        raise UsageError(
            f"{folder}: particles measure {shard_px:g} pixels and the networks want "
            f"{config.architecture.particle_px:g}; make finer tiles"
        )
    return [LabelledTiles.of(read_shard(path), scale=scale) for path in paths]


def train_networks(
    tiles: Mapping[Split, LabelledTiles],
    config: TrainConfig,
    provenance: Provenance,
    *,
    out: Path,
    start: Path | None = None,
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
    start : Path, optional
        Weights to start from instead of random ones.
    resume : bool
        Go on from the last checkpoint.

    Returns
    -------
    WeightsCard
        As it was written.
    """
    began = time.monotonic()
    torch.manual_seed(config.seed)
    architecture = config.architecture
    segmenter, classifier = _initial(config, start)
    record = out / "training"
    watched = tiles["validation"].first(WATCHED)
    task = segmentation_task(tiles["train"], watched, config, out=record)
    segmenter = train(segmenter, task, config, epochs=config.epochs, out=record, resume=resume)
    searched = tiles["train"].first(config.classifier_tiles)
    mined = mine_crops(segmenter, searched, config, augmentation=config.augmentation, seed=config.seed)
    held = mine_crops(segmenter, watched, config)
    task = classification_task(mined, held, config)
    crops = config.changed(batch=config.classifier_batch)
    classifier = train(classifier, task, crops, epochs=config.classifier_epochs, out=record, resume=resume)
    export_networks(out, segmenter, classifier, architecture=architecture)
    card = WeightsCard(
        name=provenance.name,
        architecture=architecture,
        calibration=Calibration(),
        threshold=0.5,
        expected_precision=0.0,
        data=provenance.data,
        families={split: len(np.unique(own.family)) for split, own in tiles.items()},
        training=config.model_dump(mode="json"),
        command=provenance.command,
        commit=source_state(),
        origin=read_weights(start).card.name if start else "",
        cost=f"{(time.monotonic() - began) / 60:.0f} minutes on {config.threads} cores",
    )
    write_card(out, card)
    return calibrate_weights(out, tiles)


def calibrate_weights(folder: Path, tiles: Mapping[Split, LabelledTiles]) -> WeightsCard:
    """Fit calibration and threshold on the validation tiles, measure on the test tiles; write the card."""
    card = read_weights(folder).card
    networks = load_networks(folder)
    measured = measure_tiles(networks, tiles["validation"])
    calibration = fit_calibration(measured)
    threshold = recommended_threshold(measured, calibration)
    values = figures(measure_tiles(networks, tiles["test"]), calibration, threshold)
    found = {
        "calibration": calibration,
        "threshold": threshold,
        "expected_precision": values["precision"],
        "validation": values,
    }
    write_card(folder, card.changed(**found))
    return read_weights(folder).card


def _initial(config: TrainConfig, start: Path | None) -> tuple[nn.Module, nn.Module]:
    if start is not None:
        return load_trainable(read_weights(start), config.architecture)
    segmenter, classifier = build_segmenter(config.architecture), build_classifier(config.architecture)
    return segmenter, classifier


def source_state() -> str:
    """State of the program's source, where it lies in a repository."""
    asked = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip()
