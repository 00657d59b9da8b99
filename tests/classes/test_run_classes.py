"""Sorting particles of known shapes into classes."""

import numpy as np
import pytest
from scipy import fft

from cryoglean.classes.poses import Poses, in_class_frame
from cryoglean.classes.run_classes import BOX_PX, CROP_PX, RunClasses, classify, number_of_classes
from tests.classes.particles import Drawn, draw_particles, shapes


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw_particles(np.random.default_rng(7), 240, side=CROP_PX, noise=0.5)


@pytest.fixture(scope="module")
def sorted_(drawn: Drawn) -> RunClasses:
    return classify(drawn.crops, np.full(240, 0.9), classes=4)


def best_agreement(image: np.ndarray, truth: np.ndarray) -> float:
    """The best correlation of an average with a shape, in any turn, shift and mirror image."""
    y, x = np.mgrid[:BOX_PX, :BOX_PX] - BOX_PX // 2
    disc = np.hypot(x, y) < 20
    tried = [
        Poses(np.array([[dx, dy]], float), np.array([float(angle)]), np.array([mirrored]))
        for mirrored in (False, True)
        for angle in range(0, 360, 6)
        for dx in range(-2, 3)
        for dy in range(-2, 3)
    ]
    # A row and a column more, so that the middle is one of the pixels.
    odd = np.pad(truth, ((0, 1), (0, 1)))[None]
    turned = (in_class_frame(odd, pose, BOX_PX)[0, disc] for pose in tried)
    return max(float(np.corrcoef(one, image[disc])[0, 1]) for one in turned)


def test_each_shape_has_classes_of_its_own(drawn: Drawn, sorted_: RunClasses) -> None:
    own = [drawn.shape[sorted_.members == number].mean() for number in range(len(sorted_.images))]
    assert all(share < 0.05 or share > 0.95 for share in own)
    assert min(own) < 0.5 < max(own)


def test_the_largest_class_of_each_shape_is_the_shape(drawn: Drawn, sorted_: RunClasses) -> None:
    assert (np.diff(sorted_.counts) <= 0).all()
    for kind, truth in enumerate(shapes()):
        own = [np.count_nonzero(drawn.shape[sorted_.members == one] == kind) for one in range(4)]
        assert best_agreement(sorted_.images[int(np.argmax(own))], truth) > 0.95


def test_shifts_are_those_of_the_particles(drawn: Drawn, sorted_: RunClasses) -> None:
    errors = []
    for number in range(len(sorted_.images)):
        own = sorted_.members == number
        # The average itself may lie off its middle, by as much for all its members, in its own frame.
        turn = np.deg2rad(sorted_.poses.angle[own])
        off = drawn.shift[own] - sorted_.poses.shift[own]
        x = np.cos(turn) * off[:, 0] - np.sin(turn) * off[:, 1]
        y = np.sin(turn) * off[:, 0] + np.cos(turn) * off[:, 1]
        in_frame = np.column_stack([np.where(sorted_.poses.mirrored[own], -x, x), y])
        errors.append(np.hypot(*(in_frame - np.median(in_frame, axis=0)).T))
        assert np.hypot(*np.median(in_frame, axis=0)) < 1.5
    assert np.median(np.concatenate(errors)) < 1.0
    assert (np.concatenate(errors) < 2.0).mean() > 0.9


def test_particles_are_judged_as_such(sorted_: RunClasses) -> None:
    assert {one.verdict for one in sorted_.judgements} == {"particle"}
    assert sum(one.count for one in sorted_.measures) == 240


def test_the_same_crops_give_the_same_bytes(drawn: Drawn) -> None:
    first, second = (classify(drawn.crops[:60], np.ones(60), classes=2) for _ in range(2))
    assert first.images.tobytes() == second.images.tobytes()
    assert (first.members == second.members).all()
    assert first.measures == second.measures


@pytest.mark.parametrize("number", [1, 3, 9])
def test_a_few_picks_are_one_class_and_doubtful(drawn: Drawn, number: int) -> None:
    made = classify(drawn.crops[:number], np.ones(number))
    assert made.counts.tolist() == [number]
    assert np.isfinite(made.images).all()
    if number < 8:
        assert made.judgements[0].words == "doubtful: few picks"


def test_crops_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="77 x 77"):
        classify(np.zeros((3, 60, 60), np.float32), np.ones(3))
    with pytest.raises(ValueError, match="shape"):
        classify(np.zeros((0, CROP_PX, CROP_PX), np.float32), np.ones(0))


@pytest.mark.parametrize(
    ("picks", "classes"), [(3, 1), (30, 3), (80, 8), (500, 8), (2000, 20), (5000, 50), (20000, 50)]
)
def test_the_number_of_classes_follows_from_that_of_the_picks(picks: int, classes: int) -> None:
    assert number_of_classes(picks) == classes


def test_the_number_of_threads_changes_no_byte(drawn: Drawn) -> None:
    made = []
    for number in (1, 3):
        with fft.set_workers(number):
            made.append(classify(drawn.crops[:150], np.ones(150), classes=2))
    assert made[0].images.tobytes() == made[1].images.tobytes()
    assert made[0].correlation.tobytes() == made[1].correlation.tobytes()
