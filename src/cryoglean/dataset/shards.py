"""Shards: files of training tiles, simulated or cut from micrographs, split by structure family."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from cryoglean.dataset.settings import PARTICLE_PX, TEST, VALIDATION
from cryoglean.errors import DatasetError
from cryoglean.io.arrays import Layout, read_arrays
from cryoglean.io.limits import read_file
from cryoglean.io.writing import complete_or_absent
from cryoglean.settings import fault_of

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

_LAYOUT: Layout = {
    "image": (np.uint8, "n s s"),
    "labels": (np.uint16, "n s s"),
    "contamination": (np.uint8, "n s s"),
    "particles": (PARTICLE_COLUMNS, "m"),
    "tiles": (TILE_COLUMNS, "n"),
}
_REMEDY = "make it again, or leave it out"


def read_shard(path: Path) -> Shard:
    """Read one file of tiles.

    Raises
    ------
    DatasetError
        Not such a file.
    """
    try:
        arrays = read_arrays(path, _LAYOUT)
    except ValueError as error:
        raise DatasetError(path, f"no shard of training tiles: {error}", _REMEDY) from None
    particles = arrays["particles"]
    if (particles["tile"] >= len(arrays["image"])).any():
        raise DatasetError(path, "no shard of training tiles: particles of tiles that it has not", _REMEDY)
    return Shard(**arrays)


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
    """Return the particle diameter in pixels of a folder of shards, as its plan says, or `PARTICLE_PX`.

    Raises
    ------
    DatasetError
        The plan is none.
    """
    plan = folder / "plan.json"
    if not plan.exists():
        return PARTICLE_PX
    try:
        return _Plan.model_validate_json(read_file(plan)).config.tiles.particle_px
    except OSError as error:
        raise DatasetError(plan, f"cannot be read: {error.strerror or error}") from None
    except ValidationError as error:
        raise DatasetError(plan, f"no plan of training tiles: {fault_of(error)}", _REMEDY) from None


class _Tiles(BaseModel):
    particle_px: float = Field(ge=1, le=4096, allow_inf_nan=False)


class _Config(BaseModel):
    tiles: _Tiles


class _Plan(BaseModel):
    """What is asked of a plan, which says much more."""

    config: _Config
