from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryoglean.engine.plan import plan_jobs, shard_of
from cryoglean.errors import UsageError


def test_a_micrograph_is_called_after_its_file() -> None:
    jobs = plan_jobs([Path("data/May08_03.05.02.mrc"), Path("data/b.mrc.gz")])
    assert [job.name for job in jobs] == ["May08_03.05.02", "b"]


def test_equal_names_are_told_apart_by_their_folders() -> None:
    paths = [Path(f"/data/{folder}/mic.mrc") for folder in ("grid1", "grid2", "old/grid2")]
    assert [job.name for job in plan_jobs(paths)] == ["mic", "grid2_mic", "old_grid2_mic"]


@given(
    st.lists(st.sampled_from(["a/m.mrc", "b/m.mrc", "b_m.mrc", "a/m.tif", "m.mrc", "b/m_2.mrc"]), unique=True)
)
def test_no_two_micrographs_share_a_name(names: list[str]) -> None:
    jobs = plan_jobs(map(Path, names))
    assert len({job.name for job in jobs}) == len(names)
    assert [str(job.path) for job in jobs] == names


@given(st.integers(0, 60), st.integers(1, 9))
def test_shards_divide_the_work_evenly(micrographs: int, shards: int) -> None:
    jobs = plan_jobs(Path(f"{k}.mrc") for k in range(micrographs))
    parts = [shard_of(jobs, f"{number}/{shards}") for number in range(1, shards + 1)]
    assert sorted(job.name for part in parts for job in part) == sorted(job.name for job in jobs)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("name", ["two\nlines.mrc", "latin\udce9.mrc", "both ' and \".mrc"])
def test_names_that_no_coordinate_file_holds_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="rename it"):
        plan_jobs([Path(name)])
