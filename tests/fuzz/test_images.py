"""Thousands of damaged images: each is read, or told in one sentence, in little time and memory."""

import bz2
import gzip
import resource
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from cryoglean.doctor.files import look_at
from cryoglean.errors import MicrographError
from cryoglean.io import open_movie, read_header, read_micrograph
from cryoglean.movies.settings import MovieConfig
from cryoglean.types import MicrographFile
from tests.fuzz.mutating import bytes_from
from tests.io.crafting import MODES, eer_bytes, eer_frame, half_bytes, mrc_bytes

SECONDS = 20
"""Of one file, on a machine that does much else."""
MEBIBYTES = 600
"""That all files together may add to the memory."""


def seeds(folder: Path) -> dict[str, bytes]:
    """Whole files of every kind that is read."""
    rng = np.random.default_rng(0)
    pixels = rng.normal(60, 20, (40, 48)).clip(0, 120)
    frames = rng.normal(60, 20, (3, 40, 48)).clip(0, 120)
    files = {f"mode{mode}.mrc": mrc_bytes(pixels, mode) for mode in MODES}
    files |= {"big.mrc": mrc_bytes(pixels, 2, ">"), "stack.mrcs": mrc_bytes(frames, 1)}
    files |= {"half.mrc": mrc_bytes(half_bytes(pixels.astype(np.uint8) // 8), 101, nx=48)}
    files |= {"extended.mrc": mrc_bytes(pixels, 2, extended=bytes(500))}
    files |= {"a.mrc.gz": gzip.compress(files["mode2.mrc"]), "a.mrc.bz2": bz2.compress(files["mode1.mrc"])}
    made = folder / "t.tif"
    for compression in (None, "lzw", "zlib", "packbits", "zstd", "jpeg"):
        tifffile.imwrite(made, pixels.astype(np.uint8), compression=compression)
        files[f"{compression}.tif"] = made.read_bytes()
    tifffile.imwrite(made, pixels.astype(np.float32), tile=(16, 16), bigtiff=True)
    files["tiled.tif"] = made.read_bytes()
    tifffile.imwrite(made, frames.astype(">i2"), compression="zlib", photometric="minisblack")
    files["movie.tif"] = made.read_bytes()
    tifffile.imwrite(made, np.zeros((40, 48, 3), np.uint8), photometric="rgb")
    files["colour.tif"] = made.read_bytes()
    tifffile.imwrite(made, frames.astype(np.float32), imagej=True)
    files["imagej.tif"] = made.read_bytes()
    events = [(int(p // 48), int(p % 48), 0, 0) for p in rng.choice(40 * 48, 30, replace=False)]
    files["m.eer"] = eer_bytes([eer_frame(events, (40, 48))] * 4, (40, 48))
    files["a.png"] = imagecodecs.png_encode(pixels.astype(np.uint8))
    files["b.png"] = imagecodecs.png_encode(pixels.astype(np.uint16) * 200)
    files["c.png"] = imagecodecs.png_encode(np.zeros((40, 48, 4), np.uint8))
    files["a.jpg"] = imagecodecs.jpeg8_encode(pixels.astype(np.uint8))
    files["a.png.gz"] = gzip.compress(files["a.png"])
    return files


def read_in_every_way(path: Path) -> None:
    """Do with a file all that verbs do with images; only clear errors that name it may come of it."""
    started = time.monotonic()
    for read in (read_header, read_micrograph, read_frames):
        message = str(path)
        try:
            read(path)
        except MicrographError as error:
            message = str(error)
        assert str(path) in message
        assert len(message) < 1000
    look_at(MicrographFile(path), path.name)
    assert time.monotonic() - started < SECONDS


def read_frames(path: Path) -> None:
    for count, _ in enumerate(open_movie(path, MovieConfig(eer_grouping=2))):
        # A header may promise a million frames, and a file of noise hold them.
        if count > 20:
            break


def read_damaged(count: int, folder: Path) -> None:
    files = seeds(folder)
    others = list(files.values())
    faults: list[tuple[int, str, str]] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        name = list(files)[number % len(files)]
        path = folder / f"{number}_{name}"
        path.write_bytes(bytes_from(number, files[name], others))
        try:
            read_in_every_way(path)
        except Exception as error:  # noqa: BLE001 - told below, with all others
            faults.append((number, name, repr(error)))
        path.unlink()
    assert not faults, f"{len(faults)} of {count}: {faults[:10]}"
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < MEBIBYTES


def test_whole_files_are_read(tmp_path):
    for name, raw in seeds(tmp_path).items():
        (tmp_path / name).write_bytes(raw)
        assert read_header(tmp_path / name).shape == (40, 48), name


def test_some_damaged_images(tmp_path):
    read_damaged(300, tmp_path)


@pytest.mark.slow
@pytest.mark.fuzz
def test_thousands_of_damaged_images(tmp_path):
    read_damaged(3000, tmp_path)
