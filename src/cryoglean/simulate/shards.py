"""Shards of training tiles: seeded, resumable, and split by structure family.

A folder of shards holds ``plan.json`` (everything that the tiles follow from), ``libraries/`` (projections of
each structure), one folder a split with files ``00000.npz`` …, and ``tiles.csv``, one row a tile. A tile
follows from the plan's seed, its split and its number alone, so any number of workers writes the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoglean.dataset.grey_levels import grey_levels
from cryoglean.dataset.shards import (
    PARTICLE_COLUMNS,
    SPLITS,
    TILE_COLUMNS,
    Shard,
    Split,
    find_shards,
    read_shard,
    split_of,
    write_shard,
)
from cryoglean.errors import UsageError
from cryoglean.io.spreadsheets import write_table
from cryoglean.io.writing import complete_or_absent
from cryoglean.simulate.micrograph import Simulated
from cryoglean.simulate.pool import in_processes
from cryoglean.simulate.procedural import KINDS, ProceduralKind, procedural_structure
from cryoglean.simulate.reading import StructureFile, load_structure
from cryoglean.simulate.settings import SimulationConfig, TileConfig
from cryoglean.simulate.structures import Structure
from cryoglean.simulate.tiles import ViewLibrary, simulate_tile


@dataclass(frozen=True)
class Procedural:
    """A procedural complex that has not been made yet."""

    kind: ProceduralKind
    seed: int

    @property
    def name(self) -> str:
        """Its name, which is its family's too."""
        return f"{self.kind}-{self.seed}"

    @property
    def family(self) -> str:
        """Each one is a family of its own."""
        return self.name


Source = StructureFile | Procedural


@dataclass(frozen=True)
class ShardPlan:
    """What a folder of shards is to hold.

    Parameters
    ----------
    config : SimulationConfig
        How tiles are drawn and families are split.
    structures : tuple of StructureFile
        Structures from files; `config.tiles.procedural` complexes are generated beside them.
    tiles : int
        Tiles over all splits.
    seed : int
        Everything is drawn from it.
    """

    config: SimulationConfig
    structures: tuple[StructureFile, ...]
    tiles: int
    seed: int

    def sources(self) -> list[Source]:
        """All structures, those from files first."""
        made_up = [
            Procedural(KINDS[i % len(KINDS)], self.seed * 1_000_003 + i)
            for i in range(self.config.tiles.procedural)
        ]
        return [*self.structures, *made_up]

    def families(self) -> dict[Split, list[list[Source]]]:
        """Structures of each split, gathered by family; families and members in order of their names."""
        by_family: dict[str, list[Source]] = {}
        for source in sorted(self.sources(), key=lambda s: s.name):
            by_family.setdefault(source.family, []).append(source)
        split: dict[Split, list[list[Source]]] = {name: [] for name in SPLITS}
        tiles = self.config.tiles
        for family in sorted(by_family):
            split[split_of(family, validation=tiles.validation, test=tiles.test)].append(by_family[family])
        return split

    def counts(self) -> dict[Split, int]:
        """Tiles of each split, in proportion to the shares; none where a split has no family."""
        families = self.families()
        shares = {"validation": self.config.tiles.validation, "test": self.config.tiles.test}
        counts: dict[Split, int] = {
            name: round(self.tiles * shares.get(name, 0.0)) if families[name] else 0 for name in SPLITS
        }
        counts["train"] = self.tiles - counts["validation"] - counts["test"]
        return counts

    def description(self) -> dict[str, Any]:
        """Everything that the tiles follow from, as JSON holds it; not where the files lie."""
        return {
            "config": self.config.model_dump(mode="json"),
            "structures": [[s.name, s.family, s.completeness] for s in self.structures],
            "tiles": self.tiles,
            "seed": self.seed,
        }


def write_shards(
    folder: Path, plan: ShardPlan, *, workers: int = 1, report: Callable[[str, int, int], None] | None = None
) -> None:
    """Simulate every tile of a plan that is not there yet.

    Parameters
    ----------
    folder : Path
        Where to; a folder that holds another plan's shards is refused.
    plan : ShardPlan
        What to make.
    workers : int
        Processes that work at the same time.
    report : callable, optional
        Called with what is being made ("structures" or "shards"), how many are done, and how many there are.

    Raises
    ------
    UsageError
        The folder holds shards of another plan.
    StructureError
        A structure cannot be read.
    """
    _claim(folder, plan)
    libraries = [(folder, source, plan.config.tiles) for source in plan.sources()]
    shards = [(folder, plan, job) for job in _jobs(plan)]
    for done, _ in enumerate(in_processes(_make_library, libraries, workers), start=1):
        if report:
            report("structures", done, len(libraries))
    for done, _ in enumerate(in_processes(_make_shard, shards, workers), start=1):
        if report:
            report("shards", done, len(shards))
    _write_table(folder)


def _claim(folder: Path, plan: ShardPlan) -> None:
    """Write down the plan, or see that it is the one that is there."""
    path = folder / "plan.json"
    text = json.dumps(plan.description(), indent=1) + "\n"
    if path.is_file():
        if path.read_text(encoding="utf-8") != text:
            raise UsageError(
                f"{folder} holds tiles of other settings or another seed; choose another folder or remove it"
            )
        return
    with complete_or_absent(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _library_path(folder: Path, source: Source) -> Path:
    return folder / "libraries" / f"{source.name}.npz"


def _make_library(folder: Path, source: Source, config: TileConfig) -> None:
    path = _library_path(folder, source)
    if not path.is_file():
        ViewLibrary.of(_load(source), config).save(path)


def _load(source: Source) -> Structure:
    if isinstance(source, Procedural):
        return procedural_structure(source.kind, source.seed)
    return load_structure(source)


@dataclass(frozen=True)
class _Job:
    """One file to write: its split, its first tile's number and how many follow."""

    split: Split
    first: int
    count: int


def _jobs(plan: ShardPlan) -> Iterator[_Job]:
    for split, total in plan.counts().items():
        for first in range(0, total, plan.config.tiles.shard):
            yield _Job(split, first, min(plan.config.tiles.shard, total - first))


def _make_shard(folder: Path, plan: ShardPlan, job: _Job) -> None:
    path = folder / job.split / f"{job.first // plan.config.tiles.shard:05d}.npz"
    if path.is_file():
        return
    families = plan.families()[job.split]
    drawn = []
    for number in range(job.first, job.first + job.count):
        seed = np.random.SeedSequence(plan.seed, spawn_key=(SPLITS.index(job.split), number))
        rng = np.random.default_rng(seed)
        source = _choose(families, rng)
        library = _library(_library_path(folder, source))
        drawn.append((simulate_tile(library, plan.config, rng=rng), source))
    particles = [_particle_rows(tile, i) for i, (tile, _) in enumerate(drawn)]
    tiles = [_tile_row(tile, source, job.first + i) for i, (tile, source) in enumerate(drawn)]
    shard = Shard(
        image=np.stack([grey_levels(tile.micrograph.data) for tile, _ in drawn]),
        labels=np.stack([tile.labels.astype(np.uint16) for tile, _ in drawn]),
        contamination=np.stack([tile.contamination for tile, _ in drawn]),
        particles=np.concatenate(particles),
        tiles=np.array(tiles, TILE_COLUMNS),
    )
    write_shard(path, shard)


def _choose(families: Sequence[Sequence[Source]], rng: np.random.Generator) -> Source:
    """Draw a family, then one of it: a family of many members counts no more than another."""
    family = families[int(rng.integers(len(families)))]
    return family[int(rng.integers(len(family)))]


@lru_cache(maxsize=64)
def _library(path: Path) -> ViewLibrary:
    return ViewLibrary.load(path)


def _particle_rows(tile: Simulated, number: int) -> NDArray[np.void]:
    rows = np.zeros(len(tile.truth) + len(tile.fringe), PARTICLE_COLUMNS)
    xy = np.concatenate([tile.truth.xy, tile.fringe.xy])
    rows["tile"] = number
    rows["x"], rows["y"] = xy.T
    for column in ("visible", "contamination"):
        rows[column] = np.concatenate([tile.truth.extra[column], tile.fringe.extra[column]])
    return rows


def _tile_row(tile: Simulated, source: Source, number: int) -> tuple[Any, ...]:
    made = tile.conditions
    return (
        number,
        source.name,
        source.family,
        len(tile.truth),
        made.pixel_size,
        tile.diameter,
        made.optics.voltage_kv,
        made.optics.defocus,
        made.exposure.dose,
        made.ice.thickness,
        made.crowd.coverage,
        tile.snr,
        tile.snr_db,
    )


def _write_table(folder: Path) -> None:
    """Gather the tables of all shards into one."""
    rows = (
        [split, path.name, *row]
        for split in SPLITS
        for path in find_shards(folder, split)
        for row in read_shard(path).tiles.tolist()
    )
    write_table(folder / "tiles.csv", ["split", "shard", *(TILE_COLUMNS.names or ())], rows)
