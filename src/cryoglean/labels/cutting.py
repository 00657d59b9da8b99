"""What is cut from micrographs beside their label images: crops and training tiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cryoglean.dataset.shards import split_of, write_shard
from cryoglean.labels.crops import CROP_KINDS, Crops, sample_crops, write_crops
from cryoglean.labels.painting import LabelImage
from cryoglean.labels.settings import CropConfig
from cryoglean.labels.tiles import cut_tiles
from cryoglean.types import Micrograph


@dataclass
class CropCollection:
    """Gathers crops of one micrograph after another for one file.

    Parameters
    ----------
    path : Path
        The npz file to write.
    config : CropConfig
        How crops are drawn.
    seed : int
        What negatives are drawn from.
    """

    path: Path
    config: CropConfig
    seed: int
    _crops: list[Crops] = field(default_factory=list)

    def add(self, micrograph: Micrograph, labels: LabelImage, number: int) -> None:
        """Draw the crops of micrograph `number`, whose stream of random numbers is its own."""
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(number,)))
        self._crops.append(sample_crops(micrograph, labels, config=self.config, rng=rng))

    def write(self) -> str:
        """Write the file; return what is in it, in words."""
        write_crops(self._crops, self.path)
        counts = {kind: sum(part.count(kind) for part in self._crops) for kind in CROP_KINDS}
        return "crops: " + ", ".join(f"{count} of {kind}" for kind, count in counts.items())


@dataclass(frozen=True)
class TileFolder:
    """Writes a shard of tiles for each micrograph, into the split of its particle's family.

    Parameters
    ----------
    folder : Path
        Receives a folder called after the split.
    family : str
        What the particle is.
    config : CropConfig
        How tiles are cut.
    """

    folder: Path
    family: str
    config: CropConfig

    def add(self, micrograph: Micrograph, labels: LabelImage, number: int) -> None:
        """Write the tiles of micrograph `number`."""
        shard = cut_tiles(micrograph, labels, family=self.family, config=self.config)
        write_shard(self.folder / split_of(self.family) / f"{number:05d}.npz", shard)
