"""From a user's annotations to weights of their own, beside those that it began with."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cryoglean.dataset.shards import SPLITS, find_shards
from cryoglean.dataset.tiles import UNKNOWN, LabelledTiles, load_shards, load_tiles
from cryoglean.engine.resources import threads
from cryoglean.errors import UsageError
from cryoglean.networks.runtime import Networks, load_networks
from cryoglean.networks.weights import CARD, Weights
from cryoglean.simulate.settings import SimulationConfig, TileConfig
from cryoglean.simulate.shards import ShardPlan, write_shards
from cryoglean.training.annotations import Annotations, labelled_micrograph
from cryoglean.training.augmentation import typical_images
from cryoglean.training.calibration import figures, fit_calibration, measure_tiles, recommended_threshold
from cryoglean.training.export import load_trainable
from cryoglean.training.finetune_tasks import (
    CHANCE,
    FineTuningData,
    measure_micrographs,
    trainable,
    tuned_classification,
    tuned_segmentation,
)
from cryoglean.training.labelling import LabelledMicrograph, cut, labelled_by_map, labelled_tile
from cryoglean.training.loop import Watch
from cryoglean.training.pipeline import RECORD, Fit, fit_pair, source_state, train_pair, write_weights
from cryoglean.training.progress import FineTuningResult, Progress, Reporter
from cryoglean.training.settings import TrainConfig

SIMULATED_PX = 32.0
"""Particle diameter in simulated tiles, pixels; the networks' own where that is larger."""

CERTAIN = 20
"""Of so many particles held back, half of calibration and threshold follows from them and half from
simulated tiles; of more, more."""

_MERIT = "average_precision"
"""The figure by which networks are compared: it does not depend on a threshold."""

GENERAL = "simulated_average_precision"
"""The figure that tells whether the general ability stays: on simulated tiles of other complexes."""

_FOR_SEGMENTER, _FOR_ALL = 0.8, 0.92
"""Shares of the time at which the training of each network ends at the latest."""

_COMPLEXES = 70
"""Procedural complexes in the simulated tiles, ten of each kind."""


@dataclass(frozen=True)
class FineTuningJob:
    """How and where to learn.

    Parameters
    ----------
    start : Weights
        What to go on from.
    config : TrainConfig
        How; see its part `fine_tuning`.
    out : Path
        Folder of the new weights.
    shards : Path, optional
        Simulated tiles to rehearse; some are made where there are none.
    resume : bool
        Go on from the last checkpoint.
    command : str
        What the user typed, for the card.
    """

    start: Weights
    config: TrainConfig
    out: Path
    shards: Path | None = None
    resume: bool = False
    command: str = ""

    @property
    def networks(self) -> Networks:
        """Those to go on from, ready to run."""
        return load_networks(self.start.folder, threads=self.config.threads)


def fine_tune(annotations: Annotations, job: FineTuningJob, report: Reporter) -> FineTuningResult:
    """Go on from weights with a user's picks or corrections.

    Parameters
    ----------
    annotations : Annotations
        The micrographs and what is known of them.
    job : FineTuningJob
        How and where to.
    report : callable
        Called with each event as it happens.

    Returns
    -------
    FineTuningResult
        How it ended, which `report` was called with too. The weights are in the folder, with a card.

    Raises
    ------
    UsageError
        There is nothing to learn, or the folder holds other weights.
    """
    clock = _Clock(job.config.fine_tuning.minutes, report)
    _require_free(job)
    networks = job.networks
    labelled = []
    with threads(job.config.threads):
        for number, one in enumerate(annotations.micrographs):
            clock.progress("reading micrographs", number, len(annotations.micrographs))
            labelled.append(labelled_micrograph(one, annotations, networks))
    if not any(len(one.centres) for one in labelled):
        raise UsageError("there is no particle in what was picked, so there is nothing to learn from")
    merit = [_average_precision(networks, one) for one in labelled]
    learn, held = hold_back(labelled, merit, job.config)
    replay, validation = _simulated(job, clock)
    side = replay.image.shape[1]
    data = FineTuningData(cut(learn, side), held, replay, validation)
    return _fine_tune(data, job, clock, annotated=annotations.description)


def fine_tune_on_tiles(
    folder: Path, job: FineTuningJob, report: Reporter, *, complete: bool = True
) -> FineTuningResult:
    """Go on from weights with tiles that `cryoglean labels --tiles` cut from a user's micrographs.

    Parameters
    ----------
    folder : Path
        The tiles: a file for each micrograph, of which the last ones are held back.
    job : FineTuningJob
        How and where to.
    complete : bool
        Whether every particle is labelled, or only those that a refinement kept.
    report : callable
        Called with each event as it happens.

    Raises
    ------
    UsageError
        There are no tiles, or of one micrograph alone; or the folder of the weights holds others.
    """
    clock = _Clock(job.config.fine_tuning.minutes, report)
    _require_free(job)
    shape = job.config.architecture
    # A particle is a family of its own, and which split its tiles were put into is a matter of its name.
    splits = [split for split in SPLITS if find_shards(folder, split)]
    files = [
        labelled_by_map(tiles, shape.particle_px, complete=complete)
        for split in splits
        for tiles in load_shards(folder, split, particle_px=shape.particle_px)
    ]
    if len(files) < 2:
        what = "tiles of one micrograph alone" if files else "no tiles"
        raise UsageError(
            f"{folder} holds {what}; one is needed to learn from and one to measure on: "
            "make them with `cryoglean labels --tiles`"
        )
    number = _number_held(len(files), job.config)
    held = LabelledTiles.joined(files[-number:])
    labelled = [labelled_tile(held, i, shape.particle_px, complete=complete) for i in range(len(held))]
    replay, validation = _simulated(job, clock)
    own = LabelledTiles.joined(files[:-number])
    if own.image.shape[1] != replay.image.shape[1]:
        raise UsageError(
            f"{folder}: tiles of {own.image.shape[1]} pixels at the networks' scale, and simulated ones of "
            f"{replay.image.shape[1]}; cut and simulate tiles of the same size"
        )
    annotated = f"{len(own.centres)} labelled particles in {len(files)} micrographs"
    return _fine_tune(FineTuningData(own, labelled, replay, validation), job, clock, annotated=annotated)


def hold_back(
    labelled: Sequence[LabelledMicrograph], merit: Sequence[float], config: TrainConfig
) -> tuple[list[LabelledMicrograph], list[LabelledMicrograph]]:
    """Part micrographs into those to learn from and those to measure on; of a single one, the right third.

    Held back are those of middling difficulty for the present networks, which tell best what the others are
    like. Micrographs that were looked at wholly and hold particles are held back before others, as only they
    tell false picks from particles that were not labelled.

    Parameters
    ----------
    labelled : sequence of LabelledMicrograph
        All.
    merit : sequence of float
        Average precision of the present networks on each.
    config : TrainConfig
        The share to hold back.
    """
    if len(labelled) == 1:
        return _parted(labelled[0])
    number = _number_held(len(labelled), config)
    complete = [i for i, one in enumerate(labelled) if one.complete and len(one.centres)]
    eligible = complete if len(complete) >= number else range(len(labelled))
    ranked = sorted(eligible, key=lambda i: (merit[i], i))
    chosen = {ranked[int(place)] for place in (np.arange(number) + 0.5) * len(ranked) / number}
    return (
        [one for i, one in enumerate(labelled) if i not in chosen],
        [one for i, one in enumerate(labelled) if i in chosen],
    )


def _average_precision(networks: Networks, one: LabelledMicrograph) -> float:
    card = networks.weights.card
    return figures(measure_micrographs(networks, [one]), card.calibration, card.threshold)[_MERIT]


def _number_held(count: int, config: TrainConfig) -> int:
    return min(count - 1, max(1, round(config.fine_tuning.held_back * count)))


def _parted(one: LabelledMicrograph) -> tuple[list[LabelledMicrograph], list[LabelledMicrograph]]:
    rows, columns = one.inner
    border = columns.start + 2 * (columns.stop - columns.start) // 3
    left = one.particle.copy()
    left[:, border:] = UNKNOWN
    return [replace(one, particle=left)], [replace(one, inner=(rows, slice(border, columns.stop)))]


def _fine_tune(
    data: FineTuningData, job: FineTuningJob, clock: _Clock, *, annotated: str
) -> FineTuningResult:
    """Train, calibrate and measure; write the weights."""
    tuning, card = job.config.fine_tuning, job.start.card
    config = job.config.changed(
        rate=tuning.rate, averaging=tuning.averaging, validate_every=tuning.validate_every
    )
    clock.progress("measuring the networks as they are", 0, 1)
    before = _figures_before(job.networks, data)
    record = job.out / RECORD
    segmentation = tuned_segmentation(
        data,
        config,
        out=record,
        resume=job.resume,
        watch=clock.watch("fine-tuning the segmentation network", _FOR_SEGMENTER),
    )
    watch = clock.watch("fine-tuning the classification network", _FOR_ALL)
    pair = train_pair(
        trainable(job.start),
        segmentation,
        lambda segmenter: tuned_classification(segmenter, data, config, watch=watch),
        config=config,
        out=record,
        resume=job.resume,
    )
    clock.progress("measuring", 0, 1)

    def fitted(networks: Networks) -> Fit:
        return fit_to_both(networks, data)

    typical = [
        image
        for tiles in (data.tiles, data.replay)
        for image in typical_images(
            tiles, config.quantisation_tiles // 2, particle_px=config.architecture.particle_px
        )
    ]
    fit = fit_pair(pair, card, fitted, out=job.out, typical=typical)
    kept = fit.held_back[_MERIT] < before[_MERIT] - CHANCE
    if kept:
        pair = load_trainable(job.start, card.architecture)
        fit = fit_pair(pair, card, fitted, out=job.out, typical=typical)
    new = card.changed(
        name=job.out.resolve().name,
        held_back={"before": before, "after": dict(fit.held_back)},
        origin=card.name,
        data=f"{card.data} Then: {annotated}, and {len(data.replay)} simulated tiles.",
        training=config.model_dump(mode="json"),
        command=job.command,
        commit=source_state(),
        cost=f"{clock.minutes:.1f} minutes on {config.threads} cores",
    )
    write_weights(new, fit, out=job.out)
    result = FineTuningResult(
        weights=job.out,
        before=before,
        after=dict(fit.held_back),
        threshold=fit.threshold,
        kept=kept,
        better=fit.held_back["f1"] > before["f1"],
        minutes=round(clock.minutes, 2),
        command=f"cryoglean pick MICROGRAPHS --method network --weights {job.out} --out RUN",
    )
    clock.end(result)
    return result


def _figures_before(networks: Networks, data: FineTuningData) -> dict[str, float]:
    """Measure the networks to go on from on micrographs that are held back and on simulated tiles."""
    card = networks.weights.card
    before = figures(measure_micrographs(networks, data.held), card.calibration, card.threshold)
    general = figures(measure_tiles(networks, data.validation), card.calibration, card.threshold)
    return before | {GENERAL: general[_MERIT]}


def fit_to_both(networks: Networks, data: FineTuningData) -> Fit:
    """Fit calibration and threshold on micrographs held back and on simulated tiles together."""
    own, simulated = measure_micrographs(networks, data.held), measure_tiles(networks, data.validation)
    # Where picks are incomplete, a false one cannot be told from a particle that nobody picked.
    complete = np.array([one.complete for one in data.held], float)
    particles = sum(len(one) for one, whole in zip(own.truth, complete, strict=True) if whole)
    share = particles / (particles + CERTAIN)
    worth = [
        *(share * complete / max(1, complete.sum())),
        *np.full(len(simulated.truth), (1 - share) / len(simulated.truth)),
    ]
    both = replace(own, truth=own.truth + simulated.truth, candidates=own.candidates + simulated.candidates)
    calibration = fit_calibration(both, worth)
    threshold = recommended_threshold(both, calibration, worth)
    general = figures(simulated, calibration, threshold)
    after = figures(own, calibration, threshold) | {GENERAL: general[_MERIT]}
    return Fit(calibration, threshold, after["precision"], general, after)


def _simulated(job: FineTuningJob, clock: _Clock) -> tuple[LabelledTiles, LabelledTiles]:
    """Read simulated tiles to rehearse and to measure on; make them where there are none."""
    config, number = job.config, job.config.fine_tuning.tiles
    folder = job.shards
    if folder is None:
        folder = job.out / RECORD / "simulated"
        write_shards(folder, replay_plan(config), workers=config.threads, report=clock.simulated)
    particle_px = config.architecture.particle_px
    replay, validation = (
        load_tiles(folder, split, particle_px=particle_px) for split in ("train", "validation")
    )
    return replay.first(number), validation.first(max(1, number // 3))


def replay_plan(config: TrainConfig) -> ShardPlan:
    """Plan the simulated tiles that are rehearsed beside a user's own: procedural complexes of every kind."""
    particle_px = max(SIMULATED_PX, config.architecture.particle_px)
    tiles = TileConfig(
        size=8 * round(particle_px),
        particle_px=particle_px,
        procedural=_COMPLEXES,
        views=48,
        shard=32,
        validation=0.25,
        test=0.0,
    )
    return ShardPlan(SimulationConfig(tiles=tiles), (), tiles=config.fine_tuning.tiles, seed=config.seed)


def _require_free(job: FineTuningJob) -> None:
    """Refuse to put new weights in the place of others, which may be better."""
    if (job.out / CARD).exists():
        raise UsageError(
            f"{job.out} holds weights already, which may be better: choose another --out, or remove it"
        )


class _Clock:
    """Reports progress, and ends training when the time is up."""

    def __init__(self, minutes: float, report: Reporter) -> None:
        self._began = time.monotonic()
        self._allowed = minutes
        self._report = report

    @property
    def minutes(self) -> float:
        """Minutes since the beginning."""
        return (time.monotonic() - self._began) / 60

    def progress(self, stage: str, step: int, steps: int) -> None:
        """Report progress."""
        self._report(Progress(stage, step, steps))

    def simulated(self, what: str, done: int, total: int) -> None:
        """Report the progress of the simulation."""
        self.progress({"structures": "projecting structures"}.get(what, "simulating tiles"), done, total)

    def watch(self, stage: str, share: float) -> Watch:
        """Make what watches a training, and ends it when this share of the time is up."""

        def watch(step: int, steps: int, _: float) -> bool:
            self.progress(stage, step, steps)
            return self.minutes > share * self._allowed

        return watch

    def end(self, result: FineTuningResult) -> None:
        """Report the result."""
        self._report(result)
