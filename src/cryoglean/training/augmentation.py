"""Variation of training tiles beyond what the simulator draws, and the targets that go with it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.tiles import CONTAMINATED, DEBRIS, PARTICLE, UNKNOWN, LabelledTiles
from cryoglean.networks.maps import STRIDE, margin_px, split_blocks
from cryoglean.networks.normalise import normalise
from cryoglean.training.settings import AugmentationConfig
from cryoglean.types import FloatImage

CENTRE_WIDTH = 0.11
"""Standard deviation of the spot that marks a particle's centre, in particle diameters."""

_QUIET, _SHARP, _LEVEL = 0.5, 0.75, 0.5
"""Share of the tiles that get no noise, no blur and no gradient."""


@dataclass(frozen=True, eq=False)
class Example:
    """One tile as the network sees it, and what it shall answer.

    Parameters
    ----------
    image : array of float32, shape (s, s)
        Normalised.
    target : array of float32, shape (6, s / 2, s / 2)
        Particle, centre and contamination in [0, 1]; for the channels see `maps`.
    weight : array of float32, shape (6, s / 2, s / 2)
        0 where the loss ignores the target.
    centres : array, shape (m, 2)
        x and y of the particles.
    labels : array of uint8, shape (s, s, 2)
        Particle and contamination, see `tiles`.
    """

    image: FloatImage
    target: FloatImage
    weight: FloatImage
    centres: NDArray[np.float64]
    labels: NDArray[np.uint8]


def example(
    tiles: LabelledTiles,
    index: int,
    *,
    particle_px: float,
    config: AugmentationConfig | None = None,
    rng: np.random.Generator | None = None,
) -> Example:
    """Make an example of a tile, varied where a configuration and a generator are given.

    Parameters
    ----------
    tiles : LabelledTiles
        Where to take it from.
    index : int
        Which.
    particle_px : float
        Particle diameter at the network's scale.
    config : AugmentationConfig, optional
        How far to vary it.
    rng : Generator, optional
        Draws the variation.
    """
    image = tiles.image[index].astype(np.float32)
    labels = np.stack([tiles.particle[index], tiles.contaminated[index]], axis=-1)
    centres = tiles.centres_of(index).astype(np.float64)
    if config is not None and rng is not None:
        image, labels, centres = _move(image, labels, centres, config=config, rng=rng)
        image = _degrade(image, config, rng)
    level = normalise(image, particle_px)
    beyond = np.zeros(level.shape, bool)
    if config is not None and rng is not None:
        level = np.asarray(level * np.float32(1 + config.contrast * rng.uniform(-1, 1)), np.float32)
        if rng.random() < config.border:
            beyond = _cut_off(level, rng, margin=margin_px(particle_px))
    known = labels[..., 0] != UNKNOWN
    no_debris = split_blocks(labels[..., 1] != DEBRIS).all(axis=0)
    particle = split_blocks(labels[..., 0] == PARTICLE)
    contaminated = split_blocks(labels[..., 1] == CONTAMINATED).mean(axis=0)
    spots = _spots(centres, contaminated.shape, particle_px)
    target = np.stack([*particle, spots, contaminated])
    parts = split_blocks(known)
    weight = np.stack([*parts, parts.all(axis=0), no_debris]) & ~beyond[::STRIDE, ::STRIDE]
    return Example(level, target.astype(np.float32), weight.astype(np.float32), centres, labels)


def typical_images(tiles: LabelledTiles, count: int, *, particle_px: float) -> list[FloatImage]:
    """Choose some tiles, evenly over all, as the networks see them."""
    chosen = np.linspace(0, len(tiles) - 1, min(count, len(tiles))).round().astype(int)
    return [example(tiles, int(i), particle_px=particle_px).image for i in chosen]


def _move(
    image: FloatImage,
    labels: NDArray[np.uint8],
    centres: NDArray[np.float64],
    *,
    config: AugmentationConfig,
    rng: np.random.Generator,
) -> tuple[FloatImage, NDArray[np.uint8], NDArray[np.float64]]:
    """Turn by any angle that is a multiple of 90°, mirror, and change the size about a random place."""
    side = image.shape[0]
    turn = np.array([[1.0, 0.0], [0.0, 1.0]])
    for _ in range(int(rng.integers(4))):
        turn = turn @ [[0.0, -1.0], [1.0, 0.0]]
    if rng.random() < 0.5:
        turn = turn @ [[-1.0, 0.0], [0.0, 1.0]]
    factor = float(np.exp(rng.uniform(-1, 1) * np.log1p(config.scale)))
    middle = (side - 1) / 2
    slack = max(factor - 1, 0.0) * side / 2
    offset = np.array([middle, middle]) - factor * turn @ [middle, middle] + rng.uniform(-slack, slack, 2)
    matrix = np.column_stack([factor * turn, offset])
    size = (side, side)
    if factor < 1:  # averaging keeps the noise of fewer pixels lower, as re-sampling a micrograph does
        image = _blurred(image, 0.5 * float(np.sqrt(1 / factor**2 - 1)) + 1e-3)
    moved = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    moved_labels = cv2.warpAffine(
        labels, matrix, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT
    )
    if factor < 1:  # mirrored margins hold particles whose centres are not in the list
        inside = cv2.warpAffine(np.ones(size, np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
        moved_labels[..., 0][inside == 0] = UNKNOWN
    return (
        np.asarray(moved, np.float32),
        np.asarray(moved_labels, np.uint8),
        centres @ matrix[:, :2].T + matrix[:, 2],
    )


def _degrade(image: FloatImage, config: AugmentationConfig, rng: np.random.Generator) -> FloatImage:
    """Add noise, blur, a gradient, and rarely invert."""
    side = image.shape[0]
    if rng.random() > _SHARP:
        image = _blurred(image, rng.uniform(0.3, 0.3 + config.blur))
    spread = float(np.std(image[::4, ::4])) + 1e-6
    if rng.random() > _QUIET:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + noise * np.float32(spread * rng.uniform(0, config.noise))
    if rng.random() > _LEVEL:
        angle, rise = rng.uniform(0, 2 * np.pi), spread * rng.uniform(0, config.gradient)
        axis = np.linspace(-0.5, 0.5, side, dtype=np.float32)
        slope = np.cos(angle) * axis[None, :] + np.sin(angle) * axis[:, None]
        image = image + (rise * slope).astype(np.float32)
    if rng.random() < config.sign_flip:
        image = -image
    return np.asarray(image, np.float32)


def _cut_off(image: FloatImage, rng: np.random.Generator, *, margin: int) -> NDArray[np.bool_]:
    """Blank a strip along one edge, in place; tell which pixels of it lie beyond the margin.

    Within the margin the network shall still say where particles are whose centres lie outside.
    """
    width = 2 * int(rng.integers(1, image.shape[0] // 8))
    beyond = np.zeros(image.shape, bool)
    turns = int(rng.integers(4))
    np.rot90(image, turns)[:width] = 0
    np.rot90(beyond, turns)[: max(width - margin, 0)] = True
    return beyond


def _blurred(image: FloatImage, sigma: float) -> FloatImage:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def _spots(centres: NDArray[np.float64], shape: tuple[int, ...], particle_px: float) -> FloatImage:
    """Draw a Gaussian spot of height 1 at every centre, at half the resolution; the higher where two meet."""
    image = np.zeros(shape, np.float32)
    sigma = CENTRE_WIDTH * particle_px / 2
    reach = int(np.ceil(3 * sigma))
    for x, y in (centres - 0.5) / 2:
        left, top = round(x) - reach, round(y) - reach
        columns = np.arange(max(left, 0), min(left + 2 * reach + 1, shape[1]))
        rows = np.arange(max(top, 0), min(top + 2 * reach + 1, shape[0]))
        if not len(columns) or not len(rows):
            continue
        spot = np.exp(-0.5 * ((rows[:, None] - y) ** 2 + (columns[None] - x) ** 2) / sigma**2)
        window = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        np.maximum(window, spot, out=window)
    return image
