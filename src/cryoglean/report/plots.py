"""Plots as inline SVG: sharp at any size, printable, a few kilobytes, and no library to carry."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cryoglean.report.drawing import LINES

_WIDTH, _HEIGHT = 480, 270
_LEFT, _TOP, _RIGHT, _BOTTOM = 70, 16, 16, 46
_INK, _GRID, _PALE = "#343a40", "#e2e6ea", "#c3ccd4"
_BLUE, _RED = ("#{:02x}{:02x}{:02x}".format(*colour) for colour in LINES[:2])
_GROUPS = 30
MIN_FOR_A_LINE = 20
"""Of so many points and more, a line shows the trend."""


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
        Show logarithms; for counts, of which 0 lies on the axis.
    """

    label: str
    low: float | None = None
    high: float | None = None
    log: bool = False

    def fitted(self, values: NDArray[np.float64]) -> Axis:
        """Return the axis with ends that take in all values."""
        low = float(values.min()) if self.low is None else self.low
        high = float(values.max()) if self.high is None else self.high
        if high <= low:
            margin = 0.05 * abs(low) or 0.5
            low, high = (low - margin if self.low is None else low), high + margin
        elif self.low is None or self.high is None:
            margin = 0.04 * (high - low)
            low = low - margin if self.low is None else low
            high = high + margin if self.high is None else high
        return Axis(self.label, low, high, self.log)

    def share(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where values lie between the ends, from 0 to 1."""
        low, high, at = (np.asarray(self._scaled(v)) for v in (self.low, self.high, values))
        return np.asarray(np.clip((at - low) / (high - low), 0, 1))

    def ticks(self) -> list[float]:
        """Round values between the ends."""
        if self.low is None or self.high is None:
            raise ValueError("an axis has ticks when it has ends")
        if self.log:
            top = max(0, math.floor(math.log10(self.high)))
            return [10.0**power for power in range(0, top + 1, 1 + top // 6)]
        return round_values(self.low, self.high)

    def _scaled(self, values: ArrayLike | None) -> NDArray[np.float64]:
        numbers = np.asarray(values, np.float64)
        return np.log10(np.maximum(numbers, 0.6)) if self.log else numbers


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


def round_values(low: float, high: float, about: int = 5) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten from `low` to `high`, `about` as many as that."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((1, 2, 5, 10), key=lambda factor: abs(math.log(factor * power / rough))) * power
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def in_short(value: float) -> str:
    """Write the number of a tick: 0.25, 1,000, 20k, 3M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(size, 1e4):
            return f"{value / size:g}{letter}"
    return f"{value:,.6g}"


def histogram(
    edges: ArrayLike,
    counts: ArrayLike,
    *,
    x: Axis,
    y: Axis,
    kept: ArrayLike | None = None,
    marks: Sequence[Mark] = (),
) -> str:
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
    str
        An ``<svg>`` element.
    """
    edges, counts = np.asarray(edges, np.float64), np.asarray(counts, np.float64)
    # Above the bars there is room for what is written beside the marks.
    room = (3.0 if y.log else 1.12) if marks else 1.0
    plot = _Plot(x.fitted(edges), y.fitted(np.append(counts * room, 0.6 if y.log else 0.0)))
    plot.bars(edges, counts, _BLUE if kept is None else _PALE)
    if kept is not None:
        plot.bars(edges, np.asarray(kept, np.float64), _BLUE)
    for mark in marks:
        plot.mark(mark)
    return plot.drawn()


def scatter(at: ArrayLike, values: ArrayLike, *, x: Axis, y: Axis) -> str:
    """Draw points, and a line through the medians of groups of them where there are many.

    Parameters
    ----------
    at, values : array, shape (n,)
        The points; those of which either is NaN are left out.
    x, y : Axis
        The axes.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    both = np.column_stack([at, values]).astype(np.float64)
    both = both[np.isfinite(both).all(axis=1)]
    if not len(both):
        return _Plot(x.fitted(np.array([0.0, 1.0])), y.fitted(np.array([0.0, 1.0]))).drawn()
    plot = _Plot(x.fitted(both[:, 0]), y.fitted(both[:, 1]))
    plot.points(both)
    if len(both) >= MIN_FOR_A_LINE:
        ordered = both[np.argsort(both[:, 0], kind="stable")]
        groups = np.array_split(ordered, min(_GROUPS, len(ordered) // 5))
        plot.line(np.array([np.median(group, axis=0) for group in groups]))
    return plot.drawn()


class _Plot:
    """The elements of one plot, drawn one over the other."""

    def __init__(self, x: Axis, y: Axis) -> None:
        self._x, self._y = x, y
        self._elements = [self._axes()]

    def drawn(self) -> str:
        name = html.escape(f"{self._y.label} against {self._x.label}", quote=True)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{name}" font-size="13" fill="{_INK}">{"".join(self._elements)}</svg>'
        )

    def bars(self, edges: NDArray[np.float64], counts: NDArray[np.float64], colour: str) -> None:
        left, top = self._at(edges[:-1], counts)
        right, bottom = self._at(edges[1:], np.zeros_like(counts))
        corners = zip(left, right, top, bottom, counts, strict=True)
        path = "".join(f"M{a:.1f} {d:.1f}V{c:.1f}H{b:.1f}V{d:.1f}z" for a, b, c, d, n in corners if n)
        self._elements.append(f'<path d="{path}" fill="{colour}" stroke="#fff" stroke-width=".5"/>')

    def points(self, points: NDArray[np.float64]) -> None:
        x, y = self._at(points[:, 0], points[:, 1])
        # Lines without length and with round ends: a point in a dozen bytes.
        path = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y, strict=True))
        size = 5 if len(points) < 300 else 3
        self._elements.append(
            f'<path d="{path}" stroke="{_BLUE}" stroke-width="{size}" stroke-linecap="round" '
            f'stroke-opacity="{0.75 if len(points) < 300 else 0.45}" fill="none"/>'
        )

    def line(self, points: NDArray[np.float64]) -> None:
        corners = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(*self._at(*points.T), strict=True))
        self._elements.append(f'<polyline points="{corners}" fill="none" stroke="{_RED}" stroke-width="2"/>')

    def mark(self, mark: Mark) -> None:
        at = float(self._at(np.array([mark.at]), np.zeros(1))[0][0])
        # The text stands on the side where there is room for it.
        side, anchor = (6, "start") if at < _WIDTH / 2 else (-6, "end")
        self._elements.append(
            f'<path d="M{at:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="{_RED}" stroke-width="1.5" '
            f'stroke-dasharray="5 4"/>' + _text(mark.text, (at + side, _TOP + 11), anchor=anchor, colour=_RED)
        )

    def _at(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where values lie in the picture."""
        width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return _LEFT + width * self._x.share(x), _TOP + height * (1 - self._y.share(y))

    def _axes(self) -> str:
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        drawn = []
        for tick in self._y.ticks():
            at = float(self._at(np.zeros(1), np.array([tick]))[1][0])
            drawn.append(f'<path d="M{_LEFT} {at:.1f}H{right}" stroke="{_GRID}"/>')
            drawn.append(_text(in_short(tick), (_LEFT - 7, at + 4.5), anchor="end"))
        for tick in self._x.ticks():
            at = float(self._at(np.array([tick]), np.zeros(1))[0][0])
            drawn.append(f'<path d="M{at:.1f} {bottom}v5" stroke="{_INK}"/>')
            drawn.append(_text(in_short(tick), (at, bottom + 19), anchor="middle"))
        drawn.append(f'<path d="M{_LEFT} {bottom}H{right}" stroke="{_INK}"/>')
        drawn.append(_text(self._x.label, ((_LEFT + right) / 2, _HEIGHT - 7), anchor="middle"))
        middle = (_TOP + bottom) / 2
        turned = f'transform="rotate(-90 14 {middle:.0f})"'
        return "".join(drawn) + _text(self._y.label, (14, middle), anchor="middle", more=turned)


def _text(text: str, at: tuple[float, float], *, anchor: str, colour: str = _INK, more: str = "") -> str:
    return (
        f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" fill="{colour}" {more}>'
        f"{html.escape(text)}</text>"
    )
