"""The one way to a folder of weights: train both networks, export them, calibrate, write the card.

Training from scratch and fine-tuning differ in their tasks and in what they are calibrated on, and in
nothing else.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from cryoglean.io.writing import complete_or_absent
from cryoglean.networks.runtime import Networks, load_networks
from cryoglean.networks.settings import Calibration, WeightsCard
from cryoglean.networks.weights import FILES, read_weights, write_card
from cryoglean.training.export import export_networks
from cryoglean.training.loop import Task, train
from cryoglean.training.settings import TrainConfig
from cryoglean.types import FloatImage

Pair = tuple[nn.Module, nn.Module]
"""The segmentation and the classification network."""

RECORD, _CANDIDATE = "training", "candidate"
"""Folders for what is kept of training, in that of the weights; and in it for networks not yet calibrated."""


@dataclass(frozen=True)
class Fit:
    """What is fitted to trained networks, and what they reach with it.

    Parameters
    ----------
    calibration : Calibration
        From their answers to probabilities.
    threshold : float
        Recommended smallest score.
    expected_precision : float
        Precision at that threshold.
    validation : mapping of str to float
        Figures on simulated families that were held out.
    held_back : mapping of str to float
        Figures on micrographs of the user's that were held back, where there are some.
    """

    calibration: Calibration
    threshold: float
    expected_precision: float
    validation: Mapping[str, float]
    held_back: Mapping[str, float] = field(default_factory=dict)


def train_pair(
    pair: Pair,
    segmentation: Task,
    classification: Callable[[nn.Module], Task],
    *,
    config: TrainConfig,
    out: Path,
    resume: bool,
) -> Pair:
    """Train the segmentation network, then the classification network on what that finds.

    Parameters
    ----------
    pair : tuple of Module
        Where to begin; changed in place.
    segmentation : Task
        Of the first.
    classification : callable
        Makes the task of the second from the trained first.
    config : TrainConfig
        How.
    out : Path
        Folder for checkpoints and metrics.
    resume : bool
        Go on from the last checkpoints.
    """
    segmenter = train(pair[0], segmentation, config, out=out, resume=resume)
    of_crops = config.changed(batch=config.classifier_batch)
    return segmenter, train(pair[1], classification(segmenter), of_crops, out=out, resume=resume)


def fit_pair(
    pair: Pair,
    card: WeightsCard,
    fit: Callable[[Networks], Fit],
    *,
    out: Path,
    typical: Sequence[FloatImage] = (),
) -> Fit:
    """Export trained networks beside their checkpoints, run them as picking does, and fit what is theirs.

    Parameters
    ----------
    pair : tuple of Module
        The trained networks.
    card : WeightsCard
        What is known of them by now.
    fit : callable
        Measures the exported networks and fits calibration and threshold.
    out : Path
        Folder of the weights.
    typical : sequence of array of float32, shape (s, s)
        Normalised images; see `export_networks`.
    """
    folder = out / RECORD / _CANDIDATE
    export_networks(folder, *pair, architecture=card.architecture, typical=typical)
    write_card(folder, card)
    return fit(load_networks(folder))


def write_weights(card: WeightsCard, fit: Fit, *, out: Path) -> WeightsCard:
    """Make the networks to which `fit_pair` fitted last a folder of weights.

    The card comes last, so that a folder with a card is a finished one.

    Parameters
    ----------
    card : WeightsCard
        All but what was fitted.
    fit : Fit
        That.
    out : Path
        Folder of the weights.

    Returns
    -------
    WeightsCard
        As it was written.
    """
    for file in FILES:
        with complete_or_absent(out / file) as partial:
            shutil.copyfile(out / RECORD / _CANDIDATE / file, partial)
    fitted = card.changed(
        calibration=fit.calibration,
        threshold=fit.threshold,
        expected_precision=fit.expected_precision,
        validation=dict(fit.validation),
    )
    write_card(out, fitted)
    return read_weights(out).card


def source_state() -> str:
    """State of the program's source, where it lies in a repository."""
    asked = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip()
