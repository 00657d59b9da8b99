import hashlib

import numpy as np
import pytest

from cryoglean.dataset.grey_levels import grey_levels
from cryoglean.dataset.shards import SPLITS, find_shards, read_shard, split_of
from cryoglean.errors import UsageError
from cryoglean.simulate import ShardPlan, write_shards
from cryoglean.simulate.reading import StructureFile
from cryoglean.simulate.settings import SimulationConfig, TileConfig

CONFIG = SimulationConfig(
    tiles=TileConfig(size=64, views=4, procedural=14, shard=4, validation=0.3, test=0.2, particle_px=20)
)
PLAN = ShardPlan(CONFIG, (), tiles=18, seed=3)


def digests(folder):
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder, PLAN)
    return folder


def test_any_number_of_workers_writes_the_same_bytes(folder, tmp_path):
    write_shards(tmp_path, PLAN, workers=2)
    assert digests(tmp_path) == digests(folder)


def test_a_stopped_run_goes_on_where_it_was(folder, tmp_path):
    before = digests(folder)
    kept = find_shards(folder, "train")[0]
    stamp = kept.stat().st_mtime_ns
    removed = [*find_shards(folder, "train")[1:], *find_shards(folder, "test"), folder / "tiles.csv"]
    for path in removed:
        path.unlink()
    reports = []
    write_shards(folder, PLAN, report=lambda *progress: reports.append(progress))
    assert digests(folder) == before
    assert kept.stat().st_mtime_ns == stamp
    assert reports[-1][0] == "shards"
    assert reports[-1][1] == reports[-1][2]


def test_a_folder_of_another_plan_is_refused(folder):
    other = ShardPlan(CONFIG, (), tiles=18, seed=4)
    with pytest.raises(UsageError, match="other settings or another seed"):
        write_shards(folder, other)


def test_every_tile_is_there_once_and_its_tables_fit(folder):
    numbers = {split: [] for split in SPLITS}
    for split in SPLITS:
        for path in find_shards(folder, split):
            shard = read_shard(path)
            assert (
                shard.image.shape == shard.labels.shape == shard.contamination.shape == (len(shard), 64, 64)
            )
            assert (shard.image.dtype, shard.labels.dtype) == (np.uint8, np.uint16)
            numbers[split] += shard.tiles["number"].tolist()
            for i in range(len(shard)):
                particles = shard.particles[shard.particles["tile"] == i]
                assert set(np.unique(shard.labels[i])) - {0} <= set(range(1, len(particles) + 1))
                inside = (particles["x"] > -0.5) & (particles["x"] < 63.5)
                inside &= (particles["y"] > -0.5) & (particles["y"] < 63.5)
                assert inside.sum() == shard.tiles["particles"][i]
    assert {split: len(n) for split, n in numbers.items()} == PLAN.counts()
    assert all(sorted(n) == list(range(len(n))) for n in numbers.values())


def test_no_family_is_in_two_splits(folder):
    families = {
        split: {f for path in find_shards(folder, split) for f in read_shard(path).tiles["family"].tolist()}
        for split in SPLITS
    }
    assert all(families.values())
    assert not families["train"] & families["validation"]
    assert not families["train"] & families["test"]
    assert not families["validation"] & families["test"]
    for split, names in families.items():
        assert all(
            split_of(name, validation=CONFIG.tiles.validation, test=CONFIG.tiles.test) == split
            for name in names
        )


def test_shares_of_families_are_about_those_asked_for():
    splits = [split_of(f"family-{i}", validation=0.1, test=0.2) for i in range(3000)]
    assert splits.count("validation") / 3000 == pytest.approx(0.1, abs=0.02)
    assert splits.count("test") / 3000 == pytest.approx(0.2, abs=0.025)


def test_members_of_a_family_stay_together(tmp_path):
    members = tuple(StructureFile(tmp_path / f"{n}.pdb", n, "kin") for n in ("a", "b", "c"))
    plan = ShardPlan(SimulationConfig(tiles=TileConfig(procedural=0)), members, tiles=10, seed=0)
    families = plan.families()
    assert sorted(len(families[split]) for split in SPLITS) == [0, 0, 1]
    assert sum(plan.counts().values()) == 10


def test_the_table_of_all_tiles_has_a_row_for_each(folder):
    import csv

    with (folder / "tiles.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18
    assert {"split", "family", "structure", "snr", "defocus", "pixel_size"} <= set(rows[0])
    assert all(
        split_of(row["family"], validation=CONFIG.tiles.validation, test=CONFIG.tiles.test) == row["split"]
        for row in rows
    )


def test_grey_levels_are_in_units_of_the_noise(rng):
    noise = rng.normal(500, 20, (256, 256)).astype(np.float32)
    levels = grey_levels(noise)
    assert np.median(levels) == 128
    assert levels.std() == pytest.approx(21, rel=0.02)
    noise[:20] = 0  # a black crystal does not change the scale of the rest
    assert grey_levels(noise)[30:].std() == pytest.approx(21, rel=0.15)
    assert (grey_levels(noise)[:20] == 0).all()
