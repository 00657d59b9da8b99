"""Shards of training tiles from elsewhere: of the right types and shapes, or told."""

import json
from collections import Counter

import numpy as np
import pytest

from cryoglean.dataset.settings import PARTICLE_PX
from cryoglean.dataset.shards import (
    PARTICLE_COLUMNS,
    TILE_COLUMNS,
    Shard,
    particle_px_of,
    read_shard,
    split_of,
    write_shard,
)
from cryoglean.errors import DatasetError


def shard(**columns):
    whole = {
        "image": np.zeros((2, 32, 32), np.uint8),
        "labels": np.zeros((2, 32, 32), np.uint16),
        "contamination": np.zeros((2, 32, 32), np.uint8),
        "particles": np.zeros(3, PARTICLE_COLUMNS),
        "tiles": np.zeros(2, TILE_COLUMNS),
    }
    return Shard(**whole | columns)


def test_a_shard_that_is_written_is_read(tmp_path):
    write_shard(tmp_path / "0.npz", shard())
    assert len(read_shard(tmp_path / "0.npz")) == 2


def stray():
    particles = np.zeros(3, PARTICLE_COLUMNS)
    particles["tile"] = 2
    return particles


def endless():
    particles = np.zeros(3, PARTICLE_COLUMNS)
    return particles.astype([(name, "O") for name in PARTICLE_COLUMNS.names])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": np.zeros((2, 32, 31), np.uint8)}, "the array image holds uint8"),
        ({"image": np.zeros((2, 32, 32), np.float32)}, "the array image holds float32"),
        ({"labels": np.zeros((1, 32, 32), np.uint16)}, "the array labels holds"),
        ({"tiles": np.zeros(3, TILE_COLUMNS)}, "the array tiles holds"),
        ({"tiles": np.zeros(2)}, "the array tiles holds float64"),
        ({"particles": stray()}, "particles of tiles that it has not"),
        ({"particles": endless()}, "no shard of training tiles"),
    ],
)
def test_a_shard_of_something_else_is_told(tmp_path, columns, message):
    path = tmp_path / "0.npz"
    with path.open("wb") as file:
        np.savez_compressed(file, **vars(shard(**columns)))
    with pytest.raises(DatasetError, match=message) as caught:
        read_shard(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("cut", [0, 3, 100, -30])
def test_a_shard_that_is_cut_off_is_told(tmp_path, cut):
    path = tmp_path / "0.npz"
    write_shard(path, shard())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatasetError, match="no shard of training tiles"):
        read_shard(path)


@pytest.mark.parametrize(
    "plan",
    [
        "",
        "[]",
        "{}",
        json.dumps({"config": {"tiles": {"particle_px": "NaN"}}}),
        '{"config":{"tiles":{"particle_px":-1}}}',
    ],
)
def test_a_plan_that_is_none_is_told(tmp_path, plan):
    assert particle_px_of(tmp_path) == PARTICLE_PX
    (tmp_path / "plan.json").write_text(plan)
    with pytest.raises(DatasetError, match="no plan of training tiles"):
        particle_px_of(tmp_path)


def test_families_are_dealt_by_a_hash_of_their_name() -> None:
    """The same wherever it is asked, so no family is ever both trained and tested on."""
    of_letters = "train test test test test test train train"
    assert [split_of(name, validation=0.3, test=0.3) for name in "abcdefgh"] == of_letters.split()
    names = [f"family-{number}" for number in range(2000)]
    share = Counter(split_of(name, validation=0.1, test=0.2) for name in names)
    assert share["test"] / len(names) == pytest.approx(0.2, abs=0.03)
    assert share["validation"] / len(names) == pytest.approx(0.1, abs=0.03)
    assert {split_of(name, validation=0.0, test=0.0) for name in names} == {"train"}
    # A larger test split takes whole families from the others and gives none back.
    small = {name for name in names if split_of(name, validation=0.1, test=0.1) == "test"}
    assert small < {name for name in names if split_of(name, validation=0.1, test=0.2) == "test"}
