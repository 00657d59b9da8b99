"""Alignment of frames whose movement is known, and their average."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft, ndimage

from cryoglean.movies.alignment import _Band, align_frames, average_frames
from cryoglean.movies.settings import AlignmentConfig

PIXEL_SIZE = 1.5
MARGIN = 32


def moved(spectrum, shift, shape):
    """The scene of this spectrum with its content moved by (x, y) pixels."""
    fy, fx = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])
    return fft.irfft2(
        spectrum * np.exp(-2j * np.pi * fy * shift[1]) * np.exp(-2j * np.pi * fx * shift[0]), shape
    )


@functools.cache
def draw_scene(side, seed=0):
    """Rings of 110 Å on a rough ground, wider than the field by a margin; zero mean and unit spread."""
    rng = np.random.default_rng(seed)
    wide = side + 2 * MARGIN  # a size whose Fourier transform is fast
    impulses = np.zeros((wide, wide))
    impulses[tuple(rng.integers(0, wide, (2, wide * wide // 9000)))] = 1
    y, x = np.mgrid[-40:41, -40:41]
    ring = np.exp(-((np.hypot(y, x) - 30) ** 2) / 40)
    rings = fft.irfft2(fft.rfft2(impulses) * fft.rfft2(ring, impulses.shape), impulses.shape)
    rough = ndimage.gaussian_filter(rng.normal(size=(wide, wide)), 1.5, mode="wrap")
    scene = rings / rings.std() + 0.7 * rough / rough.std()
    return (scene - scene.mean()) / scene.std()


def drift(frames, reach=9.0, seed=0):
    """A path as ice takes it: fast at first, then slow, and never quite smooth."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, frames)
    smooth = reach * np.stack([1 - np.exp(-3 * time), -0.6 * time], axis=1)
    path = smooth + rng.normal(0, 0.2, (frames, 2)).cumsum(axis=0)
    return path - path[0]


def record(path, *, side=640, dose=12.0, contrast=0.12, illumination=0.0, seed=0):
    """Frames of Poisson counts, `dose` electrons a pixel each, of a scene that moves along a path."""
    scene = draw_scene(side)
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    lit = dose * (1 - illumination * ((x - 0.3) ** 2 + (y + 0.2) ** 2))
    inside = slice(MARGIN, -MARGIN)
    spectrum = fft.rfft2(scene)
    expected = [lit * (1 - contrast * moved(spectrum, shift, scene.shape)[inside, inside]) for shift in path]
    return [rng.poisson(np.maximum(frame, 0)).astype(np.float32) for frame in expected]


def errors(found, path):
    """Distances in pixels, apart from a common offset, which moves the average as a whole."""
    difference = found - path
    return np.linalg.norm(difference - difference.mean(axis=0), axis=1)


@pytest.fixture(scope="module")
def path():
    return drift(20)


@pytest.fixture(scope="module")
def frames(path):
    return record(path)


def test_known_shifts_are_found_to_a_tenth_of_a_pixel(frames, path):
    found = align_frames(frames, pixel_size=PIXEL_SIZE)
    assert found.shape == (20, 2)
    assert (found[0] == 0).all()
    assert errors(found, path).max() < 0.1


def test_uneven_light_that_stands_still_does_not_hold_the_frames_back(path):
    found = align_frames(record(path, illumination=0.25), pixel_size=PIXEL_SIZE)
    assert errors(found, path).max() < 0.15


def test_frames_with_hardly_any_signal_still_follow_the_path():
    path = drift(24)
    found = align_frames(record(path, dose=2.0, contrast=0.08), pixel_size=PIXEL_SIZE)
    assert np.sqrt((errors(found, path) ** 2).mean()) < 0.5


def test_alignment_brings_back_what_movement_blurred(frames, path):
    inner = slice(2 * MARGIN, -2 * MARGIN)
    truth = -draw_scene(640)[MARGIN:-MARGIN, MARGIN:-MARGIN][inner, inner].ravel()
    found = align_frames(frames, pixel_size=PIXEL_SIZE)

    def likeness(image):
        return np.corrcoef(image[inner, inner].ravel(), truth)[0, 1]

    still, aligned, best = (average_frames(frames, shifts) for shifts in (path * 0, found, path))
    assert likeness(aligned) > 0.98 * likeness(best)
    assert likeness(aligned) > 1.4 * likeness(still)


def test_time_reversed_frames_have_the_same_shifts_from_the_other_end(frames):
    forward = align_frames(frames, pixel_size=PIXEL_SIZE)
    backward = align_frames(frames[::-1], pixel_size=PIXEL_SIZE)[::-1]
    assert errors(forward, backward).max() < 0.03


def test_frames_may_come_one_at_a_time(frames):
    at_once = align_frames(frames[:5], pixel_size=PIXEL_SIZE)
    np.testing.assert_array_equal(align_frames(iter(frames[:5]), pixel_size=PIXEL_SIZE), at_once)


def test_no_rounds_and_single_frames_give_no_shifts(frames):
    assert (align_frames(frames, AlignmentConfig(iterations=0)) == 0).all()
    assert (align_frames(frames[:1]) == 0).all()
    assert align_frames([]).shape == (0, 2)


def test_shifts_beyond_what_is_believed_are_not_found(frames):
    reach = 2.0
    found = align_frames(
        frames, AlignmentConfig(max_shift=reach * PIXEL_SIZE, iterations=1), pixel_size=PIXEL_SIZE
    )
    assert np.abs(found).max() <= 2 * (reach + 1)


def test_the_b_factor_may_be_none(frames, path):
    cropped = [frame[:128, :200] for frame in frames]
    found = align_frames(cropped, AlignmentConfig(bfactor=0), pixel_size=PIXEL_SIZE)
    assert np.median(errors(found, path)) < 0.5


def test_frames_that_stand_still_average_to_their_mean(frames):
    np.testing.assert_allclose(average_frames(frames, np.zeros((20, 2))), np.mean(frames, axis=0), rtol=1e-5)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(-6, 6), st.integers(-6, 6)), min_size=1, max_size=4))
def test_whole_pixel_shifts_bring_back_the_scene_where_any_frame_saw_it(shifts):
    scene = np.random.default_rng(0).uniform(0, 9, (40, 52)).astype(np.float32)
    frames, seen = [], np.zeros((40, 52), bool)
    for x, y in shifts:
        frame = np.full((40, 52), np.float32(1e3))  # what the scene does not cover must not come through
        rows, columns = (slice(max(0, s), n + min(0, s)) for s, n in ((y, 40), (x, 52)))
        origin = tuple(slice(max(0, -s), n + min(0, -s)) for s, n in ((y, 40), (x, 52)))
        frame[rows, columns] = scene[origin]
        seen[origin] = True
        frames.append(frame)
    average = average_frames(frames, shifts)
    np.testing.assert_allclose(average[seen], scene[seen], atol=0.02)
    assert np.isfinite(average).all()


def test_a_sub_pixel_shift_and_back_is_the_identity():
    scene = draw_scene(96).astype(np.float32)
    there = moved(fft.rfft2(scene), (2.3, -1.7), scene.shape).astype(np.float32)
    back = average_frames([there], [(2.3, -1.7)])
    np.testing.assert_allclose(back[4:-4, 4:-4], scene[4:-4, 4:-4], atol=2e-3)


def test_frames_and_shifts_must_be_as_many(frames):
    with pytest.raises(ValueError, match="shorter"):
        average_frames(frames, np.zeros((3, 2)))
    with pytest.raises(ValueError, match="no frames"):
        average_frames([], np.zeros((0, 2)))


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.37, -1.82), (-2.5, 4.5), (0.49, 0.51)])
def test_the_maximum_is_found_to_a_thousandth_of_a_pixel(shift):
    """On a slanted ridge, where a climb that took x and y one by one would stop short."""
    band = _Band.of((64, 80), bfactor=20.0)
    fy, fx = band.fy[:, None], band.fx
    slanted = np.exp(-900 * (fx + fy) ** 2 - 20 * (fx - fy) ** 2)
    product = slanted * np.exp(-2j * np.pi * (fx * shift[0] + fy * shift[1]))
    np.testing.assert_allclose(band.peak(product.astype(np.complex64), 8.0), shift, atol=2e-3)
