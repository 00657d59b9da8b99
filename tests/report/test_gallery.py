"""Which micrographs a report shows, and what it says of one that is gone."""

from pathlib import Path

import numpy as np
import pytest

from cryoglean.report.gallery import GalleryItem, draw_item, extremes
from cryoglean.types import Picks


@pytest.mark.parametrize(
    ("number", "parts"), [(0, []), (1, [1]), (6, [6]), (7, [2, 2, 2]), (9, [3, 3, 3]), (10_000, [3, 3, 3])]
)
def test_the_best_the_middle_and_the_worst_are_shown_once(number: int, parts: list[int]) -> None:
    shown = extremes(range(number))
    assert [len(some) for some in shown.values()] == parts
    flat = [one for some in shown.values() for one in some]
    assert len(set(flat)) == len(flat)
    if number > 6:
        assert flat[0] == 0
        assert flat[-1] == number - 1
        assert abs(np.median(shown["In the middle"]) - number / 2) <= 1


def test_a_micrograph_is_drawn_with_its_picks(paths: list[Path]) -> None:
    picks = Picks(np.array([[50.0, 60.0]]), diameter=96.0, pixel_size=4.0, name="mic0")
    drawn = draw_item(GalleryItem(paths[0], picks, "1 pick"))
    assert (drawn.name, drawn.facts, drawn.error) == ("mic0", "1 pick", "")
    assert drawn.picture is not None
    assert drawn.picture.width == 800  # Four times the micrograph's 200 pixels.


def test_one_whose_file_is_gone_says_so(tmp_path: Path) -> None:
    drawn = draw_item(GalleryItem(tmp_path / "gone.mrc", Picks(np.zeros((0, 2))), "no picks"))
    assert drawn.picture is None
    assert "there is no such file" in drawn.error
