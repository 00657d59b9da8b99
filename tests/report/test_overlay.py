"""Pictures of picks: what is drawn lies where it should and means what it should.

Of `overlay`, `overlay_file` and `drawing`.
"""

import imagecodecs
import numpy as np
import pytest

from cryoglean.report.drawing import colour_map, shortened, write_picture
from cryoglean.report.overlay import FALSE, HIT, MISSED, background, draw_overlay
from cryoglean.types import Micrograph, Picks

STRIP = 34


def grey(shape: tuple[int, int] = (300, 400), **more: object) -> Micrograph:
    noise = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    return Micrograph(noise, name="grey", pixel_size=2.0, **more)  # type: ignore[arg-type]


def coloured(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Pixels of the micrograph's part, x and y, that have exactly this colour."""
    rows, columns = np.nonzero((picture[STRIP:-STRIP] == colour).all(axis=2))
    return np.column_stack([columns, rows])


def mark_of(picks: Picks, **options: object) -> np.ndarray:
    picture = draw_overlay(grey(), picks, **options)  # type: ignore[arg-type]
    return coloured(picture, tuple(colour_map(picks.score[:1])[0].tolist()))


@pytest.mark.parametrize(("longest_px", "scale"), [(400, 1.0), (1200, 3.0), (200, 0.5)])
def test_a_mark_is_a_circle_of_true_size_around_the_pick(longest_px: int, scale: float) -> None:
    mark = mark_of(Picks(np.array([[120.25, 90.0]]), diameter=160.0, pixel_size=2.0), longest_px=longest_px)
    centre = (np.array([120.25, 90.0]) + 0.5) * scale - 0.5
    radius = np.hypot(*(mark - centre).T)
    assert len(mark) > 50
    assert np.abs(radius - 40 * scale).max() < 2
    np.testing.assert_allclose(mark.mean(axis=0), centre, atol=1)


def test_a_side_view_is_a_square() -> None:
    mark = mark_of(
        Picks(np.array([[150.0, 150.0]]), diameter=160.0, pixel_size=2.0, kind=np.array(["side"])),
        longest_px=400,
    )
    assert np.abs(np.abs(mark - 150).max(axis=1) - 40).max() < 2


def test_truth_tells_hits_false_picks_and_missed_particles_apart() -> None:
    truth = Picks(np.array([[60.0, 60.0], [200.0, 200.0]]), diameter=80.0, pixel_size=2.0)
    picks = Picks(np.array([[64.0, 60.0], [340.0, 100.0]]), diameter=80.0, pixel_size=2.0)
    picture = draw_overlay(grey(), picks, truth=truth, longest_px=400)
    for colour, centre in ((HIT, (64, 60)), (FALSE, (340, 100)), (MISSED, (200, 200))):
        mark = coloured(picture, colour)
        assert len(mark) > 20
        assert np.abs(np.hypot(*(mark - centre).T) - 20).max() < 2


def test_a_missed_particle_is_dashed() -> None:
    one = Picks(np.array([[200.0, 150.0]]), diameter=200.0, pixel_size=2.0)
    nothing = Picks(np.zeros((0, 2)))
    dashed = coloured(draw_overlay(grey(), nothing, truth=one, longest_px=400), MISSED)
    full = mark_of(one, longest_px=400)
    assert 0.4 < len(dashed) / len(full) < 0.8


def test_picks_without_a_diameter_take_the_given_one() -> None:
    mark = mark_of(Picks(np.array([[150.0, 150.0]])), diameter=100.0, longest_px=400)
    assert np.abs(np.hypot(*(mark - 150).T) - 25).max() < 2


@pytest.mark.parametrize(
    "known",
    [
        {"diameter": 100.0, "pixel_size": 2.0},
        {"diameter": 100.0, "pixel_size": None},
        {"diameter": 50.0, "pixel_size": None, "in_pixels": True},
        {"diameter": 200.0, "pixel_size": 4.0},
    ],
)
def test_marks_have_their_size_in_pixels_whatever_picks_know_of_the_pixel_size(
    known: dict[str, object],
) -> None:
    mark = mark_of(Picks(np.array([[150.0, 150.0]]), **known), longest_px=400)
    assert np.abs(np.hypot(*(mark - 150).T) - 25).max() < 2


def test_the_scale_bar_has_a_round_length() -> None:
    """400 pixels of 2 Å: a sixth is 133 Å, so the bar is 100 Å or 50 pixels."""
    strip = draw_overlay(grey(), Picks(np.zeros((0, 2))), longest_px=400)[-STRIP:]
    bar = np.flatnonzero((strip[STRIP // 2, :80] > 200).all(axis=1))
    assert np.ptp(bar) == 50
    assert len(bar) == 51


def test_lengths_are_pixels_where_the_pixel_size_is_unknown() -> None:
    """400 pixels: a sixth is 67, so the bar is 50 pixels, of which each is 2 wide here."""
    strip = draw_overlay(grey(calibrated=False), Picks(np.zeros((0, 2))), longest_px=800)[-STRIP:]
    assert np.ptp(np.flatnonzero((strip[STRIP // 2, :120] > 200).all(axis=1))) == 100


@pytest.mark.parametrize("outlier", [1e6, -1e6])
def test_a_few_hot_pixels_do_not_flatten_the_picture(outlier: float) -> None:
    data = np.random.default_rng(1).normal(size=(500, 500)).astype(np.float32)
    ordinary = background(data, 1.0, 20.0)
    data[100, 100] = outlier
    assert background(data, 1.0, 20.0)[200:].std() == pytest.approx(ordinary[200:].std(), rel=0.1)
    assert ordinary.std() > 40


def test_long_titles_are_shortened_and_do_not_meet_the_numbers() -> None:
    assert shortened("short", 200) == "short"
    first, last = shortened("a" + 500 * "x" + "z", 200).split("...")
    assert (first[0], last[-1]) == ("a", "z")
    assert abs(len(first) - len(last)) <= 1
    assert shortened("x" * 500, 5) == ""
    picture = draw_overlay(grey(), Picks(np.zeros((0, 2))), longest_px=400, title="x" * 500)
    short = draw_overlay(grey(), Picks(np.zeros((0, 2))), longest_px=400, title="")
    np.testing.assert_array_equal(picture[:STRIP, -80:], short[:STRIP, -80:])


def test_a_picture_on_disk_is_the_picture(tmp_path: object) -> None:
    picture = draw_overlay(grey(), Picks(np.array([[120.0, 90.0]]), diameter=100.0, pixel_size=2.0))
    path = tmp_path / "overlay.png"  # type: ignore[operator]
    write_picture(path, picture)
    np.testing.assert_array_equal(imagecodecs.png_decode(path.read_bytes()), picture)
    assert picture.dtype == np.uint8


def test_small_particles_make_a_larger_picture() -> None:
    """At the usual 1200 pixels a particle of 10 pixels would be 4 wide; at 2400 it is 8."""
    micrograph = grey((3000, 3000))
    small = draw_overlay(micrograph, Picks(np.array([[50.0, 50.0]]), diameter=20.0, pixel_size=2.0))
    large = draw_overlay(micrograph, Picks(np.array([[50.0, 50.0]]), diameter=400.0, pixel_size=2.0))
    assert (small.shape[1], large.shape[1]) == (2400, 1200)
