"""Plots show the figures that they are given, and are the same bytes for the same figures."""

import struct
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from cryoglean.evaluate import evaluate
from cryoglean.report.plots import (
    Axis,
    Line,
    Mark,
    as_png,
    as_svg,
    histogram,
    in_short,
    lines,
    precision_recall_curves,
    scatter,
)
from cryoglean.types import Picks

SVG = "{http://www.w3.org/2000/svg}"
BARS = {"x": Axis("score", 0.0, 3.0), "y": Axis("picks")}


def bars(figure: Figure, which: int = 0) -> np.ndarray:
    """Heights of the bars of a histogram."""
    return figure.axes[0].patches[which].get_data().values


def words_in(figure: Figure) -> list[str]:
    return [text.text for text in ElementTree.fromstring(as_svg(figure)).iter(f"{SVG}text")]


def test_bars_are_as_high_as_their_counts_and_kept_ones_lie_before_them() -> None:
    figure = histogram([0, 1, 2, 3], [2, 0, 4], kept=[1, 0, 4], **BARS)
    np.testing.assert_array_equal(bars(figure), [2, 0, 4])
    np.testing.assert_array_equal(bars(figure, 1), [1, 0, 4])
    assert figure.axes[0].patches[1].get_zorder() >= figure.axes[0].patches[0].get_zorder()
    assert figure.axes[0].get_ylim()[0] == 0


def test_logarithms_show_a_single_count() -> None:
    figure = histogram([0, 1, 2], [1, 1_000_000], x=Axis("score"), y=Axis("candidates", log=True))
    assert 0 < figure.axes[0].get_ylim()[0] < 1
    assert "1M" in words_in(figure)


def test_a_histogram_without_counts_can_be_drawn() -> None:
    assert "picks" in words_in(histogram([0, 1], [0], **BARS))


@pytest.mark.parametrize(("at", "side"), [(0.5, "left"), (2.5, "right")])
def test_a_mark_is_labelled_on_the_side_where_there_is_room(at: float, side: str) -> None:
    figure = histogram([0, 1, 2, 3], [1, 1, 1], marks=[Mark(at, "below <1")], **BARS)
    (label,) = figure.axes[0].texts
    assert (label.get_text(), label.get_ha()) == ("below <1", side)
    assert figure.axes[0].lines[0].get_xdata() == [at, at]
    assert "below <1" in words_in(figure)


@pytest.mark.parametrize("number", [0, 1, 19, 20, 400])
def test_points_and_their_trend(number: int) -> None:
    x = np.arange(number, dtype=float)
    points, *trend = scatter(x, x**2, x=Axis("order"), y=Axis("picks", low=0.0)).axes[0].lines
    np.testing.assert_array_equal(points.get_xydata(), np.column_stack([x, x**2]))
    assert len(trend) == (number >= 20)
    if trend:
        assert np.all(np.diff(trend[0].get_ydata()) > 0)


def test_points_without_a_value_are_left_out() -> None:
    figure = scatter([1.0, 2.0, 3.0], [1.0, np.nan, 3.0], x=Axis("defocus"), y=Axis("mean score"))
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), [1.0, 3.0])


def test_many_points_make_no_large_page() -> None:
    x = np.random.default_rng(0).uniform(size=(2, 10_000))
    assert len(as_svg(scatter(*x, x=Axis("order"), y=Axis("picks")))) < 250_000


def test_equality_is_drawn_in_place_of_a_trend() -> None:
    x = np.arange(30.0)
    figure = scatter(x, x, x=Axis("expected"), y=Axis("picks"), equal="as many as expected")
    assert figure.axes[0].lines[1].get_slope() == 1
    assert "as many as expected" in words_in(figure)


def test_lines_are_told_apart_by_a_legend() -> None:
    drawn = [Line([0, 1], [1, 0], "precision"), Line([0, 1], [0, 1], "recall")]
    figure = lines(drawn, x=Axis("threshold", 0.0, 1.0), y=Axis("expected", 0.0, 1.1))
    first, second = figure.axes[0].lines
    assert first.get_color() != second.get_color()
    assert {"precision", "recall"} <= set(words_in(figure))


def test_the_curve_has_the_steps_whose_area_is_the_average_precision() -> None:
    truth = Picks(np.array([[10.0, 10.0], [50.0, 50.0], [90.0, 90.0]]), name="a")
    picks = Picks(
        np.array([[10.0, 10.0], [30.0, 30.0], [50.0, 50.0]]), score=np.array([0.9, 0.8, 0.7]), name="a"
    )
    evaluation = evaluate([truth], [picks], diameter_px=10)
    figure = precision_recall_curves(evaluation)
    curve, dot = figure.axes[0].lines[:2]
    assert curve.get_drawstyle() == "steps-pre"
    recall, precision = curve.get_data()
    area = float(np.sum(np.diff(recall) * precision[1:]))
    assert area == pytest.approx(evaluation.pooled[0].average_precision)
    assert dot.get_data() == ([evaluation.pooled[0].recall], [evaluation.pooled[0].precision])
    assert figure.axes[0].get_xlim() == figure.axes[0].get_ylim() == (0, 1)


def test_the_same_figures_give_the_same_bytes_whatever_the_user_has_set() -> None:
    def drawn() -> tuple[str, bytes]:
        figure = histogram([0, 1, 2, 3], [2, 0, 4], marks=[Mark(0.5, "threshold")], **BARS)
        return as_svg(figure), as_png(figure)

    once = drawn()
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False}):
        assert drawn() == once


def test_two_plots_of_one_page_share_no_name_that_means_something_else() -> None:
    shared: dict[str, str] = {}
    for counts in ([1, 2, 3], [30, 20, 10]):
        tree = ElementTree.fromstring(as_svg(histogram([0, 1, 2, 3], counts, **BARS)))
        for element in tree.iter():
            if name := element.get("id"):
                assert shared.setdefault(name, ElementTree.tostring(element)) == ElementTree.tostring(element)
    assert shared


def test_a_png_file_is_sharp_and_on_white_ground() -> None:
    png = as_png(histogram([0, 1], [1], **BARS))
    width, height = struct.unpack(">II", png[16:24])
    assert min(width, height) > 400


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.25, "0.25"), (1000, "1,000"), (20_000, "20k"), (3e6, "3M"), (0.30000000000000004, "0.3")],
)
def test_ticks_are_written_in_short(value: float, words: str) -> None:
    assert in_short(value) == words
