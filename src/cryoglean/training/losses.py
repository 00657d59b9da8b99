"""What the segmentation network is punished for."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cryoglean.networks.maps import CENTRE, CONTAMINATION, PARTICLE

CENTRE_WEIGHT, CONTAMINATION_WEIGHT = 4.0, 0.5
"""Weights of the centre's and the contamination's loss."""


def segmentation_loss(logits: Tensor, target: Tensor, weight: Tensor, *, mask_weight: float = 1.0) -> Tensor:
    """Sum the losses of mask, centre and contamination.

    Parameters
    ----------
    logits, target, weight : Tensor, shape (n, 6, h, w)
        Answer, truth in [0, 1] and what of it counts; for the channels see `maps`.
    mask_weight : float
        What the mask's loss counts.

    Returns
    -------
    Tensor
        One number: cross-entropy and Dice of the mask, focal loss of the centre, cross-entropy of the
        contamination.
    """
    particle, centres, contaminated = (
        (logits[:, channel], target[:, channel], weight[:, channel])
        for channel in (PARTICLE, CENTRE, CONTAMINATION)
    )
    mask = _cross_entropy(*particle) + dice_loss(*particle)
    centre = soft_focal_loss(*centres)
    contamination = _cross_entropy(*contaminated)
    return mask_weight * mask + CENTRE_WEIGHT * centre + CONTAMINATION_WEIGHT * contamination


def dice_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """One minus the overlap, twice the common over the summed area, of the whole batch (Milletari 2016)."""
    probability = torch.sigmoid(logits) * weight
    common = (probability * target).sum()
    return 1 - (2 * common + 1) / (probability.sum() + (target * weight).sum() + 1)


def soft_focal_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy weighted by the squared error, for targets between 0 and 1 (Li 2020, equation 5).

    It is divided by the targets' sum, so that crowded and sparse tiles weigh alike.
    """
    error = (torch.sigmoid(logits) - target) ** 2
    loss = error * _entropy(logits, target) * weight
    return loss.sum() / ((target * weight).sum() + 10)


def _entropy(logits: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none")


def _cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    return (_entropy(logits, target) * weight).sum() / (weight.sum() + 1)
