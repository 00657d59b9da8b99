"""Files of every dialect that are cut, scrambled or noise: a clear error or picks, never anything else."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryoglean.errors import CoordinateError
from cryoglean.io.formats import DIALECTS, read_picks, write_picks
from cryoglean.types import Picks

QUIET = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def a_file(dialect: str) -> bytes:
    rng = np.random.default_rng(0)
    picks = Picks(
        rng.uniform(0, 1000, (9, 2)),
        score=rng.random(9),
        diameter=100.0,
        name="m",
        pixel_size=1.0,
        shape=(1000, 1100),
        extra={"rlnDefocusU": rng.random(9), "note": np.array(["x y"] * 9)},
    )
    with TemporaryDirectory() as folder:
        return write_picks([picks], Path(folder) / f"m{DIALECTS[dialect].suffix}", format=dialect)[
            0
        ].read_bytes()


FILES = {dialect: a_file(dialect) for dialect in DIALECTS}


def read_or_refuse(raw: bytes, dialect: str, folder: Path) -> None:
    path = folder / f"m{DIALECTS[dialect].suffix}"
    path.write_bytes(raw)
    start = time.perf_counter()
    message = str(path)
    try:
        picks = read_picks(path, format=dialect)
    except CoordinateError as error:
        picks, message = [], str(error)
    assert str(path) in message
    assert len(message) < 1000
    assert all(np.isfinite(part.xy).all() for part in picks)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("dialect", DIALECTS)
@QUIET
@given(data=st.data())
def test_cut_and_scrambled_files(dialect, data, tmp_path):
    raw = bytearray(FILES[dialect])
    if data.draw(st.booleans(), label="cut"):
        raw = raw[: data.draw(st.integers(0, len(raw)))]
    for _ in range(data.draw(st.integers(0, 4))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    at = data.draw(st.integers(0, len(raw)))
    raw[at:at] = data.draw(
        st.sampled_from([b"", b"\n", b"9" * 400, b"nan", b"\xff", b"'", b'"', b" ", b"1e999", b"{"])
    )
    read_or_refuse(bytes(raw), dialect, tmp_path)


@pytest.mark.parametrize("dialect", DIALECTS)
@QUIET
@given(noise=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
def test_noise(dialect, noise, tmp_path):
    read_or_refuse(noise, dialect, tmp_path)
    read_or_refuse(FILES[dialect][:40] + noise, dialect, tmp_path)


@given(text=st.text(alphabet='[]{}",:truefalsn0123456789.eE-bxo \\u', max_size=60))
@QUIET
def test_json_of_any_form(text, tmp_path):
    read_or_refuse(text.encode(), "eman2", tmp_path)
    read_or_refuse(('{"boxes": ' + text + "}").encode(), "eman2", tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"boxes": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"boxes": [[1, 2, "\\ud800"]]}',
        '{"boxes": [[1' + "0" * 400 + ', 2, "manual"]]}',
        '{"boxes": [[NaN, 2, "manual"]]}',
        '{"boxes": {"x": 1}}',
        '{"boxes": 5, "apix_unbin": "x"}',
        "5",
    ],
)
def test_json_that_is_no_info_file(text, tmp_path):
    read_or_refuse(text.encode(), "eman2", tmp_path)


def test_a_long_line_without_end_takes_no_long_time(tmp_path):
    for dialect in ("relion", "cryolo", "eman", "csv"):
        read_or_refuse(
            b"data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n" + b"' " * 500_000, dialect, tmp_path
        )
