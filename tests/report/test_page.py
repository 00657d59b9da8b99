"""Pages: self-contained, and nothing that a file is called can break them."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from cryoglean.report.gallery import extremes
from cryoglean.report.page import Section, drawing, paragraph, photograph, table, write_page
from cryoglean.report.plots import Axis, Mark, histogram, in_short, round_values, scatter

SVG = "{http://www.w3.org/2000/svg}"


def bars_of(svg: str) -> list[str]:
    """The first path with bars in a histogram, a bar each."""
    filled = [
        path.get("d", "") for path in ElementTree.fromstring(svg).iter(f"{SVG}path") if path.get("fill")
    ]
    return [bar for bar in filled[0].split("z") if bar]


def test_a_page_needs_no_other_file(tmp_path: Path) -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    body = photograph(picture, "a micrograph") + drawing(picture, "a curve") + paragraph("Text")
    write_page(tmp_path / "page.html", "Title", lead="", sections=[Section("One", body)])
    page = (tmp_path / "page.html").read_text()
    assert "src='data:image/jpeg;base64," in page
    assert "src='data:image/png;base64," in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_names_are_escaped(tmp_path: Path) -> None:
    # After the quotes stands a byte in no encoding, as old file systems have them.
    name = "a<b>&'\"\udcff.mrc"
    sections = [Section(name, table([name], [[name]]))]
    write_page(tmp_path / "page.html", name, lead="", sections=sections)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("a&lt;b&gt;&amp;&#x27;&quot;?.mrc") == 5
    assert "<b>" not in page


def test_bars_are_as_high_as_their_counts() -> None:
    svg = histogram([0, 1, 2, 3], [2, 0, 4], x=Axis("score"), y=Axis("picks", low=0.0))
    left, right = bars_of(svg)
    (left_top, left_bottom), (right_top, right_bottom) = (
        (float(bar.split("V")[1].split("H")[0]), float(bar.split("M")[1].split()[1].split("V")[0]))
        for bar in (left, right)
    )
    assert left_bottom == right_bottom
    assert (right_bottom - right_top) == pytest.approx(2 * (left_bottom - left_top), abs=0.2)


def test_logarithms_show_a_single_count() -> None:
    svg = histogram([0, 1, 2], [1, 1_000_000], x=Axis("score"), y=Axis("candidates", log=True))
    assert len(bars_of(svg)) == 2
    assert ">1M</text>" in svg


def test_a_mark_is_labelled_and_escaped() -> None:
    svg = histogram([0, 1], [1], x=Axis("score"), y=Axis("picks"), marks=[Mark(0.5, "below <1")])
    assert "below &lt;1" in svg
    ElementTree.fromstring(svg)


@pytest.mark.parametrize("number", [0, 1, 19, 20, 400])
def test_points_and_their_trend(number: int) -> None:
    x = np.arange(number, dtype=float)
    svg = ElementTree.fromstring(scatter(x, x**2, x=Axis("order"), y=Axis("picks", low=0.0)))
    points = sum(path.get("d", "").count("h0") for path in svg.iter(f"{SVG}path"))
    assert points == number
    assert len(list(svg.iter(f"{SVG}polyline"))) == (number >= 20)


def test_points_without_a_value_are_left_out() -> None:
    svg = scatter([1.0, 2.0, 3.0], [1.0, np.nan, 3.0], x=Axis("defocus"), y=Axis("mean score"))
    assert svg.count("h0") == 2


@pytest.mark.parametrize("ends", [(0, 1), (0, 7), (0.93, 1.0), (-3, 12_345), (0, 3e6)])
def test_ticks_are_round_and_inside(ends: tuple[float, float]) -> None:
    ticks = round_values(*ends)
    assert 3 <= len(ticks) <= 9
    assert min(ticks) >= ends[0]
    assert max(ticks) <= ends[1]
    assert all(len(in_short(tick)) <= 6 for tick in ticks)


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
