"""Training of the classification network on what the segmentation network finds, rightly and wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor, nn
from torch.nn import functional

from cryoglean.dataset.tiles import BACKGROUND, UNKNOWN, LabelledTiles
from cryoglean.networks.maps import CENTRE, STRIDE, find_candidates
from cryoglean.networks.runtime import cut_crops
from cryoglean.training.augmentation import example
from cryoglean.training.loop import Metrics, Task, takes_half
from cryoglean.training.segmenter import predict
from cryoglean.training.settings import AugmentationConfig, TrainConfig
from cryoglean.types import FloatImage

PARTICLE_KIND, CONTAMINATION_KIND, BACKGROUND_KIND = 0, 1, 2
"""Kinds of crops, in the order of `architecture.CLASSES`."""

HIT, MISS = 0.3, 0.5
"""A candidate nearer to a particle than this many diameters is one; beyond the second it is none; between the
two, and where another candidate is nearer, it is no example of anything."""

_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class MinedCrops:
    """Candidates with what they are.

    Parameters
    ----------
    image : array of float16, shape (n, s, s)
        Normalised crops.
    kind : array of int64, shape (n,)
        `PARTICLE_KIND`, `CONTAMINATION_KIND` or `BACKGROUND_KIND`.
    score : array, shape (n,)
        The segmentation's score of the candidate.
    """

    image: NDArray[np.float16]
    kind: NDArray[np.int64]
    score: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.kind)


def mine_crops(
    network: nn.Module,
    tiles: LabelledTiles,
    config: TrainConfig,
    *,
    augmentation: AugmentationConfig | None = None,
    seed: int = 0,
) -> MinedCrops:
    """Let the segmentation network find candidates in tiles, and tell what each is.

    Parameters
    ----------
    network : Module
        The segmentation network, in evaluation mode.
    tiles : LabelledTiles
        Where to look.
    config : TrainConfig
        Scale and size of the crops.
    augmentation : AugmentationConfig, optional
        Variation of the tiles.
    seed : int
        Of the variation.

    Returns
    -------
    MinedCrops
        True particles that it finds, and everything else that it takes for one: the hard negatives.
        Candidates where the truth is unknown are left out.
    """
    shape = config.architecture
    half = takes_half(config, next(network.parameters()).device)
    parts: list[tuple[NDArray[np.float16], NDArray[np.int64], NDArray[np.float64]]] = []
    for start in range(0, len(tiles), _AT_ONCE):
        chosen = range(start, min(start + _AT_ONCE, len(tiles)))
        plain = [
            example(
                tiles,
                i,
                particle_px=shape.particle_px,
                config=augmentation,
                rng=np.random.default_rng([seed, 2, i]),
            )
            for i in chosen
        ]
        maps = predict(network, [one.image for one in plain], half=half)
        for one, answer in zip(plain, maps, strict=True):
            candidates = find_candidates(answer[CENTRE], shape.particle_px)
            kind = label_candidates(candidates.xy, one.centres, one.labels, particle_px=shape.particle_px)
            sure = kind >= 0
            crops = cut_crops(one.image, candidates.xy[sure], shape.crop_px).astype(np.float16)
            parts.append((crops, kind[sure], candidates.score[sure]))
    image, kind, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    return MinedCrops(image, kind, score)


def label_candidates(
    xy: NDArray[np.float64],
    centres: NDArray[np.float64],
    labels: NDArray[np.uint8],
    *,
    particle_px: float,
) -> NDArray[np.int64]:
    """Return what candidates are.

    Parameters
    ----------
    xy : array, shape (n, 2)
        Candidates, the best first.
    centres : array, shape (m, 2)
        True particles.
    labels : array of uint8, shape (s, s, 2)
        Labels of particles and of contamination, see `tiles`.
    particle_px : float
        Particle diameter in pixels.

    Returns
    -------
    array of int64, shape (n,)
        Kind of each, −1 where it cannot be sure.
    """
    kind = np.full(len(xy), -1)
    if not len(xy):
        return kind
    column, row = np.clip(np.rint(xy).astype(np.intp), 0, labels.shape[0] - 1).T
    particle, contaminated = labels[row, column].T
    # A far point stands in where there is no particle, so that every candidate has a nearest one.
    distance, nearest = cKDTree(np.vstack([centres, [[-1e9, -1e9]]])).query(xy)
    distance, nearest = np.atleast_1d(distance), np.atleast_1d(nearest)
    far = distance > MISS * particle_px
    kind[far & (contaminated == BACKGROUND)] = BACKGROUND_KIND
    kind[far & (contaminated != BACKGROUND)] = CONTAMINATION_KIND
    close = np.flatnonzero(distance < HIT * particle_px)
    # Of several candidates for one particle the nearest is right; the others are left out.
    order = close[np.argsort(distance[close], kind="stable")]
    first = np.unique(nearest[order], return_index=True)[1]
    kind[order[first]] = PARTICLE_KIND
    kind[particle == UNKNOWN] = -1
    return kind


def classification_task(crops: MinedCrops, validation: MinedCrops, config: TrainConfig) -> Task:
    """Describe the training of the classification network."""
    weight = _class_weights(crops.kind)

    def batch(index: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, ...]:
        image = np.stack(list(_varied(crops.image[index].astype(np.float32), config.augmentation, rng)))
        return torch.from_numpy(image[:, None]), torch.from_numpy(crops.kind[index])

    def loss(logits: Tensor, kind: Tensor) -> Tensor:
        return functional.cross_entropy(logits, kind, weight=weight.to(logits.device))

    def validate(network: nn.Module, _: int) -> Metrics:
        answer = classify(network, validation.image)
        right = answer.argmax(axis=1) == validation.kind
        truth = torch.from_numpy(validation.kind)
        logits = torch.log(torch.from_numpy(answer).clamp_min(1e-7))
        figures = {"validation_loss": float(functional.cross_entropy(logits, truth))}
        for number, name in enumerate(("particle", "contamination", "background")):
            own = validation.kind == number
            figures[f"{name}_recall"] = float(right[own].mean()) if own.any() else float("nan")
        return figures

    return Task("classification", len(crops), batch, loss, validate, epochs=config.classifier_epochs)


@torch.no_grad()
def classify(network: nn.Module, crops: NDArray[np.floating], *, batch: int = 512) -> FloatImage:
    """Probabilities (n, 3) of normalised crops (n, s, s) from a network in evaluation mode."""
    device = next(network.parameters()).device
    parts = [np.zeros((0, 3), np.float32)]
    for start in range(0, len(crops), batch):
        image = torch.from_numpy(crops[start : start + batch].astype(np.float32)[:, None]).to(device)
        parts.append(torch.softmax(network(image).float(), dim=1).cpu().numpy())
    return np.concatenate(parts)


def _class_weights(kind: NDArray[np.int64]) -> Tensor:
    """Weights that make the three kinds count more alike: inverse roots of their numbers."""
    count = np.bincount(kind, minlength=3) + 1.0
    weight = 1 / np.sqrt(count)
    return torch.from_numpy((weight / (weight * count).sum() * count.sum()).astype(np.float32))


def _varied(crops: FloatImage, config: AugmentationConfig, rng: np.random.Generator) -> Iterator[FloatImage]:
    """Turn, mirror, shift by up to two pixels and change the contrast of crops."""
    for crop in crops:
        moved = np.rot90(crop, int(rng.integers(4)))
        if rng.random() < 0.5:
            moved = moved[:, ::-1]
        moved = np.roll(moved, rng.integers(-STRIDE, STRIDE + 1, 2), axis=(0, 1))
        yield np.ascontiguousarray(moved * np.float32(1 + config.contrast * rng.uniform(-1, 1)))
