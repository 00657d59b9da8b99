"""Class averages as the report shows them."""

import base64

import cv2
import numpy as np

from cryoglean.report.sections.classes import SIDE_PX, ClassAverage, classes
from tests.report.rendering import text_of


def average(picks: int, judgement: str, *, side: int = 40) -> ClassAverage:
    """A dark disc in weak noise."""
    y, x = np.mgrid[:side, :side] - side / 2
    image = np.random.default_rng(picks).normal(0, 0.05, (side, side)) - (np.hypot(y, x) < side / 4)
    return ClassAverage(image.astype(np.float32), picks, judgement)


def test_the_largest_class_comes_first_with_its_share_and_judgement() -> None:
    text = text_of(classes([average(50, "ice"), average(1150, "particle"), average(0, "doubtful")]))
    assert "Averages of 1,200 picks, aligned to each other in 3 classes" in text
    assert text.index("1,150 (96%) particle") < text.index("50 (4.2%) ice") < text.index("0 (0%) doubtful")


def test_what_is_shown_is_the_average() -> None:
    one = average(10, "particle")
    (shown,) = classes([one]).values["classes"]
    encoded = base64.b64decode(shown["picture"].source.partition(",")[2])
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (SIDE_PX, SIDE_PX)
    small = cv2.resize(picture, one.image.shape, interpolation=cv2.INTER_AREA)
    assert np.corrcoef(small.ravel(), one.image.ravel())[0, 1] > 0.98


def test_a_flat_average_and_none_are_shown_too() -> None:
    flat = ClassAverage(np.zeros((8, 8), np.float32), 3, "doubtful")
    assert "3 (100%) doubtful" in text_of(classes([flat]))
    assert "There are no class averages." in text_of(classes([]))
