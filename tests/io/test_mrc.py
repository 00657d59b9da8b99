"""MRC files in every mode, and with the headers that occur."""

import bz2
import gzip
import time

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cryoglean.errors import MicrographError
from cryoglean.io import read_header, read_micrograph, write_mrc
from tests.io.crafting import IMOD_STAMP, MODES, half_bytes, mrc_bytes

sides = st.tuples(st.integers(16, 40), st.integers(16, 40))


def some_pixels(dtype="f4", shape=(24, 33)):
    values = np.random.default_rng(0).normal(100, 9, shape)
    return values.astype(dtype)


@pytest.fixture
def crafted(tmp_path):
    """Write bytes to a file and give its path."""

    def write(content, name="crafted.mrc"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture(scope="module")
def one_file(tmp_path_factory):
    """A file to write again and again in property tests."""
    return tmp_path_factory.mktemp("mrc") / "again.mrc"


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(["int8", "int16", "uint16", "float16", "float32"]))
def test_reading_gives_back_what_was_written(one_file, data, dtype):
    finite = {"allow_nan": False, "allow_infinity": False} if dtype.startswith("f") else {}
    elements = hnp.from_dtype(np.dtype(dtype), **finite)
    pixels = data.draw(
        hnp.arrays(dtype, sides, elements=elements).filter(lambda a: np.ptp(a.astype("f8")) > 0)
    )
    write_mrc(one_file, pixels, pixel_size=1.25)
    micrograph = read_micrograph(one_file, strict=True)
    np.testing.assert_array_equal(micrograph.data, pixels.astype(np.float32))
    assert micrograph.pixel_size == pytest.approx(1.25)
    assert read_header(one_file).dtype == dtype


@settings(deadline=None, max_examples=30)
@given(pixels=hnp.arrays(np.uint8, sides, elements=st.integers(0, 15)).filter(lambda a: np.ptp(a) > 0))
def test_half_bytes_are_unpacked_whatever_the_width(one_file, pixels):
    one_file.write_bytes(mrc_bytes(half_bytes(pixels), 101, nx=pixels.shape[1], mx=pixels.shape[1]))
    np.testing.assert_array_equal(read_micrograph(one_file).data, pixels)
    assert read_header(one_file).dtype == "uint4"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("stamped", [True, False])
def test_every_mode_in_both_byte_orders_with_and_without_a_machine_stamp(crafted, mode, order, stamped):
    pixels = some_pixels(MODES[mode])
    stamp = {} if stamped else {"stamp": bytes(4)}
    path = crafted(mrc_bytes(pixels, mode, order, **stamp))
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.data, pixels.astype(np.float32))
    assert micrograph.pixel_size == pytest.approx(1.5)
    assert any("machine stamp is missing" in warning for warning in micrograph.warnings) is not stamped
    expected = None if mode == 0 else {"<": "little", ">": "big"}[order]
    assert read_header(path).byte_order == expected


def test_a_wrong_machine_stamp_is_seen_through(crafted):
    pixels = some_pixels()
    micrograph = read_micrograph(crafted(mrc_bytes(pixels, 2, ">", stamp=b"\x44\x44\0\0")))
    np.testing.assert_array_equal(micrograph.data, pixels)
    assert "contradicts" in micrograph.warnings[0]


def test_agrees_with_mrcfile(tmp_path):
    path = tmp_path / "by_mrcfile.mrc"
    with mrcfile.new(path) as file:
        file.set_data(some_pixels())
        file.set_extended_header(np.arange(40, dtype="f8"))
        file.voxel_size = 0.83
    micrograph = read_micrograph(path, strict=True)
    np.testing.assert_array_equal(micrograph.data, some_pixels())
    assert micrograph.pixel_size == pytest.approx(0.83)
    write_mrc(path, some_pixels(), pixel_size=0.83)
    assert mrcfile.validate(path)


def test_missing_map_mark_is_a_warning_and_an_error_when_strict(crafted):
    path = crafted(mrc_bytes(some_pixels(), mark=bytes(4)))
    assert read_micrograph(path).warnings == ("the MAP mark is missing",)
    with pytest.raises(MicrographError, match=r"crafted\.mrc: the MAP mark is missing"):
        read_micrograph(path, strict=True)


@pytest.mark.parametrize("group", [0, 1, 401])
def test_usual_space_groups_are_no_cause_for_a_warning(crafted, group):
    assert read_micrograph(crafted(mrc_bytes(some_pixels(), ispg=group))).warnings == ()


def test_unusual_space_groups_and_axes_are(crafted):
    warnings = read_micrograph(crafted(mrc_bytes(some_pixels(), ispg=-7, axes=(2, 1, 3)))).warnings
    assert [warning for warning in warnings if "-7" in warning]
    assert [warning for warning in warnings if "(2, 1, 3)" in warning]


@pytest.mark.parametrize(
    ("fields", "dtype"),
    [
        ({}, "int8"),
        ({"imod_stamp": IMOD_STAMP, "imod_flags": 1}, "int8"),
        ({"imod_stamp": IMOD_STAMP, "imod_flags": 0}, "uint8"),
        ({"dmin": 3.0, "dmax": 251.0}, "uint8"),
        ({"dmin": -90.0, "dmax": 90.0}, "int8"),
    ],
)
def test_bytes_are_signed_or_not_as_the_header_tells(crafted, fields, dtype):
    stored = np.random.default_rng(0).integers(0, 256, (20, 20)).astype(np.uint8)
    path = crafted(mrc_bytes(stored.view(np.int8), 0, **fields))
    np.testing.assert_array_equal(read_micrograph(path).data, stored.view(dtype).astype(np.float32))
    assert read_header(path).dtype == dtype


def test_half_bytes_in_mode_0_are_twice_as_wide_as_the_header_says(crafted):
    pixels = np.random.default_rng(0).integers(0, 16, (20, 40)).astype(np.uint8)
    packed = half_bytes(pixels).view(np.int8)
    path = crafted(mrc_bytes(packed, 0, imod_stamp=IMOD_STAMP, imod_flags=16))
    np.testing.assert_array_equal(read_micrograph(path).data, pixels)


@pytest.mark.parametrize(
    ("fields", "expected", "doubt"),
    [
        ({}, 1.5, ""),
        ({"cell": (0, 0, 0)}, None, "gives no pixel size"),
        ({"cell": (np.nan, np.nan, 0)}, None, "gives no pixel size"),
        ({"cell": (-20, -20, 0)}, None, "gives no pixel size"),
        ({"cell": (32e-10, 32e-10, 0)}, None, "not credible"),
        ({"cell": (4.5e6, 4.5e6, 0)}, None, "not credible"),
        ({"cell": (32, 32, 1)}, None, "when they know none"),
        ({"mx": 256, "my": 256}, 1.5, "binned"),
        ({"mx": 64, "my": 96, "cell": (80, 120, 1)}, 1.25, "64×96"),
        ({"mx": 64, "my": 64, "cell": (80, 80, 1), "nxstart": 8}, 1.25, "64×64"),
        ({"mx": 0, "my": 0}, 1.5, "0×0"),
        ({"mx": 1, "my": 1, "cell": (1.5, 1.5, 1.5)}, 1.5, ""),
        ({"mx": 100, "my": 100, "cell": (110, 110, 1)}, 1.1, "100×100"),
        ({"cell": (48, 64, 1)}, 1.5, "1.5 Å wide but 2 Å high"),
    ],
)
def test_pixel_size_as_far_as_it_is_credible(crafted, fields, expected, doubt):
    path = crafted(mrc_bytes(some_pixels(shape=(32, 32)), **fields))
    header = read_header(path)
    micrograph = read_micrograph(path)
    assert header.pixel_size == (None if expected is None else pytest.approx(expected))
    assert doubt in header.pixel_size_doubt
    assert bool(doubt) == bool(header.pixel_size_doubt)
    assert micrograph.calibrated is (expected is not None)
    assert micrograph.pixel_size == pytest.approx(expected or 1.0)
    assert read_micrograph(path, pixel_size=2.5).pixel_size == 2.5
    # Who gives a size hears what the header says instead, and nothing of its doubts.
    told = read_micrograph(path, pixel_size=2.5, strict=True).warnings
    assert [f"the header says {expected:.4g} Å" in text for text in told] == [True] * (expected is not None)


@pytest.mark.parametrize("mode", [3, 4, 16])
def test_transforms_and_colours_are_no_micrographs(crafted, mode):
    path = crafted(mrc_bytes(np.zeros((20, 20), np.complex64), mode))
    with pytest.raises(MicrographError, match=f"mode {mode} is "):
        read_micrograph(path)


def test_extended_header_is_skipped_also_where_it_is_lost(crafted):
    pixels = some_pixels()
    whole = crafted(mrc_bytes(pixels, extended=bytes(range(256)) * 2))
    np.testing.assert_array_equal(read_micrograph(whole, strict=True).data, pixels)
    lost = crafted(mrc_bytes(pixels, nsymbt=512), "lost.mrc")
    micrograph = read_micrograph(lost)
    np.testing.assert_array_equal(micrograph.data, pixels)
    assert "extended header of 512 bytes is not there" in micrograph.warnings[0]
    negative = read_micrograph(crafted(mrc_bytes(pixels, nsymbt=-4), "negative.mrc"))
    np.testing.assert_array_equal(negative.data, pixels)


def test_bytes_after_the_pixels_are_ignored_with_a_warning(crafted):
    micrograph = read_micrograph(crafted(mrc_bytes(some_pixels()) + bytes(1234)))
    assert micrograph.warnings == ("1,234 bytes after the pixels are ignored",)


def test_no_sections_in_the_header_means_one(crafted):
    micrograph = read_micrograph(crafted(mrc_bytes(some_pixels(), nz=0)))
    np.testing.assert_array_equal(micrograph.data, some_pixels())


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
@pytest.mark.parametrize("name", ["packed.mrc.gz", "packed.mrc.bz2", "named_wrongly.mrc"])
def test_compressed_files_whatever_their_name(crafted, compress, name):
    pixels = some_pixels()
    path = crafted(compress(mrc_bytes(pixels)), name)
    np.testing.assert_array_equal(read_micrograph(path, strict=True).data, pixels)
    assert read_header(path).compression in ("gzip", "bzip2")


@pytest.mark.parametrize("suffix", ["mrc", "mrcs", "map", "rec", "st", "MRC", "dat"])
def test_the_name_does_not_matter(crafted, suffix):
    assert read_header(crafted(mrc_bytes(some_pixels()), f"x.{suffix}")).format == "MRC"


def test_a_header_is_read_without_the_pixels(crafted):
    # A file of 64 GB that takes no space on disk: reading its pixels would take minutes.
    path = crafted(mrc_bytes(np.zeros((1, 1)), nx=128_000, ny=128_000, mx=128_000, my=128_000))
    with path.open("r+b") as file:
        file.truncate(1024 + 4 * 128_000**2)
    start = time.perf_counter()
    assert read_header(path).shape == (128_000, 128_000)
    assert time.perf_counter() - start < 0.05


def test_the_same_image_gives_the_same_bytes(tmp_path):
    for name in ("one.mrc", "two.mrc"):
        write_mrc(tmp_path / name, some_pixels(), pixel_size=1.1)
    assert (tmp_path / "one.mrc").read_bytes() == (tmp_path / "two.mrc").read_bytes()


def test_other_types_are_written_as_float32(tmp_path):
    write_mrc(tmp_path / "wide.mrc", some_pixels("f8"), pixel_size=1)
    assert read_header(tmp_path / "wide.mrc").mode == 2


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 255), st.integers(0, 223), st.integers(0, 2300))
def test_damage_anywhere_gives_an_image_or_one_clear_error(one_file, byte, offset, length):
    content = bytearray(mrc_bytes(some_pixels("i2", (20, 20)), 1))
    content[offset] = byte
    one_file.write_bytes(content[:length] if length < len(content) else content)
    try:
        data = read_micrograph(one_file).data
    except MicrographError as error:
        data, message = np.zeros(1), str(error)
    else:
        message = str(one_file)
    assert np.isfinite(data).all()
    assert str(one_file) in message
