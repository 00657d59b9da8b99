"""Thousands of damaged coordinate files: read, or told in one sentence; what is read can be written."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from cryoglean.errors import CoordinateError, CryogleanError
from cryoglean.io.formats import DIALECTS, read_picks, write_picks
from cryoglean.types import Picks
from tests.fuzz.mutating import bytes_from, json_from
from tests.io.formats.test_cryosparc import GROUP, located, save
from tests.io.formats.test_meanings import CBOX, REGIONS, SEGMENTS, TOMOGRAMS, VIA

SECONDS = 20
"""Of one file, on a machine that does much else."""
BARE = ("relion list", "group", "tomograms")
"""Files that say where others are, or that are told by their name."""


def seeds(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Whole files of every dialect and kind: the name's end, and the bytes, by what they are."""
    rng = np.random.default_rng(0)
    extra = {"rlnDefocusU": rng.random(9), "note": np.array(["x y", "é", ""] * 3)}
    picks = [
        Picks(
            rng.uniform(0, 1000, (9, 2)),
            score=rng.random(9),
            diameter=100.0,
            name=name,
            shape=(1000, 1100),
            pixel_size=1.5,
            path=f"Movies/{name}.mrc",
            extra=extra,
        )
        for name in ("m", "n 2")
    ]
    files: dict[str, tuple[str, bytes]] = {}
    for name, dialect in DIALECTS.items():
        written = write_picks(picks, folder / name, format=name)
        files[name] = (dialect.suffix, written[0].read_bytes())
        if name == "relion":
            files["relion list"] = (".star", written[-1].read_bytes())
    save(folder / "a.cs", located([1, 2, 3], 0.5, 0.25))
    files["location"] = (".cs", (folder / "a.cs").read_bytes())
    files["group"] = (".csg", GROUP.encode())
    files["old cbox"] = (".cbox", b"1 2 60 60 0.5 60 60\n3 4 60 60 0.4 50 50\n")
    filaments = f"data_filament_vertices\n\n{CBOX}1 2 <NA> 4 5 6\n\ndata_cryolo\n\n{CBOX}1 2 <NA> 4 5 6\n"
    files["filaments"] = (".cbox", filaments.encode())
    files["regions"] = (".csv", (VIA + "".join(line for line, *_ in REGIONS)).encode())
    files["segments"] = (".txt", SEGMENTS.encode())
    files["tomograms"] = (".star", TOMOGRAMS["relion5.star"].encode())
    files["utf-16"] = (".csv", "micrograph,x,y\né.mrc,1,2\n".encode("utf-16"))
    return files


def damaged(number: int, kind: str, files: Mapping[str, tuple[str, bytes]]) -> bytes:
    end, raw = files[kind]
    if end == ".json" and number % 2:
        return json_from(number, raw.decode()).encode("utf-8", "surrogatepass")
    return bytes_from(number, raw, [other for _, other in files.values()])


def read_and_write(path: Path, out: Path) -> None:
    """Read a file as whatever its name says, and write what is in it; only clear errors may come of it."""
    started = time.monotonic()
    message, picks = str(path), []
    try:
        picks = read_picks(path)
    except CoordinateError as error:
        message = str(error)
    assert str(path.parent) in message
    assert len(message) < 1000
    assert all(np.isfinite(part.xy).all() for part in picks)
    for number, dialect in enumerate(("csv", "relion", "relion-particles", "eman2", "cryosparc")):
        if picks:
            try:
                write_picks(picks, out / f"{number}", format=dialect)
            except CryogleanError as error:
                message = str(error)
    assert time.monotonic() - started < SECONDS


def read_damaged(count: int, folder: Path) -> None:
    files = seeds(folder / "whole")
    faults = []
    out = folder / "deep" / "inside" / "out"
    (folder / "in").mkdir()
    for number in range(count):
        kind = list(files)[number % len(files)]
        path = folder / "in" / f"{number}{files[kind][0]}"
        path.write_bytes(damaged(number, kind, files))
        try:
            read_and_write(path, out)
        except Exception as error:  # noqa: BLE001 - told below, with all others
            faults.append((number, kind, repr(error)[:300]))
        path.unlink()
    assert not faults, f"{len(faults)} of {count}: {faults[:10]}"
    # Nothing was written but where it should be.
    assert {path.name for path in folder.iterdir()} == {"whole", "in", "deep"}
    assert [path.name for path in (folder / "deep").iterdir()] == ["inside"]


def test_whole_files_are_read(tmp_path):
    for kind, (end, raw) in seeds(tmp_path / "whole").items():
        if kind not in BARE:
            (tmp_path / f"a{end}").write_bytes(raw)
            assert sum(map(len, read_picks(tmp_path / f"a{end}"))), kind


def test_some_damaged_coordinate_files(tmp_path):
    read_damaged(300, tmp_path)


@pytest.mark.slow
@pytest.mark.fuzz
def test_thousands_of_damaged_coordinate_files(tmp_path):
    read_damaged(3000, tmp_path)
