"""Movies: stacks and EER, gain references, orientation, and which frames are used."""

from itertools import chain

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from cryoglean.errors import MicrographError
from cryoglean.io import open_movie, read_header, read_micrograph, write_mrc
from cryoglean.io.movies import correct_gain, orient_gain
from cryoglean.io.settings import MovieConfig
from tests.io.crafting import eer_bytes, eer_frame, mrc_bytes

RNG = np.random.default_rng(3)
FRAMES = RNG.integers(0, 9, (5, 24, 32)).astype(np.uint8)
GAIN = RNG.uniform(0.8, 1.25, (24, 32)).astype(np.float32)


def write_tiff(path, frames, **options):
    with tifffile.TiffWriter(path) as file:
        for frame in frames:
            file.write(frame, photometric="minisblack", **options)


@pytest.fixture
def mrc_movie(tmp_path):
    write_mrc(tmp_path / "movie.mrcs", FRAMES.astype(np.int8), pixel_size=0.9)
    return tmp_path / "movie.mrcs"


@pytest.fixture
def tiff_movie(tmp_path):
    write_tiff(tmp_path / "movie.tif", FRAMES, compression="lzw")
    return tmp_path / "movie.tif"


def test_an_mrc_stack_is_read_frame_by_frame_and_again(mrc_movie):
    movie = open_movie(mrc_movie)
    assert (len(movie), movie.shape, movie.name) == (5, (24, 32), "movie")
    assert movie.pixel_size == pytest.approx(0.9)
    for _ in range(2):
        frames = list(movie)
        np.testing.assert_array_equal(frames, FRAMES)
        assert frames[0].dtype == np.float32


def test_a_tiff_movie_stands_as_the_mrc_files_of_other_programs_do(tiff_movie):
    np.testing.assert_array_equal(list(open_movie(tiff_movie)), FRAMES[:, ::-1])
    np.testing.assert_array_equal(list(open_movie(tiff_movie, MovieConfig(flip_y="no"))), FRAMES)


def test_an_mrc_movie_is_turned_only_on_request(mrc_movie):
    np.testing.assert_array_equal(list(open_movie(mrc_movie, MovieConfig(flip_y="yes"))), FRAMES[:, ::-1])


@pytest.mark.parametrize(
    ("first", "last", "used"), [(1, None, slice(None)), (2, 4, slice(1, 4)), (4, 99, slice(3, 5))]
)
def test_the_frames_asked_for(mrc_movie, first, last, used):
    movie = open_movie(mrc_movie, MovieConfig(first_frame=first, last_frame=last))
    np.testing.assert_array_equal(list(movie), FRAMES[used])
    assert len(movie) == len(FRAMES[used])


def test_frames_beyond_the_end_are_an_error(mrc_movie):
    with pytest.raises(MicrographError, match="5 frames, of which frames 6 to the last were wanted"):
        open_movie(mrc_movie, MovieConfig(first_frame=6))


def test_the_pixel_size_given_wins(mrc_movie, tiff_movie):
    assert open_movie(mrc_movie, MovieConfig(angpix=0.5)).pixel_size == 0.5
    assert open_movie(tiff_movie).pixel_size is None
    remark = "the TIFF tags give no credible pixel size: lengths are in pixels, unless you give --angpix"
    assert open_movie(tiff_movie).warnings == (remark,)
    assert open_movie(tiff_movie, MovieConfig(angpix=0.5)).warnings == ()


def test_the_gain_reference_multiplies_frames(mrc_movie, tmp_path):
    write_mrc(tmp_path / "gain.mrc", GAIN, pixel_size=1.1)
    movie = open_movie(mrc_movie, MovieConfig(gain=tmp_path / "gain.mrc"))
    np.testing.assert_allclose(list(movie), FRAMES * GAIN, rtol=1e-6)


@pytest.mark.parametrize("flip_y", ["auto", "no"])
def test_a_tiff_gain_reference_turns_with_a_tiff_movie_and_one_in_mrc_does_not(tiff_movie, tmp_path, flip_y):
    config = MovieConfig(flip_y=flip_y)
    turn = slice(None, None, -1) if flip_y == "auto" else slice(None)
    write_tiff(tmp_path / "gain.tif", GAIN[None])
    write_mrc(tmp_path / "gain.mrc", GAIN, pixel_size=1.1)
    with_tiff = open_movie(tiff_movie, config.changed(gain=tmp_path / "gain.tif"))
    np.testing.assert_allclose(list(with_tiff), (FRAMES * GAIN)[:, turn], rtol=1e-6)
    with_mrc = open_movie(tiff_movie, config.changed(gain=tmp_path / "gain.mrc"))
    np.testing.assert_allclose(list(with_mrc), FRAMES[:, turn] * GAIN, rtol=1e-6)


def test_gain_references_turn_clockwise_and_then_flip():
    gain = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    turned = orient_gain(gain, MovieConfig(gain_rotation=1))
    np.testing.assert_array_equal(turned, [[4, 1], [5, 2], [6, 3]])
    np.testing.assert_array_equal(orient_gain(gain, MovieConfig(gain_rotation=1, gain_flip=1)), turned[::-1])
    np.testing.assert_array_equal(
        orient_gain(gain, MovieConfig(gain_rotation=1, gain_flip=2)), turned[:, ::-1]
    )


@given(rotation=st.integers(0, 3), flip=st.integers(0, 2))
def test_a_gain_reference_keeps_its_values_in_every_orientation(rotation, flip):
    turned = orient_gain(GAIN, MovieConfig(gain_rotation=rotation, gain_flip=flip))
    assert turned.shape == (GAIN.shape if rotation % 2 == 0 else GAIN.shape[::-1])
    np.testing.assert_array_equal(np.sort(turned.ravel()), np.sort(GAIN.ravel()))


def test_a_gain_reference_that_does_not_fit_says_what_would(mrc_movie, tmp_path):
    write_mrc(tmp_path / "sideways.mrc", GAIN.T, pixel_size=1.1)
    with pytest.raises(MicrographError, match=r"sideways\.mrc.*24×32 pixels.*32×24.*--gain-rotation 1"):
        open_movie(mrc_movie, MovieConfig(gain=tmp_path / "sideways.mrc"))
    write_mrc(tmp_path / "other.mrc", GAIN[:20], pixel_size=1.1)
    with pytest.raises(MicrographError, match=r"other\.mrc.*32×20 pixels.*32×24"):
        open_movie(mrc_movie, MovieConfig(gain=tmp_path / "other.mrc"))


def test_a_gain_reference_at_another_sampling_is_resampled(mrc_movie, tmp_path):
    fine = np.repeat(np.repeat(GAIN, 2, axis=0), 2, axis=1)
    write_mrc(tmp_path / "fine.mrc", fine, pixel_size=0.5)
    movie = open_movie(mrc_movie, MovieConfig(gain=tmp_path / "fine.mrc"))
    np.testing.assert_allclose(movie.gain, GAIN, rtol=1e-6)
    write_mrc(tmp_path / "coarse.mrc", GAIN[::2, ::2], pixel_size=2)
    movie = open_movie(mrc_movie, MovieConfig(gain=tmp_path / "coarse.mrc"))
    np.testing.assert_array_equal(movie.gain[1::2, 1::2], GAIN[::2, ::2])


def test_defects_take_the_mean_of_their_neighbours():
    frame = np.full((20, 20), 3, np.float32)
    frame[10, 10], frame[0, 0] = 1000, 500
    gain = np.full((20, 20), 2, np.float32)
    gain[10, 10] = gain[0, 0] = 0
    np.testing.assert_allclose(correct_gain(frame, gain), 6, rtol=1e-6)
    gain[:15] = 0  # wider than any neighbourhood
    np.testing.assert_allclose(correct_gain(frame, gain), 6, rtol=1e-6)
    assert (correct_gain(frame, np.zeros_like(gain)) == 0).all()


def test_a_movie_that_is_cut_off_is_an_error_and_no_shorter_movie(tmp_path):
    (tmp_path / "cut.mrcs").write_bytes(mrc_bytes(FRAMES.astype(np.int8), 0)[:-100])
    assert "cut off" in read_header(tmp_path / "cut.mrcs").warnings[0]
    with pytest.raises(MicrographError, match="cut off"):
        list(open_movie(tmp_path / "cut.mrcs"))
    write_tiff(tmp_path / "whole.tif", FRAMES, compression="lzw")
    content = (tmp_path / "whole.tif").read_bytes()
    for share in (0.3, 0.6, 0.95):
        (tmp_path / "cut.tif").write_bytes(content[: int(share * len(content))])
        with pytest.raises(MicrographError, match=r"cut\.tif"):
            list(open_movie(tmp_path / "cut.tif"))


def test_frames_of_different_sizes_are_an_error(tmp_path):
    write_tiff(tmp_path / "mixed.tif", [FRAMES[0], FRAMES[1, :20]])
    with pytest.raises(MicrographError, match="frame 2 has"):
        list(open_movie(tmp_path / "mixed.tif"))


def test_a_picture_is_no_movie(tmp_path, shared):
    with pytest.raises(MicrographError, match="a PNG picture, where a movie was wanted"):
        open_movie(shared / "data" / "screening" / "great.png")


# EER ------------------------------------------------------------------------------------------------------


def draw_events(count, shape, seed):
    """Events of one raw frame: at most one a pixel, with a position to a quarter of a pixel."""
    rng = np.random.default_rng(seed)
    pixels = rng.choice(shape[0] * shape[1], count, replace=False)
    return [(int(p // shape[1]), int(p % shape[1]), *map(int, rng.integers(0, 4, 2))) for p in pixels]


def rendered(events, shape, upsampling):
    """Count events on the grid that RELION's --eer_upsampling means."""
    finer = 2 ** (upsampling - 1)
    image = np.zeros((shape[0] * finer, shape[1] * finer))
    for y, x, quarter_y, quarter_x in events:
        image[y * finer + quarter_y * finer // 4, x * finer + quarter_x * finer // 4] += 1
    return image


@pytest.fixture
def eer_movie(tmp_path):
    """Seven raw frames, as events and as a file."""
    shape = (48, 64)
    events = [draw_events(150 + seed, shape, seed) for seed in range(7)]
    path = tmp_path / "movie.eer"
    path.write_bytes(eer_bytes([eer_frame(frame, shape) for frame in events], shape))
    return path, events, shape


@pytest.mark.parametrize("upsampling", [1, 2, 3])
@pytest.mark.parametrize("grouping", [1, 3, 100])
def test_eer_frames_are_rendered_and_grouped(eer_movie, grouping, upsampling):
    path, events, shape = eer_movie
    movie = open_movie(path, MovieConfig(angpix=1.2, eer_grouping=grouping, eer_upsampling=upsampling))
    size = min(grouping, 7)
    groups = [list(chain(*events[start : start + size])) for start in range(0, 7 // size * size, size)]
    expected = [rendered(group, shape, upsampling) for group in groups]
    np.testing.assert_array_equal(list(movie), expected)
    assert len(movie) == len(expected)
    assert movie.shape == expected[0].shape
    assert movie.pixel_size == pytest.approx(1.2 / 2 ** (upsampling - 1))


@pytest.mark.parametrize("options", [{"bits": 1}, {"integrated": True}])
def test_eer_files_as_other_programs_write_them(tmp_path, options):
    shape = (48, 64)
    events = [draw_events(100, shape, seed) for seed in range(3)]
    path = tmp_path / "other.eer"
    path.write_bytes(eer_bytes([eer_frame(frame, shape) for frame in events], shape, **options))
    header = read_header(path)
    assert (header.format, header.shape, header.frames) == ("EER", shape, 3)
    movie = open_movie(path, MovieConfig(eer_grouping=1))
    np.testing.assert_array_equal(list(movie), [rendered(frame, shape, 1) for frame in events])


def test_eer_is_no_micrograph_even_with_one_frame(tmp_path):
    shape = (48, 64)
    (tmp_path / "one.eer").write_bytes(eer_bytes([eer_frame(draw_events(9, shape, 0), shape)], shape))
    with pytest.raises(MicrographError, match="cryoglean average"):
        read_micrograph(tmp_path / "one.eer")


def test_eer_is_divided_by_a_gain_reference_in_mrc_and_multiplied_by_one_in_tiff(eer_movie, tmp_path):
    path, events, shape = eer_movie
    gain = RNG.uniform(0.8, 1.25, shape).astype(np.float32)
    gain[5, 6] = 0
    write_mrc(tmp_path / "gain.mrc", gain, pixel_size=1)
    write_tiff(tmp_path / "camera.gain", gain[None])
    divided = open_movie(path, MovieConfig(gain=tmp_path / "gain.mrc", eer_grouping=7))
    multiplied = open_movie(path, MovieConfig(gain=tmp_path / "camera.gain", eer_grouping=7))
    sound = gain > 0
    counts = rendered(chain(*events), shape, 1)[sound]
    np.testing.assert_allclose(next(iter(divided))[sound], counts / gain[sound], rtol=1e-5)
    np.testing.assert_allclose(next(iter(multiplied))[sound], counts * gain[sound], rtol=1e-5)


def test_a_rotten_eer_frame_is_an_error(eer_movie):
    path, _, _ = eer_movie
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(MicrographError, match=r"movie\.eer"):
        list(open_movie(path))
