"""Precision-recall curves as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.evaluate import Evaluation
from cryoglean.evaluate.curves import Curve
from cryoglean.report.drawing import LINES, Colour, Picture, write_text

_PAPER: Colour = (255, 255, 255)
_TEXT: Colour = (52, 58, 64)
_GRID: Colour = (226, 230, 234)

_SIDE = 560
_LEFT, _TOP, _RIGHT, _BOTTOM = 78, 52, 28, 66
_SHIFT = 4


def draw_curves(evaluation: Evaluation) -> Picture:
    """Draw precision against recall for each matching distance.

    A dot marks the picks as they are; along the line to it the threshold falls.

    Parameters
    ----------
    evaluation : Evaluation
        Its pooled curves are drawn.

    Returns
    -------
    ndarray of uint8, shape (678, 666, 3)
        Red, green, blue.
    """
    picture = np.full((_TOP + _SIDE + _BOTTOM, _LEFT + _SIDE + _RIGHT, 3), _PAPER, np.uint8)
    _draw_axes(picture)
    particles, micrographs = evaluation.pooled[0].particles, len(evaluation.micrographs)
    heading = f"{particles} particles in {micrographs} micrograph{'' if micrographs == 1 else 's'}"
    write_text(picture, heading, (_LEFT + _SIDE // 2, _TOP // 2), colour=_TEXT, size=0.6, align="centre")
    legend = []
    for number, (merit, curve) in enumerate(zip(evaluation.pooled, evaluation.curves, strict=True)):
        colour = LINES[number % len(LINES)]
        _draw_curve(picture, curve, colour)
        _draw_dot(picture, (merit.recall, merit.precision), colour)
        area = "" if merit.average_precision is None else f", AP {merit.average_precision:.3f}"
        legend.append((f"within {merit.tolerance:g} D: F1 {merit.f1:.3f}{area}", colour))
    _draw_legend(picture, legend)
    return picture


def _at(recall: NDArray[np.float64] | float, precision: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Where a point of the curve lies in the picture, as x, y."""
    return np.stack([_LEFT + _SIDE * np.asarray(recall), _TOP + _SIDE * (1 - np.asarray(precision))], axis=-1)


def _draw_axes(picture: Picture) -> None:
    for tick in np.arange(0, 1.01, 0.2):
        x, y = np.rint(_at(tick, tick)).astype(int).tolist()
        cv2.line(picture, (x, _TOP), (x, _TOP + _SIDE), _GRID, 1)
        cv2.line(picture, (_LEFT, y), (_LEFT + _SIDE, y), _GRID, 1)
        write_text(picture, f"{tick:.1f}", (x, _TOP + _SIDE + 18), colour=_TEXT, align="centre")
        write_text(picture, f"{tick:.1f}", (_LEFT - 10, y), colour=_TEXT, align="right")
    cv2.rectangle(picture, (_LEFT, _TOP), (_LEFT + _SIDE, _TOP + _SIDE), _TEXT, 1)
    write_text(
        picture, "recall", (_LEFT + _SIDE // 2, _TOP + _SIDE + 46), colour=_TEXT, size=0.6, align="centre"
    )
    upright = np.full((30, _SIDE, 3), _PAPER, np.uint8)
    write_text(upright, "precision", (_SIDE // 2, 15), colour=_TEXT, size=0.6, align="centre")
    picture[_TOP : _TOP + _SIDE, 6:36] = np.rot90(upright)


def _draw_curve(picture: Picture, curve: Curve, colour: Colour) -> None:
    """Draw the steps whose area is the average precision."""
    if not len(curve.score):
        return
    recall = np.repeat(np.concatenate([[0.0], curve.recall]), 2)[1:-1]
    points = _at(recall, np.repeat(curve.precision, 2))
    corners: NDArray[np.int32] = np.rint(points * 2**_SHIFT).astype(np.int32)
    cv2.polylines(picture, [corners], False, colour, 2, cv2.LINE_AA, _SHIFT)


def _draw_dot(picture: Picture, place: tuple[float, float], colour: Colour) -> None:
    x, y = np.rint(_at(*place) * 2**_SHIFT).astype(int).tolist()
    cv2.circle(picture, (x, y), 7 << _SHIFT, _PAPER, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    cv2.circle(picture, (x, y), 5 << _SHIFT, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)


def _draw_legend(picture: Picture, entries: Sequence[tuple[str, Colour]]) -> None:
    """Write what each line is into the lower left corner, where a good curve never comes."""
    y = _TOP + _SIDE - 28 * len(entries) - 28
    for text, colour in entries:
        cv2.line(picture, (_LEFT + 18, y), (_LEFT + 46, y), colour, 3, cv2.LINE_AA)
        write_text(picture, text, (_LEFT + 58, y), colour=_TEXT)
        y += 28
    write_text(picture, "dot: the picks as they are", (_LEFT + 58, y), colour=_TEXT)
