"""PNG and JPEG pictures, and TIFF images, in the kinds that occur."""

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryoglean.errors import MicrographError
from cryoglean.io import read_header, read_micrograph

LEVELS = np.random.default_rng(1).integers(0, 256, (40, 50)).astype(np.uint8)
COLOURS = np.random.default_rng(2).integers(0, 256, (40, 50, 3)).astype(np.uint8)
LUMA = COLOURS @ np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_png_is_read_exactly(tmp_path, dtype):
    pixels = LEVELS.astype(dtype) * (257 if dtype == np.uint16 else 1)
    (tmp_path / "grey.png").write_bytes(imagecodecs.png_encode(pixels))
    micrograph = read_micrograph(tmp_path / "grey.png")
    np.testing.assert_array_equal(micrograph.data, pixels)
    assert not micrograph.calibrated
    remark = "PNG files hold no pixel size: lengths are in pixels, unless you give --angpix"
    assert micrograph.warnings == (remark,)
    header = read_header(tmp_path / "grey.png")
    assert (header.format, header.shape, header.dtype) == ("PNG", (40, 50), np.dtype(dtype).name)


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_becomes_luma_with_a_warning(tmp_path, channels):
    opaque = np.full((40, 50, 1), 255, np.uint8)
    pixels = np.concatenate([COLOURS, opaque], axis=2)[..., :channels]
    (tmp_path / "colour.png").write_bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))
    tifffile.imwrite(tmp_path / "colour.tif", pixels, photometric="rgb")
    for name in ("colour.png", "colour.tif"):
        micrograph = read_micrograph(tmp_path / name, pixel_size=1.5)
        np.testing.assert_allclose(micrograph.data, LUMA, rtol=1e-5)
        assert micrograph.warnings == ("a colour picture, turned to grey",)


def test_planes_stored_apart_are_colours_too(tmp_path):
    tifffile.imwrite(
        tmp_path / "planes.tif", np.moveaxis(COLOURS, 2, 0), photometric="rgb", planarconfig="separate"
    )
    np.testing.assert_allclose(read_micrograph(tmp_path / "planes.tif").data, LUMA, rtol=1e-5)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_a_grey_picture_saved_as_colour_keeps_its_levels(tmp_path, channels):
    pixels = np.repeat(LEVELS[..., None], channels, axis=2)
    if channels in (2, 4):
        pixels[..., -1] = 255
    (tmp_path / "grey.png").write_bytes(imagecodecs.png_encode(pixels))
    np.testing.assert_array_equal(read_micrograph(tmp_path / "grey.png").data, LEVELS)


def test_jpeg_is_read_as_decoded(tmp_path):
    smooth = np.tile(np.linspace(20, 220, 64), (48, 1)).astype(np.uint8)
    (tmp_path / "smooth.jpg").write_bytes(imagecodecs.jpeg8_encode(smooth, level=95))
    micrograph = read_micrograph(tmp_path / "smooth.jpg")
    np.testing.assert_allclose(micrograph.data, smooth, atol=3)
    header = read_header(tmp_path / "smooth.jpg")
    assert (header.format, header.shape, header.dtype) == ("JPEG", (48, 64), "uint8")


def test_jpeg_in_colour_has_its_size_in_the_header(tmp_path):
    (tmp_path / "colour.jpg").write_bytes(imagecodecs.jpeg8_encode(COLOURS))
    assert read_header(tmp_path / "colour.jpg").shape == (40, 50)
    assert read_micrograph(tmp_path / "colour.jpg").shape == (40, 50)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float16", "float32"])
def test_tiff_in_every_type_and_compression(tmp_path, compression, dtype):
    pixels = LEVELS.astype(dtype)
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, pixels, compression=compression, photometric="minisblack")
    np.testing.assert_array_equal(read_micrograph(path).data, LEVELS)
    assert read_header(path).dtype == dtype


@pytest.mark.parametrize(
    "options", [{"byteorder": ">"}, {"bigtiff": True}, {"tile": (16, 16)}, {"rowsperstrip": 7}]
)
def test_tiff_in_every_layout(tmp_path, options):
    tifffile.imwrite(tmp_path / "image.tif", LEVELS, photometric="minisblack", **options)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "image.tif").data, LEVELS)


@pytest.mark.parametrize(("unit", "per_unit"), [("CENTIMETER", 1e8), ("INCH", 2.54e8)])
def test_tiff_pixel_size_from_its_resolution(tmp_path, unit, per_unit):
    path = tmp_path / "scaled.tif"
    tifffile.imwrite(path, LEVELS, resolution=(per_unit / 1.25, per_unit / 1.25), resolutionunit=unit)
    assert read_micrograph(path, strict=True).pixel_size == pytest.approx(1.25, rel=1e-6)
    tifffile.imwrite(path, LEVELS, resolution=(300, 300), resolutionunit="INCH")  # a printer's
    micrograph = read_micrograph(path)
    assert not micrograph.calibrated
    assert micrograph.pixel_size == 1


def test_a_stack_by_imagej_in_a_single_page_is_refused(tmp_path):
    # What ImageJ writes above 4 GB: one page, and the other images after it.
    description = "ImageJ=1.53\nimages=3\nslices=3\n"
    tifffile.imwrite(
        tmp_path / "large.tif", LEVELS, photometric="minisblack", description=description, metadata=None
    )
    with pytest.raises(MicrographError, match="ImageJ stack of 3 images"):
        read_micrograph(tmp_path / "large.tif")


@settings(deadline=None, max_examples=100)
@example("jpg", 140, b"\x01")  # the decoder then gives an image without pixels
@given(st.sampled_from(["png", "jpg", "tif"]), st.integers(8, 3000), st.binary(min_size=1, max_size=40))
def test_rotten_pictures_give_an_image_or_one_clear_error(tmp_path_factory, kind, offset, rot):
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"rotten.{kind}"
    if kind == "tif":
        tifffile.imwrite(path, LEVELS, compression="zlib", photometric="minisblack")
        content = bytearray(path.read_bytes())
    else:
        encode = imagecodecs.png_encode if kind == "png" else imagecodecs.jpeg8_encode
        content = bytearray(encode(LEVELS))
    content[offset : offset + len(rot)] = rot
    path.write_bytes(content)
    try:
        data = read_micrograph(path).data
    except MicrographError as error:
        data, message = np.zeros(1), str(error)
    else:
        message = str(path)
    assert np.isfinite(data).all()
    assert str(path) in message


def test_a_header_that_promises_more_than_the_file_can_hold_is_damaged(tmp_path):
    # 65,500² pixels in a few hundred bytes would take minutes and gigabytes to decode.
    content = bytearray(imagecodecs.jpeg8_encode(LEVELS))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = (65_500).to_bytes(2) * 2
    (tmp_path / "promise.jpg").write_bytes(content)
    with pytest.raises(MicrographError, match="the header promises 4,290,250,000 bytes"):
        read_micrograph(tmp_path / "promise.jpg")


def test_jpeg_of_16_bits(tmp_path):
    pixels = LEVELS.astype(np.uint16) * 257
    (tmp_path / "lossless.jpg").write_bytes(imagecodecs.ljpeg_encode(pixels))
    np.testing.assert_array_equal(read_micrograph(tmp_path / "lossless.jpg").data, pixels)
    assert read_header(tmp_path / "lossless.jpg").dtype == "uint16"
