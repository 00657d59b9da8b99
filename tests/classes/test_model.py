"""What a run teaches; `test_pool` is part of it, as pools are made of whole micrographs."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from cryoglean.classes.model import evidence_of, learn, read_model, write_model
from cryoglean.classes.pool import SEARCH, Pool, find_pool
from cryoglean.networks import load_networks
from cryoglean.simulate import simulate_micrograph
from cryoglean.simulate.procedural import procedural_structure
from cryoglean.simulate.settings import SimulationConfig
from cryoglean.types import Micrograph, ParticleSize

FAINT = SimulationConfig(
    size=(1200, 1200), pixel_size=(2.0, 2.0), dose=(30.0, 30.0), coverage=(0.35, 0.35), contamination=0.0
)


@pytest.fixture(scope="module")
def simulated() -> list:
    structure = procedural_structure("globular", 5)
    return [simulate_micrograph(structure, FAINT, seed=seed) for seed in range(2)]


@pytest.fixture(scope="module")
def pools(simulated: list) -> list[Pool]:
    size = ParticleSize(simulated[0].diameter, "dark")
    return [find_pool(one.micrograph, size, load_networks("general")) for one in simulated]


def test_a_pool_holds_nearly_all_particles(simulated: list, pools: list[Pool]) -> None:
    for one, pool in zip(simulated, pools, strict=True):
        distance = np.hypot(*(one.truth.xy[:, None] - pool.picks.xy[None]).transpose(2, 0, 1)).min(axis=1)
        assert np.mean(distance < 0.3 * one.diameter / 2.0) > 0.85
        assert pool.crops.shape == (len(pool.picks), SEARCH.crop_side, SEARCH.crop_side)


def test_a_run_teaches_scores_that_tell_particles_from_others(simulated: list, pools: list[Pool]) -> None:
    lesson = learn(pools)
    assert lesson.model is not None, lesson.reason
    threshold = lesson.model.threshold
    found = right = kept = particles = 0
    for one, pool in zip(simulated, pools, strict=True):
        picks = lesson.model.rescore(pool)
        picks = picks[picks.score >= threshold.score]
        distance = np.hypot(*(one.truth.xy[:, None] - picks.xy[None]).transpose(2, 0, 1))
        near = distance < 0.5 * one.diameter / 2.0
        found += int(near.any(axis=1).sum())
        right += int(near.any(axis=0).sum())
        kept += len(picks)
        particles += len(one.truth)
    assert found / particles > 0.85
    assert right / kept == pytest.approx(threshold.precision, abs=0.15)


def test_no_candidate_is_scored_by_what_it_taught(pools: list[Pool]) -> None:
    lesson = learn(pools)
    changed = lesson.model.references.copy()
    changed[0] = np.random.default_rng(0).standard_normal(changed[0].shape)
    before, after = (evidence_of(pools[0], refs)[:, 2] for refs in (lesson.model.references, changed))
    left = pools[0].is_left
    np.testing.assert_array_equal(before[left], after[left])
    assert np.all(before[~left] != after[~left])


def test_the_same_pools_teach_the_same_bytes(pools: list[Pool], tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_model(tmp_path / name, learn(pools).model)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    kept = read_model(tmp_path / "a.npz").rescore(pools[0])
    np.testing.assert_array_equal(kept.score, learn(pools).model.rescore(pools[0]).score)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"\x93NUMPY"])
def test_a_damaged_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with pytest.raises((ValueError, OSError)):
        read_model(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("references", np.zeros((2, 1, SEARCH.side, SEARCH.side + 1), np.float32)),
        ("references", np.zeros((2, 0, SEARCH.side, SEARCH.side), np.float32)),
        ("references", np.zeros((2, 500, SEARCH.side, SEARCH.side), np.float32)),
        ("middle", np.full(3, np.nan)),
        ("weight", np.zeros(4)),
        ("share", np.array("x")),
        ("threshold", np.zeros(2)),
    ],
)
def test_a_model_of_other_numbers_is_refused(tmp_path: Path, name: str, value: np.ndarray) -> None:
    whole = {name: np.zeros(3) for name in ("middle", "spread", "weight", "threshold")}
    whole |= {"mean": np.zeros(2), "width": np.ones(2), "share": np.array(0.5)}
    whole["references"] = np.zeros((2, 8, SEARCH.side, SEARCH.side), np.float32)
    path = tmp_path / "model.npz"
    np.savez(path, **whole)
    assert read_model(path).references.shape[1] == 8
    np.savez(path, **whole | {name: value})
    with pytest.raises(ValueError, match=f"{name}|class averages"):
        read_model(path)


def test_a_small_model_that_unpacks_to_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("references", "middle", "spread", "weight", "share", "mean", "width", "threshold"):
            with packed.open(f"{name}.npy", "w", force_zip64=True) as member:
                for _ in range(600 if name == "references" else 1):
                    member.write(bytes(2**23))
    assert path.stat().st_size < 2**23
    with pytest.raises(ValueError, match=r"unpack to 4\.7 GiB"):
        read_model(path)


def test_noise_teaches_nothing() -> None:
    rng = np.random.default_rng(3)
    noise = [Micrograph(rng.standard_normal((900, 900)).astype(np.float32), pixel_size=2.0) for _ in range(2)]
    pools = [find_pool(one, ParticleSize(100.0, "dark"), load_networks("general")) for one in noise]
    lesson = learn(pools)
    assert lesson.model is None
    assert "noise" in lesson.reason or "too few" in lesson.reason
