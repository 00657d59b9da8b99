"""Labelled tiles in memory: what the networks learn from and are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.contamination import bits
from cryoglean.dataset.shards import Shard, Split, find_shards, particle_px_of, read_shard
from cryoglean.errors import UsageError

BACKGROUND, PARTICLE, UNKNOWN = 0, 1, 2
"""Values of a label of particles; no loss is taken where nothing is known."""
CONTAMINATED, DEBRIS = 1, 2
"""Values of a label of contamination. Debris holds particles too, and is no contamination to keep off."""
SURE, WEAK, UNLABELLED, REFUTED = 0, 3, 4, 5
"""Trust in labels of real tiles, which stands in place of contamination: known; picked by a program alone;
picked by nobody, which need not mean that there is nothing; and picked by a program, but not a particle."""


@dataclass(frozen=True, eq=False)
class LabelledTiles:
    """Tiles of micrographs with what is true about them.

    Parameters
    ----------
    image : array of uint8, shape (n, s, s)
        Grey levels, particles bright, at the network's scale; not normalised.
    particle : array of uint8, shape (n, s, s)
        `PARTICLE`, `BACKGROUND` or `UNKNOWN`.
    contaminated : array of uint8, shape (n, s, s)
        `CONTAMINATED`, `BACKGROUND`, or `DEBRIS`: what is no whole particle and lies among them. Of real
        micrographs, where it is not known, the trust in the labels of particles: `SURE`, `WEAK`, …
    centres : array of float32, shape (k, 3)
        Tile, x and y of each particle whose centre lies in the tile or a little outside it.
    family : array of str, shape (n,)
        Family of the structure.
    """

    image: NDArray[np.uint8]
    particle: NDArray[np.uint8]
    contaminated: NDArray[np.uint8]
    centres: NDArray[np.float32]
    family: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.image)

    def centres_of(self, tile: int) -> NDArray[np.float32]:
        """Centres x, y in one tile, shape (m, 2)."""
        low, high = np.searchsorted(self.centres[:, 0], [tile, tile + 1])
        return self.centres[low:high, 1:]

    def first(self, count: int) -> LabelledTiles:
        """Return the first tiles."""
        own = self.centres[self.centres[:, 0] < count]
        arrays = {field.name: getattr(self, field.name)[:count] for field in fields(self)}
        return LabelledTiles(**arrays | {"centres": own})

    @classmethod
    def of(cls, shard: Shard, *, scale: float = 1.0) -> LabelledTiles:
        """Make labels of a shard of simulated or real tiles.

        What lies under ice, carbon, gold, ethane or an aggregate is neither particle nor background: whether
        it is seen, nobody knows, and nobody wants it picked.

        Parameters
        ----------
        shard : Shard
            Tiles, particles dark.
        scale : float
            Size of the result relative to the shard, at most 1.
        """
        contamination = (shard.contamination & bits("carbon", "ice", "ethane", "gold", "aggregate")) > 0
        debris = (shard.contamination & bits("broken", "denatured", "micelle")) > 0
        particle = (shard.labels > 0).astype(np.uint8)
        particle[contamination & (shard.labels > 0)] = UNKNOWN
        contaminated = np.where(contamination, CONTAMINATED, np.where(debris, DEBRIS, BACKGROUND)).astype(
            np.uint8
        )
        centres = np.column_stack([shard.particles[name] for name in ("tile", "x", "y")]).astype(np.float32)
        side = 8 * round(scale * shard.image.shape[1] / 8)
        exact = side / shard.image.shape[1]
        centres[:, 1:] = (centres[:, 1:] + 0.5) * exact - 0.5
        return cls(
            _resized(255 - shard.image, side, cv2.INTER_AREA),
            _resized(particle, side, cv2.INTER_NEAREST_EXACT),
            _resized(contaminated, side, cv2.INTER_NEAREST_EXACT),
            centres[np.argsort(centres[:, 0], kind="stable")],
            shard.tiles["family"],
        )

    @classmethod
    def joined(cls, parts: Sequence[LabelledTiles]) -> LabelledTiles:
        """Put sets of tiles one after another."""
        starts = np.cumsum([0, *(len(part) for part in parts)])
        shifted = [part.centres + np.array([start, 0, 0]) for part, start in zip(parts, starts, strict=False)]
        arrays = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)
        }
        return cls(**arrays | {"centres": np.concatenate(shifted).astype(np.float32)})


def _resized(images: NDArray[np.uint8], side: int, interpolation: int) -> NDArray[np.uint8]:
    if images.shape[1] == side:
        return images
    return np.stack([cv2.resize(image, (side, side), interpolation=interpolation) for image in images])


def load_shards(folder: Path, split: Split, *, particle_px: float) -> list[LabelledTiles]:
    """Read each file of one split of a folder of shards at the networks' scale.

    Parameters
    ----------
    folder : Path
        Shards, as `cryoglean simulate --tiles` or `cryoglean labels --tiles` writes them.
    split : str
        Which.
    particle_px : float
        Particle diameter at the networks' scale, pixels.

    Raises
    ------
    UsageError
        There are no shards, or they are coarser than the networks.
    """
    paths = find_shards(folder, split)
    if not paths:
        raise UsageError(f"{folder} holds no {split} shards; make some with `cryoglean simulate --tiles`")
    shard_px = particle_px_of(folder)
    scale = particle_px / shard_px
    if scale > 1:
        raise UsageError(
            f"{folder}: particles measure {shard_px:g} pixels and the networks want {particle_px:g}; "
            "make finer tiles"
        )
    return [LabelledTiles.of(read_shard(path), scale=scale) for path in paths]


def load_tiles(folder: Path, split: Split, *, particle_px: float) -> LabelledTiles:
    """Read one split of a folder of shards at the networks' scale; see `load_shards`."""
    return LabelledTiles.joined(load_shards(folder, split, particle_px=particle_px))
