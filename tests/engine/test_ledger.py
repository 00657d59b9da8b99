import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cryoglean
from cryoglean.engine.folder import RunFolder
from cryoglean.engine.ledger import Record, beside, identify, rounded
from cryoglean.engine.plan import Job
from cryoglean.engine.records import read_record, write_record
from cryoglean.errors import MicrographError, NewerError
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import MicrographFile, Picks

CONFIG = PickConfig(diameter=96.0, contrast="dark", min_score=0.4)


def picks_of(n: int, seed: int = 0) -> Picks:
    rng = np.random.default_rng(seed)
    return Picks(
        rng.uniform(0, 11520, (n, 2)),
        rng.uniform(0, 1, n),
        np.full(n, 96.0),
        rng.choice(["top", "side"], n),
        name="mic",
        shape=(8184, 11520),
        pixel_size=0.53,
        extra={"angle": rng.uniform(0, 360, n)},
    )


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(0, 30), st.just(2)), elements=st.floats(-50, 33000)),
    st.floats(-1, 1),
)
def test_a_record_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, xy: np.ndarray, score: float
) -> None:
    path = tmp_path_factory.mktemp("jobs") / "mic.json"
    found = rounded(Picks(xy, np.full(len(xy), score), 96.0, name="mic", shape=(9, 9), pixel_size=2.0))
    write_record(
        path, Record("mic", "data/mic.mrc", CONFIG, candidates=found, warnings=("odd",), seconds=1.5)
    )
    back = read_record(path)
    assert (back.name, back.path, back.config, back.warnings) == ("mic", "data/mic.mrc", CONFIG, ("odd",))
    assert (back.candidates.name, back.candidates.shape, back.candidates.pixel_size) == ("mic", (9, 9), 2.0)
    for column in ("xy", "score", "diameter", "kind"):
        np.testing.assert_array_equal(getattr(back.candidates, column), getattr(found, column))


def test_kinds_and_further_columns_are_kept(tmp_path: Path) -> None:
    found = rounded(picks_of(7))
    write_record(tmp_path / "mic.json", Record("mic", "mic.mrc", CONFIG, candidates=found))
    back = read_record(tmp_path / "mic.json").candidates
    np.testing.assert_array_equal(back.kind, found.kind)
    np.testing.assert_array_equal(back.extra["angle"], found.extra["angle"])


def test_rounding_moves_nothing_that_matters() -> None:
    picks = picks_of(100)
    found = rounded(picks)
    assert np.abs(found.xy - picks.xy).max() <= 0.5e-3
    assert np.abs(found.score - picks.score).max() <= 0.5e-6


def test_a_record_of_many_candidates_is_small(tmp_path: Path) -> None:
    picks = replace(rounded(picks_of(1500)), kind=np.full(1500, "particle"), extra={})
    write_record(tmp_path / "mic.json", Record("mic", "mic.mrc", CONFIG, candidates=picks))
    assert (tmp_path / "mic.json").stat().st_size < 18 * 1500


@pytest.mark.parametrize("damage", ["", "{", '{"micrograph": "mic"}', "\x00" * 100, "[]", "null"])
def test_a_damaged_record_counts_as_none(tmp_path: Path, damage: str) -> None:
    (tmp_path / "mic.json").write_text(damage)
    assert read_record(tmp_path / "mic.json") is None
    assert read_record(tmp_path / "absent.json") is None


def test_a_record_cut_off_anywhere_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "mic.json"
    write_record(path, Record("mic", "mic.mrc", CONFIG, candidates=rounded(picks_of(5))))
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert read_record(path) is None


NOT_GIVEN = object()


def changed(stored: dict, value: object, *keys: str) -> dict:
    """Return a record with another value in one place; without it where none is given."""
    whole = json.loads(json.dumps(stored))
    place = whole
    for key in keys[:-1]:
        place = place[key]
    if value is NOT_GIVEN:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return whole


WRONG: list[tuple] = [
    (None, "seconds"),
    (-1.0, "seconds"),
    (float("nan"), "seconds"),
    ("3", "seconds"),
    ([[1]], "warnings"),
    ("text", "warnings"),
    (None, "path"),
    (7, "micrograph"),
    ("../../victim", "micrograph"),
    ("a/b", "micrograph"),
    ("", "micrograph"),
    (1, "error"),
    ({"size": -1, "mtime_ns": 0}, "input"),
    ({"size": "1", "mtime_ns": 0}, "input"),
    ({"anything": 1}, "input"),
    ([], "config"),
    ({"diameter": "wide"}, "config"),
    ({"new_setting": 1}, "config"),
    ([], "candidates"),
    ([], "candidates", "shape"),
    ([1, 2, 3], "candidates", "shape"),
    ([-1, 5], "candidates", "shape"),
    ([1, "5"], "candidates", "shape"),
    (0, "candidates", "pixel_size"),
    (float("inf"), "candidates", "pixel_size"),
    ("not base64!", "candidates", "x"),
    ("AAAA", "candidates", "x"),
    ("", "candidates", "y"),
    ([1, 2], "candidates", "score"),
    ([1.0], "candidates", "diameter"),
    (float("inf"), "candidates", "diameter"),
    (-5.0, "candidates", "diameter"),
    ("<script>", "candidates", "kind"),
    ([], "candidates", "extra"),
    ({"angle": [1]}, "candidates", "extra"),
    ({"angle": [[1, 2]] * 5}, "candidates", "extra"),
    ({"angle": [{}] * 5}, "candidates", "extra"),
    ({"angle": [[1], [1, 2]]}, "candidates", "extra"),
    (1, "of_another_program"),
    (NOT_GIVEN, "candidates"),
    (NOT_GIVEN, "version"),
]


@pytest.mark.parametrize(("value", "keys"), [(value, keys) for value, *keys in WRONG])
def test_a_record_with_one_value_of_another_kind_counts_as_none(
    tmp_path: Path, value: object, keys: list[str]
) -> None:
    path = tmp_path / "mic.json"
    write_record(path, Record("mic", "mic.mrc", CONFIG, candidates=rounded(picks_of(5))))
    assert read_record(path) is not None
    path.write_text(json.dumps(changed(json.loads(path.read_text()), value, *keys)))
    assert read_record(path) is None


def test_a_pipe_and_a_device_are_no_records(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mic.json")
    assert read_record(tmp_path / "mic.json") is None
    (tmp_path / "endless.json").symlink_to("/dev/zero")
    assert read_record(tmp_path / "endless.json") is None


@pytest.mark.parametrize("version", ["9.0", "0.99.0", "1.0.0.dev1", "10"])
@pytest.mark.parametrize("readable", [True, False])
def test_a_record_of_a_newer_version_is_no_damaged_one(tmp_path: Path, version: str, readable: bool) -> None:
    path = tmp_path / "mic.json"
    write_record(path, Record("mic", "mic.mrc", CONFIG, candidates=rounded(picks_of(5)), version=version))
    if not readable:
        path.write_text(json.dumps(changed(json.loads(path.read_text()), 1, "config", "new_setting")))
    with pytest.raises(NewerError, match=f"written by version {version}, which is newer than this one"):
        read_record(path)


@pytest.mark.parametrize("version", ["0.1.0", cryoglean.__version__, "0.0.9", "", "x"])
def test_a_record_of_an_older_version_is_read(tmp_path: Path, version: str) -> None:
    path = tmp_path / "mic.json"
    write_record(path, Record("mic", "mic.mrc", CONFIG, candidates=rounded(picks_of(5)), version=version))
    assert read_record(path).version == version


class TestIsCurrent:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "mic.mrc"
        path.write_bytes(b"pixels")
        return path

    @pytest.fixture
    def record(self, file: Path) -> Record:
        return Record("mic", str(file), CONFIG, identify(file, content=True), rounded(picks_of(3)))

    def test_an_unchanged_file_is_the_same(self, record: Record, file: Path) -> None:
        assert record.is_from(file)
        assert record.is_from(file, content=True)

    def test_a_changed_file_is_another(self, record: Record, file: Path) -> None:
        file.write_bytes(b"other pixels")
        assert not record.is_from(file)
        assert not record.is_from(file, content=True)

    def test_a_touched_file_is_another_by_its_date_and_the_same_by_its_content(
        self, record: Record, file: Path
    ) -> None:
        os.utime(file, ns=(1, 1))
        assert not record.is_from(file)
        assert record.is_from(file, content=True)

    def test_a_file_of_equal_size_and_date_is_told_apart_by_its_content(
        self, record: Record, file: Path
    ) -> None:
        date = file.stat().st_mtime_ns
        file.write_bytes(b"pixelz")
        os.utime(file, ns=(date, date))
        assert record.is_from(file)
        assert not record.is_from(file, content=True)

    def test_what_is_known_of_a_file_that_is_gone_stays_known(self, record: Record, file: Path) -> None:
        file.unlink()
        assert record.is_from(file)

    def test_a_record_is_about_one_file_wherever_the_run_was_moved_to_with_it(
        self, record: Record, file: Path
    ) -> None:
        run = RunFolder(file.parent / "run")
        location = MicrographFile(file).location
        own = replace(record, file=location, beside=beside(location, run))
        other = Job("mic", MicrographFile(file.parent / "other" / "mic.mrc"))
        assert own.is_about(Job("mic", MicrographFile(file)), run)
        assert not own.is_about(other, run)
        moved = RunFolder(file.parent / "other" / "run")
        assert own.is_about(other, moved)

    def test_a_record_without_the_place_of_its_file_goes_by_the_path_that_it_has(
        self, record: Record, file: Path
    ) -> None:
        run = RunFolder(file.parent / "run")
        assert record.is_about(Job("mic", MicrographFile(file)), run)
        assert not record.is_about(Job("mic", MicrographFile(file.parent / "other" / "mic.mrc")), run)

    def test_a_changed_search_is_another_and_a_changed_selection_is_not(self, record: Record) -> None:
        assert record.is_of(CONFIG.changed(min_score=0.9, border=0.5, max_picks=3), None)
        assert not record.is_of(CONFIG.changed(diameter=97.0), None)
        assert not record.is_of(CONFIG.changed(rounds=1), None)

    def test_other_weights_and_another_version_are_another_search(self, record: Record) -> None:
        assert not record.is_of(CONFIG, "digest")
        assert not replace(record, version="0.0.1").is_of(CONFIG, None)

    def test_a_failure_is_never_done(self, record: Record) -> None:
        assert not replace(record, candidates=None, error="cut off").is_of(CONFIG, None)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MicrographError, match="no such file"):
        identify(tmp_path / "absent.mrc")
    with pytest.raises(MicrographError, match="a folder"):
        identify(tmp_path)
