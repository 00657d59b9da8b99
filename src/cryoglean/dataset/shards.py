"""Shards: files of training tiles, simulated or cut from micrographs, split by structure family."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.settings import PARTICLE_PX, TEST, VALIDATION
from cryoglean.io.writing import complete_or_absent

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def split_of(family: str, *, validation: float = VALIDATION, test: float = TEST) -> Split:
    """Return the split that a family belongs to, by a hash of its name: the same in every run and place.

    Parameters
    ----------
    family : str
        Name of a structure family.
    validation, test : float
        Share of the families that goes to each.
    """
    place = int.from_bytes(hashlib.sha256(family.encode()).digest()[:8], "big") / 2**64
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"


@dataclass(frozen=True, eq=False)
class Shard:
    """Tiles read from one file; n tiles of s by s pixels, m particles.

    Parameters
    ----------
    image : array of uint8, shape (n, s, s)
        Grey levels; ``(level - 128) / 21`` is in standard deviations of the tile's noise about its median.
    labels : array of uint16, shape (n, s, s)
        0 for background, i + 1 for the tile's particle i.
    contamination : array of uint8, shape (n, s, s)
        One bit a kind, in the order of `contamination.KINDS`.
    particles : structured array, shape (m,)
        ``tile``, ``x``, ``y`` (pixels), ``visible`` (fraction inside the tile) and ``contamination`` (bits at
        the centre), in the order of the labels. Centres outside the tile occur.
    tiles : structured array, shape (n,)
        ``family``, ``structure`` and the conditions of each tile.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint16]
    contamination: NDArray[np.uint8]
    particles: NDArray[np.void]
    tiles: NDArray[np.void]

    def __len__(self) -> int:
        return len(self.image)


PARTICLE_COLUMNS = np.dtype(
    [("tile", "u4"), ("x", "f4"), ("y", "f4"), ("visible", "f4"), ("contamination", "u1")]
)
TILE_COLUMNS = np.dtype(
    [
        ("number", "u8"),
        ("structure", "U40"),
        ("family", "U40"),
        ("particles", "u4"),
        ("pixel_size", "f4"),
        ("diameter", "f4"),
        ("voltage_kv", "f4"),
        ("defocus", "f4"),
        ("dose", "f4"),
        ("thickness", "f4"),
        ("coverage", "f4"),
        ("snr", "f4"),
        ("snr_db", "f4"),
    ]
)
"""Structured types of a shard's two tables; no value is an object, so nothing needs pickling."""


def read_shard(path: Path) -> Shard:
    """Read one file of tiles."""
    with np.load(path, allow_pickle=False) as file:
        return Shard(file["image"], file["labels"], file["contamination"], file["particles"], file["tiles"])


def write_shard(path: Path, shard: Shard) -> None:
    """Write one file of tiles."""
    with complete_or_absent(path) as partial:
        np.savez_compressed(
            partial,
            image=shard.image,
            labels=shard.labels,
            contamination=shard.contamination,
            particles=shard.particles,
            tiles=shard.tiles,
        )


def find_shards(folder: Path, split: Split) -> list[Path]:
    """List the files of one split, in order."""
    return sorted((folder / split).glob("[0-9]*.npz"))


def particle_px_of(folder: Path) -> float:
    """Return the particle diameter in pixels of a folder of shards, as its plan says, or `PARTICLE_PX`."""
    plan = folder / "plan.json"
    if not plan.is_file():
        return PARTICLE_PX
    return float(json.loads(plan.read_text(encoding="utf-8"))["config"]["tiles"]["particle_px"])
