"""Plots with axes, drawn by matplotlib: the same bytes for the same figures."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.scale import LogScale
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from cryoglean.evaluate import Evaluation
from cryoglean.report.palette import LINES, PALETTE

MIN_POINTS_FOR_A_TREND = 20
"""Of so many points and more, a line shows the trend."""

_SIZE = (5.4, 3.0)
_SQUARE = (5.8, 5.75)
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.7, 0.18, 0.52, 0.12
"""Margins in inches, the same for all, so that plots below each other are in line."""
_TITLE = 0.3
_GROUPS = 30
_MAX_VECTOR_POINTS = 1000
"""More points than this are drawn as pixels, or the page would grow by a hundred bytes for each."""
_DPI_OF_POINTS = 120
_DPI_OF_FILES = 160

_INK, _FAINT, _LINE, _PALE = (PALETTE[name].light for name in ("ink", "faint", "line", "pale"))
_BLUE, _VERMILION = PALETTE["blue"].light, PALETTE["vermilion"].light

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": _FAINT,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": _INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 10,
    "grid.color": _LINE,
    "grid.linewidth": 0.8,
    "legend.edgecolor": "none",
    "legend.facecolor": "none",
    "legend.framealpha": 0,
    "savefig.facecolor": "auto",
    "svg.fonttype": "none",
    "svg.hashsalt": "cryoglean",
    "text.color": _INK,
    "xtick.color": _FAINT,
    "xtick.labelcolor": _INK,
    "xtick.major.size": 3.5,
    "ytick.color": _FAINT,
    "ytick.labelcolor": _INK,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}

P = ParamSpec("P")
R = TypeVar("R")


def _styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw in our style, whatever the user's own settings of matplotlib are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.style.context(["default", _STYLE]):
            return draw(*args, **kwargs)

    return drawn


@dataclass(frozen=True)
class Axis:
    """One axis of a plot.

    Parameters
    ----------
    label : str
        What it shows, with its unit.
    low, high : float, optional
        Where it begins and ends, where that does not follow from what is shown.
    log : bool
        Show logarithms; for counts, of which a single one still stands out from none.
    """

    label: str
    low: float | None = None
    high: float | None = None
    log: bool = False


@dataclass(frozen=True)
class Mark:
    """A line across a plot, and what it is.

    Parameters
    ----------
    at : float
        Where it stands on the horizontal axis.
    text : str
        What is written beside it.
    """

    at: float
    text: str


@dataclass(frozen=True, eq=False)
class Line:
    """One line of several in a plot.

    Parameters
    ----------
    x, y : array, shape (n,)
        Its points; it is interrupted where either is NaN.
    label : str
        What it is.
    """

    x: ArrayLike
    y: ArrayLike
    label: str


@_styled
def histogram(
    edges: ArrayLike,
    counts: ArrayLike,
    *,
    x: Axis,
    y: Axis,
    kept: ArrayLike | None = None,
    marks: Sequence[Mark] = (),
) -> Figure:
    """Draw a histogram.

    Parameters
    ----------
    edges : array, shape (n + 1,)
        Where bins begin and end.
    counts : array, shape (n,)
        How many fall into each.
    x, y : Axis
        The axes.
    kept : array, shape (n,), optional
        How many of each bin are kept, which are coloured; the others are pale. All where it is not given.
    marks : sequence of Mark
        Lines to draw across.

    Returns
    -------
    Figure
        To be made into SVG or PNG.
    """
    edges, counts = np.asarray(edges, np.float64), np.asarray(counts, np.float64)
    # Above the bars there is room for what is written beside the marks.
    room = (4.0 if y.log else 1.15) if marks else 1.05
    top = float(counts.max(initial=1.0)) * room
    figure, axes = _begin(x, y)
    axes.stairs(counts, edges, fill=True, color=_BLUE if kept is None else _PALE)
    if kept is not None:
        axes.stairs(np.asarray(kept, np.float64), edges, fill=True, color=_BLUE)
    first, last = (float(end) for end in edges[[0, -1]])
    x = Axis(x.label, first if x.low is None else x.low, last if x.high is None else x.high)
    _end(axes, x=x, y=Axis(y.label, 0.6 if y.log else 0.0, top), marks=marks)
    return figure


@_styled
def scatter(at: ArrayLike, values: ArrayLike, *, x: Axis, y: Axis, equal: str = "") -> Figure:
    """Draw points, and a line through the medians of groups of them where there are many.

    Parameters
    ----------
    at, values : array, shape (n,)
        The points; those of which either is NaN are left out.
    x, y : Axis
        The axes.
    equal : str
        Draw a line where both are equal, in place of the trend, and write this beside it.

    Returns
    -------
    Figure
        To be made into SVG or PNG.
    """
    both = np.column_stack([at, values]).astype(np.float64)
    both = both[np.isfinite(both).all(axis=1)]
    figure, axes = _begin(x, y)
    many = len(both) > 300
    axes.plot(
        *both.T,
        linestyle="none",
        marker="o",
        markersize=3 if many else 5,
        markeredgewidth=0,
        color=_BLUE,
        alpha=0.45 if many else 0.75,
        clip_on=False,
        rasterized=len(both) > _MAX_VECTOR_POINTS,
    )
    if equal:
        axes.axline((0, 0), slope=1, color=_VERMILION, linewidth=1.2, linestyle=(0, (5, 4)))
        axes.annotate(
            equal, (0, 1), (8, -6), xycoords="axes fraction", textcoords="offset points", va="top",
            color=_VERMILION, fontsize=9,
        )  # fmt: skip
    elif len(both) >= MIN_POINTS_FOR_A_TREND:
        axes.plot(*_trend(both).T, color=_VERMILION, linewidth=1.8)
    _end(axes, x=x, y=y)
    return figure


@_styled
def lines(drawn: Sequence[Line], *, x: Axis, y: Axis, marks: Sequence[Mark] = ()) -> Figure:
    """Draw lines that are told apart by their colours and by a legend.

    Parameters
    ----------
    drawn : sequence of Line
        At most four.
    x, y : Axis
        The axes.
    marks : sequence of Mark
        Lines to draw across.

    Returns
    -------
    Figure
        To be made into SVG or PNG.
    """
    figure, axes = _begin(x, y)
    for line, colour in zip(drawn, LINES, strict=False):
        axes.plot(line.x, line.y, color=PALETTE[colour].light, linewidth=1.8, label=line.label)
    _end(axes, x=x, y=y, marks=marks)
    axes.legend(loc="lower left", fontsize=9)
    return figure


@_styled
def precision_recall_curves(evaluation: Evaluation) -> Figure:
    """Draw precision against recall for each matching distance.

    A dot marks the picks as they are; along the line to it the threshold falls.

    Parameters
    ----------
    evaluation : Evaluation
        Its pooled curves are drawn.

    Returns
    -------
    Figure
        To be made into SVG or PNG.
    """
    recall, precision = Axis("recall", 0.0, 1.0), Axis("precision", 0.0, 1.0)
    figure, axes = _begin(recall, precision, size=_SQUARE)
    axes.grid(visible=True, axis="both")
    axes.set_aspect("equal")
    particles, micrographs = evaluation.pooled[0].particles, len(evaluation.micrographs)
    axes.set_title(
        f"{particles:,} particles in {micrographs:,} micrograph{'' if micrographs == 1 else 's'}", fontsize=11
    )
    for number, (merit, curve) in enumerate(zip(evaluation.pooled, evaluation.curves, strict=True)):
        colour = PALETTE[LINES[number % len(LINES)]].light
        area = "" if merit.average_precision is None else f", AP {merit.average_precision:.3f}"
        # The steps are those whose area is the average precision.
        axes.plot(
            np.append(0.0, curve.recall),
            np.append(curve.precision[:1], curve.precision) if len(curve.score) else [np.nan],
            drawstyle="steps-pre",
            color=colour,
            linewidth=1.8,
            label=f"within {merit.tolerance:g} D: F1 {merit.f1:.3f}{area}",
        )
        # A dot at the very edge, where a good curve ends, is drawn whole.
        axes.plot(merit.recall, merit.precision, "o", color=colour, markersize=8, clip_on=False, zorder=5)
    axes.plot([], [], "o", color=_FAINT, label="the picks as they are")
    _end(axes, x=recall, y=precision)
    axes.legend(loc="lower left", fontsize=10)
    return figure


@_styled
def as_svg(figure: Figure) -> str:
    """Return a figure as an ``<svg>`` element for a page, whose text stays text.

    Parameters
    ----------
    figure : Figure
        Drawn by a function of this module.
    """
    file = io.StringIO()
    figure.savefig(
        file, format="svg", dpi=_DPI_OF_POINTS, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
    )
    svg = file.getvalue()
    # Groups are numbered anew in every figure, but no two elements of a page may have the same name.
    return re.sub(r' id="[A-Za-z0-9.]*[A-Za-z]\d*_\d+"', "", svg[svg.index("<svg") :])


@_styled
def as_png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, on white ground.

    Parameters
    ----------
    figure : Figure
        Drawn by a function of this module.
    """
    file = io.BytesIO()
    figure.savefig(
        file, format="png", dpi=_DPI_OF_FILES, facecolor=PALETTE["ground"].light, metadata={"Software": None}
    )
    return file.getvalue()


def _begin(x: Axis, y: Axis, size: tuple[float, float] = _SIZE) -> tuple[Figure, Axes]:
    """Set up a plot; its axes take in what is drawn until `_end`."""
    width, height = size
    top = _TOP + (_TITLE if size is _SQUARE else 0)
    figure = Figure(figsize=size)
    figure.subplots_adjust(_LEFT / width, _BOTTOM / height, 1 - _RIGHT / width, 1 - top / height)
    axes = figure.add_subplot(xlabel=x.label, ylabel=y.label)
    axes.yaxis.set_label_coords(0.15 / width, (_BOTTOM / height + 1 - top / height) / 2, figure.transFigure)
    for name, axis, described in (("x", axes.xaxis, x), ("y", axes.yaxis, y)):
        if described.log:
            axes.set(**{f"{name}scale": LogScale(axis, nonpositive="clip")})
            axis.set_major_locator(LogLocator(numticks=6))
        else:
            axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: in_short(value)))
    return figure, axes


def _end(axes: Axes, *, x: Axis, y: Axis, marks: Sequence[Mark] = ()) -> None:
    """Let the axes begin and end where they shall, and draw marks across."""
    axes.set(xlim=(x.low, x.high), ylim=(y.low, y.high))
    for mark in marks:
        _draw_mark(axes, mark)


def _draw_mark(axes: Axes, mark: Mark) -> None:
    axes.axvline(mark.at, color=_VERMILION, linewidth=1.2, linestyle=(0, (5, 4)))
    # The text stands on the side where there is room for it.
    low, high = axes.get_xlim()
    on_left = mark.at > (low + high) / 2
    axes.annotate(
        mark.text,
        (mark.at, 1.0),
        (-5 if on_left else 5, -2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if on_left else "left",
        va="top",
        color=_VERMILION,
        fontsize=9,
    )


def _trend(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Medians of groups of neighbours, (groups, 2)."""
    ordered = points[np.argsort(points[:, 0], kind="stable")]
    groups = np.array_split(ordered, min(_GROUPS, len(ordered) // 5))
    return np.array([np.median(group, axis=0) for group in groups])


def in_short(value: float) -> str:
    """Write the number of a tick: 0.25, 1,000, 20k, 3M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(size, 1e4):
            return f"{value / size:g}{letter}"
    return f"{value:,.6g}"
