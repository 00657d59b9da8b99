"""Outlines of particles: which pixels belong to them, more exact than one look gives."""

from __future__ import annotations

import cv2
import numpy as np

from cryoglean.networks import Networks
from cryoglean.networks.maps import margin_px
from cryoglean.networks.settings import OutlineModel
from cryoglean.pickers.pixer.working import working_image
from cryoglean.types import FloatImage, Micrograph, ParticleSize

TURNS = ((0, 1), (0, 2), (2, 3))
"""Quarter turns of the views of each size in which particles are outlined."""

_SURE = 1e-4
"""The log odds of probabilities nearer to 0 or 1 are cut off: one view shall not outweigh the others."""

_ROUNDS = 3
"""After so many, what is taken hardly changes any more."""


def particle_probability(
    networks: Networks, micrograph: Micrograph, size: ParticleSize, *, shape: tuple[int, ...]
) -> FloatImage:
    """Find the probability that a pixel belongs to a particle, from six views together.

    The networks err differently in each view, most of all at outlines, and the mean of the log odds errs
    less. It takes six times as long as one view; picking needs no outlines and does without.

    Parameters
    ----------
    networks : Networks
        The networks.
    micrograph : Micrograph
        The micrograph.
    size : ParticleSize
        Of its particles.
    shape : tuple of int
        Rows and columns of the result, which covers the micrograph.

    Returns
    -------
    ndarray of float32
        In [0, 1].
    """
    ny, nx = shape
    own_px, model = networks.weights.card.architecture.particle_px, networks.weights.outline_model
    odds = np.zeros((ny, nx), np.float32)
    for factor, turns in zip(model.sizes, TURNS, strict=True):
        particle_px = factor * own_px
        image = np.float32(model.emphasis) * working_image(micrograph, size, particle_px).data
        margin = margin_px(particle_px)
        for turn in turns:
            seen = np.rot90(networks.segment(np.rot90(image, turn)).particle, -turn)
            likely = np.clip(seen[margin:-margin, margin:-margin], _SURE, 1 - _SURE)
            odds += cv2.resize(np.log(likely / (1 - likely)), (nx, ny), interpolation=cv2.INTER_CUBIC)
    views = sum(map(len, TURNS))
    return np.asarray(1 / (1 + np.exp(-odds / views)), np.float32)


def overlap_bound(particle: FloatImage, particle_px: float, *, model: OutlineModel) -> FloatImage:
    """Find for every pixel how likely it has to be for its taking to improve the outlines about it.

    Parameters
    ----------
    particle : ndarray of float32, shape (ny, nx)
        Probability that a pixel belongs to a particle.
    particle_px : float
        Particle diameter in pixels of the image.
    model : OutlineModel
        Over what outlines are weighed, and what is never taken.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        From `model.min_probability` to 0.5, which it is where all about a pixel is certain.

    Notes
    -----
    Taking a pixel of probability p adds p to the area that outline and truth are expected to have in common,
    and 1 - p to their joint area. It raises the ratio i of the two, the overlap, where p > i / (1 + i). What
    is expected about a pixel depends on what is taken there, so both are found in turn.
    """
    sigma = model.neighbourhood * particle_px
    about = cv2.GaussianBlur(particle, (0, 0), sigma)
    bound = np.full_like(particle, 0.5)
    for _ in range(_ROUNDS):
        taken = (particle > bound).astype(np.float32)
        common = cv2.GaussianBlur(particle * taken, (0, 0), sigma)
        joint = about + cv2.GaussianBlur((1 - particle) * taken, (0, 0), sigma)
        overlap = common / np.maximum(joint, np.float32(1e-6))
        bound = np.clip(overlap / (1 + overlap), model.min_probability, 0.5)
    return np.asarray(bound, np.float32)
