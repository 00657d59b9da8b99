"""Reading micrographs of any format; every bad file gives one error that names it and the cause."""

import gzip

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cryoglean.errors import MicrographError, OutputError, UsageError
from cryoglean.io import micrograph_name, read_header, read_micrograph, write_mrc, write_png
from cryoglean.io.micrographs import extent
from tests.io.crafting import mrc_bytes

NOISE = np.random.default_rng(0).integers(1, 200, (40, 50)).astype(np.uint8)


def tiff_bytes(pixels, **options):
    import io

    target = io.BytesIO()
    tifffile.imwrite(target, pixels, photometric="minisblack", **options)
    return target.getvalue()


BAD = {
    "empty.mrc": (b"", "the file is empty"),
    "short.mrc": (b"MAP", "3 bytes, the header of an MRC file alone has 1024"),
    "text.mrc": (b"These are not the pixels you are looking for. " * 99, "no format known here begins with"),
    "zeros.mrc": (bytes(5000), "no format known here begins with"),
    "cut.mrc": (mrc_bytes(NOISE)[:-4000], "cut off: 4,000 of the 8,000 bytes of pixels are there (50 %)"),
    "header_only.mrc": (mrc_bytes(NOISE)[:1024], "cut off: 0 of the 8,000 bytes"),
    "cut.mrc.gz": (gzip.compress(mrc_bytes(NOISE))[:-300], "the compressed file is damaged or cut off"),
    "rotten.mrc.gz": (b"\x1f\x8b" + bytes(300), "damaged"),
    "inner_cut.mrc.gz": (gzip.compress(mrc_bytes(NOISE)[:-4000]), "cut off: 4,000 of the 8,000"),
    "constant.mrc": (mrc_bytes(np.full((40, 50), 7)), "every pixel is 7"),
    "nan.mrc": (mrc_bytes(np.full((40, 50), np.nan)), "no pixel is a number"),
    "infinite.mrc": (mrc_bytes(np.full((40, 50), np.inf)), "no pixel is a number"),
    "line.mrc": (mrc_bytes(NOISE[:1]), "50×1 pixels is no micrograph"),
    "sliver.mrc": (mrc_bytes(NOISE[:, :3]), "3×40 pixels is no micrograph"),
    "stack.mrcs": (mrc_bytes(np.stack([NOISE, NOISE])), "a movie or stack of 2 frames"),
    "empty.tif": (b"", "the file is empty"),
    "cut.tif": (tiff_bytes(NOISE)[:-500], "damaged"),
    "cut_lzw.tif": (tiff_bytes(NOISE, compression="lzw")[:-500], "damaged"),
    "rotten.tif": (b"II*\0" + b"\x99" * 400, "damaged"),
    "constant.tif": (tiff_bytes(np.zeros_like(NOISE)), "every pixel is 0"),
    "cut.png": (imagecodecs.png_encode(NOISE)[:-500], "damaged"),
    "header_only.png": (imagecodecs.png_encode(NOISE)[:12], "damaged"),
    "cut.jpg": (imagecodecs.jpeg8_encode(NOISE)[:-500], "cut off"),
    "header_only.jpg": (imagecodecs.jpeg8_encode(NOISE)[:12], "damaged"),
    "constant.png": (imagecodecs.png_encode(np.full_like(NOISE, 9)), "every pixel is 9"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gives_one_error_with_its_name_and_the_cause(tmp_path, name):
    content, cause = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MicrographError) as caught:
        read_micrograph(path)
    assert cause in str(caught.value)
    assert caught.value.path == path
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(MicrographError, match=r"nowhere\.mrc: there is no such file"):
        read_micrograph(tmp_path / "nowhere.mrc")
    with pytest.raises(MicrographError, match="is a folder"):
        read_micrograph(tmp_path)


@pytest.mark.filterwarnings("ignore:Data array contains NaN values")
def test_single_bad_pixels_are_replaced_by_the_median_with_a_warning(tmp_path):
    pixels = NOISE.astype(np.float32)
    pixels[3, 4], pixels[5, 6], pixels[7, 8] = np.nan, np.inf, -np.inf
    write_mrc(tmp_path / "holes.mrc", pixels, pixel_size=1.5)
    micrograph = read_micrograph(tmp_path / "holes.mrc")
    good = np.isfinite(pixels)
    np.testing.assert_array_equal(micrograph.data[good], pixels[good])
    np.testing.assert_array_equal(micrograph.data[~good], np.median(pixels[good]))
    assert micrograph.warnings == ("3 pixels were not numbers (NaN or infinite); replaced by the median",)
    with pytest.raises(MicrographError, match="3 pixels were not numbers"):
        read_micrograph(tmp_path / "holes.mrc", strict=True)


@pytest.mark.filterwarnings("ignore:Data array contains NaN values")
def test_nothing_but_holes_in_a_constant_image_is_an_empty_image(tmp_path):
    pixels = np.full((40, 50), 7, np.float32)
    pixels[0, 0] = np.nan
    write_mrc(tmp_path / "flat.mrc", pixels, pixel_size=1.5)
    with pytest.raises(MicrographError, match="every pixel is 7"):
        read_micrograph(tmp_path / "flat.mrc")


@pytest.mark.parametrize("pixel_size", [0, -1.5, float("nan"), float("inf")])
def test_a_senseless_pixel_size_is_refused(tmp_path, pixel_size):
    write_mrc(tmp_path / "fine.mrc", NOISE, pixel_size=1.5)
    with pytest.raises(UsageError, match="pixel size must be a positive number"):
        read_micrograph(tmp_path / "fine.mrc", pixel_size=pixel_size)


def test_a_micrograph_knows_where_it_came_from(tmp_path):
    path = tmp_path / "May08_03.05.02.mrc"
    write_mrc(path, NOISE, pixel_size=1.5)
    micrograph = read_micrograph(str(path))
    assert (micrograph.name, micrograph.path, micrograph.shape) == ("May08_03.05.02", path, (40, 50))
    assert micrograph.data.dtype == np.float32
    assert not micrograph.data.flags.writeable


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b/x.mrc", "x"),
        ("x.mrc.gz", "x"),
        ("x.MRC.bz2", "x"),
        ("May08_03.05.02.mrc", "May08_03.05.02"),
        ("May08_03.05.02", "May08_03.05.02"),
        ("x.tiff", "x"),
        ("x_fractions.eer", "x_fractions"),
        ("x.mrc.png", "x.mrc"),
    ],
)
def test_names_lose_folders_and_suffixes_of_images_alone(path, name):
    assert micrograph_name(path) == name


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 60), st.integers(1, 60))))
def test_extent_is_the_range_and_nan_where_there_is_one(values):
    low, high = extent(values)
    if np.isnan(values).any():
        assert np.isnan(low)
        assert np.isnan(high)
    else:
        assert (low, high) == (values.min(), values.max())


def test_the_extent_of_an_image_larger_than_a_block_sees_every_row():
    values = np.zeros((1000, 999), np.float32)
    values[-1, 3], values[517, 0] = -4, 9
    assert extent(values) == (-4, 9)


@settings(deadline=None, max_examples=25)
@given(pixels=hnp.arrays(np.uint16, st.tuples(st.integers(16, 40), st.integers(16, 40))))
def test_a_16_bit_png_holds_every_grey_level(tmp_path_factory, pixels):
    path = tmp_path_factory.getbasetemp() / "levels.png"
    pixels[0, :2] = 0, 65535
    write_png(path, pixels)
    np.testing.assert_array_equal(read_micrograph(path).data, pixels)
    assert read_header(path).dtype == "uint16"


def test_png_limits_become_black_and_white(tmp_path):
    ramp = np.tile(np.linspace(0, 10, 41, dtype=np.float32), (20, 1))
    write_png(tmp_path / "ramp.png", ramp, bits=8, limits=(2, 8))
    levels = read_micrograph(tmp_path / "ramp.png").data[0]
    np.testing.assert_array_equal(levels, np.rint(np.clip((ramp[0] - 2) / 6 * 255, 0, 255)))
    with pytest.raises(UsageError, match="8 or 16 bits"):
        write_png(tmp_path / "ramp.png", ramp, bits=12)


def test_the_first_row_is_the_top_row_of_the_picture_and_comes_back_first(tmp_path):
    pixels = NOISE.copy()
    pixels[0] = 255
    write_png(tmp_path / "top.png", pixels, bits=8)
    assert (imagecodecs.imread(tmp_path / "top.png")[0] == 255).all()
    write_mrc(tmp_path / "top.mrc", pixels, pixel_size=1.5)
    (tmp_path / "top.tif").write_bytes(tiff_bytes(pixels))
    for name in ("top.png", "top.mrc", "top.tif"):
        assert (read_micrograph(tmp_path / name).data[0] == 255).all()


def test_views_of_arrays_are_written_as_they_look(tmp_path):
    view = NOISE.T[::-1, ::2]
    write_mrc(tmp_path / "view.mrc", view, pixel_size=1.5)
    write_png(tmp_path / "view.png", view, bits=8, limits=(0, 255))
    for name in ("view.mrc", "view.png"):
        np.testing.assert_array_equal(read_micrograph(tmp_path / name).data, view)


def test_nothing_half_written_stays_behind(tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(OutputError, match="cannot be written"):
        write_mrc(tmp_path / "taken" / "x.mrc", NOISE, pixel_size=1)
    with pytest.raises(ValueError, match="dim"):
        write_mrc(tmp_path / "four.mrc", np.zeros((2, 2, 2, 2, 2), np.float32), pixel_size=1)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_every_real_micrograph(shared):
    paths = sorted(path for path in (shared / "data").rglob("*") if path.suffix in (".mrc", ".png", ".jpg"))
    assert len(paths) > 25
    for path in paths:
        micrograph = read_micrograph(path)
        header = read_header(path)
        assert micrograph.shape == header.shape
        assert np.isfinite(micrograph.data).all()
        assert micrograph.calibrated == (header.pixel_size is not None)


def test_the_real_micrograph_binned_behind_its_headers_back(shared):
    micrograph = read_micrograph(shared / "data" / "apoferritin_binned" / "apoferritin_binned.mrc")
    assert micrograph.pixel_size == pytest.approx(6.32)
    assert "4096×4096" in micrograph.warnings[0]


def test_real_particle_stacks_are_no_micrographs(shared):
    for path in [*(shared / "formats").rglob("*.mrcs"), *(shared / "formats").rglob("*.mrc")]:
        assert read_header(path).frames > 1
        with pytest.raises(MicrographError, match="a movie or stack of"):
            read_micrograph(path)
