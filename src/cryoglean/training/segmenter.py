"""Training of the segmentation network: its batches, and what is measured on validation tiles."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cryoglean.dataset.tiles import LabelledTiles
from cryoglean.evaluate import evaluate
from cryoglean.io.writing import complete_or_absent
from cryoglean.networks.maps import CENTRE, CONTAMINATION, PARTICLE, Maps, find_candidates, where_known
from cryoglean.training.augmentation import Example, example
from cryoglean.training.loop import Metrics, Task
from cryoglean.training.losses import segmentation_loss
from cryoglean.training.settings import TrainConfig
from cryoglean.types import FloatImage, Picks

_SHOWN = 8
"""Validation tiles whose maps are drawn."""


def segmentation_task(
    tiles: LabelledTiles, validation: LabelledTiles, config: TrainConfig, *, out: Path
) -> Task:
    """Describe the training of the segmentation network.

    Parameters
    ----------
    tiles : LabelledTiles
        To learn from.
    validation : LabelledTiles
        Of other families; to measure on.
    config : TrainConfig
        Variation and scale.
    out : Path
        Folder for example maps.
    """
    particle_px = config.architecture.particle_px

    def batch(index: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, ...]:
        streams = rng.spawn(len(index))
        made = [
            example(tiles, int(i), particle_px=particle_px, config=config.augmentation, rng=stream)
            for i, stream in zip(index, streams, strict=True)
        ]
        return (
            torch.from_numpy(np.stack([one.image for one in made])[:, None]),
            torch.from_numpy(np.stack([one.target for one in made])),
            torch.from_numpy(np.stack([one.weight for one in made])),
        )

    examples = [example(validation, i, particle_px=particle_px) for i in range(len(validation))]

    def validate(network: nn.Module, step: int) -> Metrics:
        maps = predict(network, [one.image for one in examples])
        draw_maps(out / f"segmentation-{step:06d}.png", examples[:_SHOWN], maps[:_SHOWN])
        return measure(validation, examples, maps, particle_px=particle_px)

    loss = partial(segmentation_loss, mask_weight=config.mask_weight)
    return Task("segmentation", len(tiles), batch, loss, validate, epochs=config.epochs)


@torch.no_grad()
def predict(
    network: nn.Module, images: list[FloatImage], *, batch: int = 16, half: bool = False
) -> FloatImage:
    """Probabilities (n, 6, s / 2, s / 2) of n normalised tiles from a network in evaluation mode.

    With `half` it computes in bfloat16, which is exact to about a hundredth.
    """
    device = next(network.parameters()).device
    parts = []
    for start in range(0, len(images), batch):
        image = torch.from_numpy(np.stack(images[start : start + batch])[:, None]).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            logits = network(image.contiguous(memory_format=torch.channels_last))
        parts.append(torch.sigmoid(logits.float()).cpu().numpy())
    return np.concatenate(parts)


def measure(
    tiles: LabelledTiles, examples: list[Example], maps: FloatImage, *, particle_px: float
) -> Metrics:
    """Loss, overlap of the masks, and average precision of what the maps' maxima find.

    Particles whose label is unknown, under ice or carbon, and candidates on them are ignored.
    """
    target = torch.from_numpy(np.stack([one.target for one in examples]))
    weight = torch.from_numpy(np.stack([one.weight for one in examples]))
    logits = torch.logit(torch.from_numpy(maps), 1e-6)
    counted = weight.numpy() > 0
    metrics = {"validation_loss": float(segmentation_loss(logits, target, weight))}
    for channel, name in ((PARTICLE, "particle_iou"), (CONTAMINATION, "contamination_iou")):
        answer = (maps[:, channel] > 0.5) & counted[:, channel]
        truth = (target.numpy()[:, channel] > 0.5) & counted[:, channel]
        metrics[name] = float((answer & truth).sum() / max(1, (answer | truth).sum()))
    truths, found = [], []
    for i, one in enumerate(examples):
        known = one.weight[CENTRE] > 0
        truths.append(where_known(Picks(one.centres, name=str(i)), known))
        candidates = find_candidates(maps[i][CENTRE], particle_px)
        found.append(where_known(Picks(candidates.xy, candidates.score, name=str(i)), known))
    merit = evaluate(truths, found, diameter_px=particle_px, tolerances=(0.5,)).pooled[0]
    return metrics | {"average_precision": merit.average_precision or 0.0}


def draw_maps(path: Path, examples: list[Example], maps: FloatImage) -> None:
    """Draw tiles, their targets and the network's answers below one another, as an RGB picture."""
    columns = []
    for one, answer in zip(examples, maps, strict=True):
        level = np.clip(127 + 32 * one.image, 0, 255).astype(np.uint8)
        colours = [_coloured(Maps.of(np.clip(c, 0, 1))) for c in (one.target, answer)]
        columns.append(np.vstack([np.dstack([level] * 3), *colours]))
    with complete_or_absent(path) as partial:
        cv2.imwrite(str(partial), np.hstack(columns)[..., ::-1])


def _coloured(maps: Maps) -> NDArray[np.uint8]:
    """Show particles red, centres green and contamination blue, (ny, nx, 3)."""
    size = maps.particle.shape[::-1]
    wide = [
        cv2.resize(one, size, interpolation=cv2.INTER_NEAREST) for one in (maps.centre, maps.contamination)
    ]
    return np.round(255 * np.dstack([maps.particle, *wide])).astype(np.uint8)
