"""Files that mean harm: pipes, devices, and small files that promise or unpack to enormous ones."""

import bz2
import gzip
import os
import resource
import socket
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile

from cryoglean.errors import CoordinateError, MicrographError
from cryoglean.io import limits, opening, read_header, read_micrograph
from cryoglean.io.formats import DIALECTS, read_picks
from cryoglean.io.limits import read_file, require_file
from tests.io.crafting import mrc_bytes

PIXELS = np.random.default_rng(3).normal(size=(32, 40)).astype(np.float32)


@pytest.fixture
def special(tmp_path, request):
    """A path that is no plain file."""
    path = tmp_path / "special"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        path = type(path)("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    return path


@pytest.mark.parametrize("special", ["pipe", "device", "socket"], indirect=True)
def test_what_is_no_plain_file_is_refused_at_once_by_every_reader(special):
    started = time.monotonic()
    for read in (read_header, read_micrograph):
        with pytest.raises(MicrographError, match=r"a named pipe|a device|No such device"):
            read(special)
    for dialect in DIALECTS:
        with pytest.raises(CoordinateError, match=r"a named pipe|a device|No such device"):
            read_picks(special, format=dialect)
    with pytest.raises(OSError, match=r"a named pipe|a device|No such device"):
        require_file(special)
    assert time.monotonic() - started < 5


def test_a_file_that_is_known_to_be_small_is_not_read_whatever_its_size(tmp_path):
    path = tmp_path / "record.json"
    path.write_bytes(bytes(101))
    assert read_file(path, largest=101) == bytes(101)
    with pytest.raises(OSError, match="larger than"):
        read_file(path, largest=100)
    with path.open("wb") as file:
        file.truncate(2**40)  # A hole: no disk is used.
    with pytest.raises(OSError, match="larger than 256 MiB"):
        read_file(path)


def zeros(compressor, mebibytes):
    return [compressor.compress(bytes(1 << 20)) for _ in range(mebibytes)]


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    """Small files that promise, or unpack to, far more than they should."""
    folder = tmp_path_factory.mktemp("bombs")
    (folder / "jpeg").write_bytes(gzip.compress(b"\xff\xd8\xff" + bytes(32 << 20)))
    (folder / "segments").write_bytes(
        gzip.compress(b"\xff\xd8" + b"\xff\xe1\xff\xff" + bytes(0xFFFD) + b"\xff\xe1\0\2" * (4 << 20))
    )
    packer = bz2.BZ2Compressor(9)
    head = [packer.compress(mrc_bytes(np.zeros((1, 1)), nx=50_000, ny=50_000)[:1024])]
    (folder / "mrc").write_bytes(b"".join([*head, *zeros(packer, 64), packer.flush()]))
    # As large a file as its header needs to be believed, yet most of it is nothing.
    packed = gzip.compress(mrc_bytes(np.zeros((1, 1)), nx=50_000, ny=50_000)[:1024])
    (folder / "padded").write_bytes(packed + bytes(3 << 20))
    (folder / "extended").write_bytes(
        gzip.compress(mrc_bytes(PIXELS, nsymbt=2**31 - 1)[:1024] + bytes(16 << 20))
    )
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 60_000, 60_000, 8, 0, 0, 0, 0)
    (folder / "png").write_bytes(png + bytes(4 << 20))
    return folder


@pytest.mark.parametrize("name", ["jpeg", "segments", "mrc", "padded", "extended", "png"])
def test_a_small_file_takes_little_memory_and_time(bombs, name):
    code = (
        "import sys, resource, time\n"
        "from cryoglean.errors import MicrographError\n"
        "from cryoglean.io import read_header, read_micrograph\n"
        "before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()\n"
        "for read in (read_header, read_micrograph):\n"
        "    try:\n"
        "        read(sys.argv[1])\n"
        "    except MicrographError as error:\n"
        "        print(error, file=sys.stderr)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, time.monotonic() - started)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, bombs / name], capture_output=True, text=True, check=True, timeout=60
    )
    kibibytes, seconds = map(float, done.stdout.split())
    assert str(bombs / name) in done.stderr
    assert kibibytes < 300 * 1024
    assert seconds < 10


def test_an_image_that_unpacks_to_more_than_is_allowed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "MAX_UNPACKED_BYTES", 1000)
    (tmp_path / "a.mrc.gz").write_bytes(gzip.compress(mrc_bytes(np.zeros((500, 500)))))
    with pytest.raises(MicrographError, match=r"unpacks to .*unpack it first"):
        read_header(tmp_path / "a.mrc.gz")


def test_a_later_page_that_promises_more_than_the_first_is_not_decoded(tmp_path):
    path = tmp_path / "movie.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(PIXELS, compression="zlib", metadata=None)
        writer.write(np.zeros((20_000, 20_000), np.uint8), compression="zlib", metadata=None)
    header = read_header(path)
    from cryoglean.io.tiff import read_frames

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MicrographError, match=r"frame 2 has \(20000, 20000\) rows and columns"):
        list(read_frames(header))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def tiled(tile_length):
    """A TIFF of 64×64 bytes in one tile, whose length can be any."""
    tags = [(256, 64), (257, 64), (258, 8), (259, 1), (262, 1), (277, 1), (322, 64), (323, tile_length)]
    count = len(tags) + 2
    at = 8 + 2 + 12 * count + 4
    tags += [(324, at), (325, 64 * 64)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, count) + entries + struct.pack("<I", 0) + bytes(range(64)) * 64


@pytest.mark.parametrize("tile_length", [0, 2**31])
def test_impossible_tiles_are_refused(tmp_path, tile_length):
    (tmp_path / "good.tif").write_bytes(tiled(64))
    assert read_micrograph(tmp_path / "good.tif").shape == (64, 64)
    (tmp_path / "bad.tif").write_bytes(tiled(tile_length))
    with pytest.raises(MicrographError, match="damaged"):
        read_micrograph(tmp_path / "bad.tif")


class OwnFault(Exception):
    """What a library may raise that nobody has heard of."""


@pytest.mark.parametrize(
    "error", [OwnFault("odd"), ZeroDivisionError("by zero"), MemoryError(), AssertionError()]
)
def test_whatever_a_library_raises_is_told_of_the_file(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    tifffile.imwrite(tmp_path / "a.tif", PIXELS)
    monkeypatch.setattr(tifffile, "TiffFile", fail)
    with pytest.raises(MicrographError) as caught:
        read_header(tmp_path / "a.tif")
    assert str(tmp_path / "a.tif") in str(caught.value)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", "git lfs pull"),
        (b"/annex/objects/SHA256E-s5--0.mrc\n", "git annex get"),
        (b"<!DOCTYPE html><title>404</title>", "web page"),
        (b"PK\x03\x04", "ZIP archive"),
        (b"\x89HDF\r\n\x1a\n", "e2proc2d.py"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\0\0\0\x03" + bytes(40), "Gatan DM3"),
    ],
)
def test_what_else_is_found_under_the_name_of_an_image_is_called_by_its_name(tmp_path, start, what):
    (tmp_path / "a.mrc").write_bytes(start.ljust(2000, b"\1"))
    with pytest.raises(MicrographError, match=what):
        read_header(tmp_path / "a.mrc")


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"mode": 154285104}, "the MRC header is damaged: it says mode 154285104"),
        ({"nx": -5}, "the MRC header is damaged: it says -5×32 pixels in 1 sections"),
        ({"mode": 154285104, "stamp": b"\0\0\0\0"}, "mode 154285104"),
        ({"mode": 154285104, "mark": b"\0\0\0\0"}, "mode 154285104"),
    ],
)
def test_a_damaged_mrc_header_is_told_with_what_it_claims(tmp_path, fields, cause):
    raw = bytearray(mrc_bytes(PIXELS, **{k: v for k, v in fields.items() if k != "mode"}))
    if "mode" in fields:
        raw[12:16] = struct.pack("<i", fields["mode"])
    (tmp_path / "a.mrc").write_bytes(raw)
    with pytest.raises(MicrographError, match=cause):
        read_header(tmp_path / "a.mrc")


@pytest.mark.parametrize("name", ["000002@mics.mrcs", "Import/000002@Import/mics.mrcs"])
def test_an_image_of_a_stack_is_called_so(tmp_path, name):
    with pytest.raises(MicrographError, match=r"names image 2 of the stack .*mics.mrcs.*newstack -split"):
        read_micrograph(tmp_path / name)


def test_a_pipe_takes_no_longer_when_its_writer_waits(tmp_path):
    path = tmp_path / "pipe.star"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(OSError, match="a named pipe"):
            limits.open_file(path)
    finally:
        os.close(writer)
