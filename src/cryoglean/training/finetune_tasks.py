"""Going on from trained networks with a few micrographs of a user's own.

Every batch holds tiles of the user's micrographs and simulated ones, so that the networks keep what they
knew. The statistics of the batch normalisation stay as they were, since a few micrographs are too small a
sample to measure them on. What is kept is the last state that did as well on micrographs held back as any,
but for chance: a hundred particles do not tell two good networks apart, and the one that was trained longer
is better on others, as a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from cryoglean.dataset.tiles import CONTAMINATED, DEBRIS, PARTICLE, REFUTED, UNLABELLED, WEAK, LabelledTiles
from cryoglean.evaluate import evaluate
from cryoglean.io.writing import complete_or_absent
from cryoglean.networks.maps import CENTRE, CONTAMINATION, STRIDE, find_candidates, where_known
from cryoglean.networks.runtime import Networks, cut_crops
from cryoglean.networks.weights import Weights
from cryoglean.training.augmentation import Example, example
from cryoglean.training.calibration import REACH, Measured
from cryoglean.training.classifier import (
    BACKGROUND_KIND,
    MinedCrops,
    classification_task,
    label_candidates,
    mine_crops,
)
from cryoglean.training.export import load_trainable
from cryoglean.training.labelling import LabelledMicrograph
from cryoglean.training.loop import Metrics, Task, Watch, reading_checkpoint
from cryoglean.training.losses import segmentation_loss
from cryoglean.training.pipeline import Pair
from cryoglean.training.segmenter import measure, predict
from cryoglean.training.settings import TrainConfig
from cryoglean.types import Picks

_WATCHED = 48
"""Simulated tiles on which it is watched whether the general ability stays."""

_WATCHED_MICROGRAPHS = 6
"""Micrographs on which progress is measured; more would only take time."""

CHANCE = 0.03
"""Average precisions on one micrograph that differ by less are alike: of two networks, the one that was
better by 0.025 on nine micrographs was worse by 0.015 on a tenth."""

_MINED = 400
"""Tiles of the user's in which candidates for the classifier are found, at most."""


@dataclass(frozen=True, eq=False)
class FineTuningData:
    """What to learn, and what to measure it on.

    Parameters
    ----------
    tiles : LabelledTiles
        Of the user's micrographs, with the trust in their labels; see `labelling.cut`.
    held : sequence of LabelledMicrograph
        Micrographs of the user's that are held back.
    replay, validation : LabelledTiles
        Simulated tiles to rehearse, and others to measure on.
    """

    tiles: LabelledTiles
    held: Sequence[LabelledMicrograph]
    replay: LabelledTiles
    validation: LabelledTiles


def freeze_statistics(network: nn.Module) -> nn.Module:
    """Let the batch normalisation of a network use the statistics it has, in training too; in place."""
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            frozen = _FrozenNorm(child.num_features, eps=child.eps)
            frozen.load_state_dict(child.state_dict())
            setattr(network, name, frozen)
        else:
            freeze_statistics(child)
    return network


class _FrozenNorm(nn.BatchNorm2d):
    """Batch normalisation that never measures; its scale and shift are trained as usual."""

    def train(self, mode: bool = True) -> _FrozenNorm:
        super().train(False)
        return self


def trainable(weights: Weights) -> Pair:
    """Load networks to go on from, whose batch normalisation keeps its statistics."""
    segmenter, classifier = load_trainable(weights, weights.card.architecture)
    return freeze_statistics(segmenter), freeze_statistics(classifier)


def tuned_segmentation(
    data: FineTuningData, config: TrainConfig, *, out: Path, resume: bool, watch: Watch
) -> Task:
    """Describe how the segmentation network goes on.

    Parameters
    ----------
    data : FineTuningData
        What to learn.
    config : TrainConfig
        How; the steps and the trust in labels are in its part `fine_tuning`.
    out : Path
        Folder for the state that is kept.
    resume : bool
        Go on from the last checkpoint.
    watch : callable
        Is told of every step, and may end the training.

    Returns
    -------
    Task
        It keeps the last state that was as good as any that was looked at, which may be the first.
    """
    kept = _Kept(out / "segmentation-kept.safetensors", resume=resume)
    task = _segmentation_task(data, config, kept=kept, watch=watch)

    def begin(network: nn.Module) -> None:
        if not kept.any:
            task.validate(network.eval(), 0)

    epochs = config.fine_tuning.steps * config.batch / task.size
    return replace(task, epochs=epochs, begin=begin, keep=kept.restore)


def _segmentation_task(data: FineTuningData, config: TrainConfig, *, kept: _Kept, watch: Watch) -> Task:
    own, tuning = data.tiles, config.fine_tuning
    particle_px = config.architecture.particle_px
    size = round(len(own) / tuning.share)
    watched = data.validation.first(_WATCHED)
    simulated = [example(watched, i, particle_px=particle_px) for i in range(len(watched))]

    def batch(index: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, ...]:
        made = []
        for i, stream in zip(index, rng.spawn(len(index)), strict=True):
            if i < len(own):
                made.append(annotated_example(own, int(i), config=config, rng=stream))
            else:
                number = int(stream.integers(len(data.replay)))
                made.append(
                    example(
                        data.replay,
                        number,
                        particle_px=particle_px,
                        config=config.augmentation,
                        rng=stream,
                    )
                )
        return (
            torch.from_numpy(np.stack([one.image for one in made])[:, None]),
            torch.from_numpy(np.stack([one.target for one in made])),
            torch.from_numpy(np.stack([one.weight for one in made])),
        )

    def validate(network: nn.Module, step: int) -> Metrics:
        maps = predict(network, [one.image for one in simulated])
        general = measure(watched, simulated, maps, particle_px=particle_px)["average_precision"]
        figures = {
            "own_average_precision": _own_precision(network, data.held[:_WATCHED_MICROGRAPHS], particle_px),
            "simulated_average_precision": general,
        }
        kept.offer(network, figures["own_average_precision"] + tuning.general * general, step)
        return figures

    return Task("segmentation", size, batch, segmentation_loss, validate, watch=watch)


def annotated_example(
    tiles: LabelledTiles, index: int, *, config: TrainConfig, rng: np.random.Generator | None
) -> Example:
    """Make an example of a tile of a user's, whose labels count by the trust in them."""
    tuning = config.fine_tuning
    one = example(
        tiles,
        index,
        particle_px=config.architecture.particle_px,
        config=tuning.augmentation if rng is not None else None,
        rng=rng,
    )
    trust = one.labels[::STRIDE, ::STRIDE, 1]
    worth = np.ones(REFUTED + 1, np.float32)
    worth[[WEAK, UNLABELLED, REFUTED]] = tuning.weak, tuning.unlabelled, tuning.refuted
    weight = one.weight * worth[trust]
    weight[CONTAMINATION] = 0  # Of contamination a user says nothing.
    return Example(one.image, one.target, weight, one.centres, one.labels)


def tuned_classification(
    segmenter: nn.Module, data: FineTuningData, config: TrainConfig, *, watch: Watch
) -> Task:
    """Describe how the classification network goes on with what the new segmentation network finds."""
    own = mine_annotated(segmenter, data.tiles, config)
    replay = mine_crops(segmenter, data.replay, config, augmentation=config.augmentation, seed=config.seed)
    held = mine_crops(segmenter, data.validation.first(_WATCHED), config)
    # As many of the user's candidates as of simulated ones, by repeating them.
    times = max(1, round(len(replay) / max(1, len(own))))
    crops = _joined_crops([*[own] * times, replay])
    task = classification_task(crops, held, config)
    epochs = config.fine_tuning.classifier_steps * config.classifier_batch / task.size
    return replace(task, epochs=epochs, watch=watch)


def mine_annotated(network: nn.Module, tiles: LabelledTiles, config: TrainConfig) -> MinedCrops:
    """Let the segmentation network find candidates in a user's tiles, and tell what each is.

    A deleted pick is contamination, as is what lies on labelled contamination; whatever else is no particle
    is background. Where picks are incomplete, nothing is known of candidates that nobody picked.
    """
    shape = config.architecture
    parts = []
    for i in np.linspace(0, len(tiles) - 1, min(len(tiles), _MINED)).round().astype(int).tolist():
        one = annotated_example(tiles, i, config=config, rng=None)
        candidates = find_candidates(predict(network, [one.image])[0, CENTRE], shape.particle_px)
        trust = one.labels[..., 1]
        contaminated = np.isin(trust, (CONTAMINATED, DEBRIS, REFUTED)).astype(np.uint8)
        labels = np.stack([one.labels[..., 0], contaminated], axis=-1)
        kind = label_candidates(candidates.xy, one.centres, labels, particle_px=shape.particle_px)
        column, row = np.clip(np.rint(candidates.xy).astype(np.intp), 0, trust.shape[0] - 1).T
        kind[(kind == BACKGROUND_KIND) & (trust[row, column] == UNLABELLED)] = -1
        known = kind >= 0
        crops = cut_crops(one.image, candidates.xy[known], shape.crop_px).astype(np.float16)
        parts.append(MinedCrops(crops, kind[known], candidates.score[known]))
    return _joined_crops(parts)


def measure_micrographs(networks: Networks, micrographs: Sequence[LabelledMicrograph]) -> Measured:
    """Run both networks over a user's micrographs, as picking does."""
    particle_px = networks.weights.card.architecture.particle_px
    truth, found, common, joint = [], [], 0, 0
    for micrograph in micrographs:
        maps = networks.segment(micrograph.level)
        candidates = find_candidates(maps.centre, particle_px)
        particle = networks.classify(micrograph.level, candidates.xy)[:, 0]
        picks = Picks(candidates.xy, candidates.score, name=micrograph.name, extra={"classifier": particle})
        truth.append(where_known(Picks(micrograph.centres, name=micrograph.name), micrograph.within))
        found.append(where_known(picks, micrograph.within))
        answer, wanted = (
            mask[micrograph.inner] for mask in (maps.particle > 0.5, micrograph.particle == PARTICLE)
        )
        common += int((answer & wanted).sum())
        joint += int((answer | wanted).sum())
    return Measured(tuple(truth), tuple(found), common / max(1, joint), 0.0, particle_px)


def _own_precision(
    network: nn.Module, micrographs: Sequence[LabelledMicrograph], particle_px: float
) -> float:
    """Average precision of what the segmentation network finds in micrographs."""
    truth, found = [], []
    for micrograph in micrographs:
        candidates = find_candidates(predict(network, [micrograph.level])[0, CENTRE], particle_px)
        truth.append(where_known(Picks(micrograph.centres, name=micrograph.name), micrograph.within))
        found.append(
            where_known(Picks(candidates.xy, candidates.score, name=micrograph.name), micrograph.within)
        )
    merit = evaluate(truth, found, diameter_px=particle_px, tolerances=(REACH,)).pooled[0]
    return merit.average_precision or 0.0


def _joined_crops(parts: Sequence[MinedCrops]) -> MinedCrops:
    return MinedCrops(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("image", "kind", "score"))
    )


class _Kept:
    """The last state of a network that did as well as any before, in a file that outlives a broken run."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self.best = -np.inf
        if not resume:
            path.unlink(missing_ok=True)
        elif path.exists():
            with reading_checkpoint(path), safe_open(path, "pt") as file:
                self.best = float(file.metadata()["best"])

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(np.isfinite(self.best))

    def offer(self, network: nn.Module, merit: float, step: int) -> None:
        """Keep a network unless it is worse than the best by more than chance."""
        self.best = max(self.best, merit)
        if merit < self.best - CHANCE:
            return
        tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
        with complete_or_absent(self._path) as partial:
            save_file(tensors, partial, {"best": repr(self.best), "step": str(step)})

    def restore(self, network: nn.Module) -> nn.Module:
        """Give a network the state that is kept."""
        with reading_checkpoint(self._path), safe_open(self._path, "pt") as file:
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        return network.eval()
