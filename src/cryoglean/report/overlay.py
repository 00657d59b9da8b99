"""A micrograph as a picture with its picks drawn on it."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.evaluate import match
from cryoglean.image.defects import inner_part
from cryoglean.report.drawing import (
    ANGSTROM,
    FAINT,
    INK,
    Colour,
    Picture,
    blank,
    colour_map,
    shortened,
    write_text,
)
from cryoglean.types import FloatImage, Micrograph, Picks

HIT: Colour = (64, 224, 208)
FALSE: Colour = (255, 84, 84)
MISSED: Colour = (255, 200, 40)

# Plots are matplotlib's, overlays OpenCV's: a run draws one for every micrograph, in every worker, where
# matplotlib takes a third more time and 90 MiB more memory for the same picture.
_STRIP = 34
_LARGEST_ENLARGEMENT = 4.0
_LEGIBLE_PX = 22.0
_SIDES = 64
# Positions are drawn to a sixteenth of a pixel.
_SHIFT = 4


def draw_overlay(
    micrograph: Micrograph,
    picks: Picks,
    *,
    truth: Picks | None = None,
    diameter: float | None = None,
    longest_px: int | None = None,
    title: str | None = None,
) -> Picture:
    """Draw picks at their true size on a micrograph, with the first stored row on top.

    Round marks are particles and top views, square ones side views. Without truth their colour is the score;
    with truth it tells hits, false picks and, dashed, missed particles.

    Parameters
    ----------
    micrograph : Micrograph
        The background; it is smoothed a little and its contrast stretched.
    picks : Picks
        What to draw.
    truth : Picks, optional
        True particles; a pick within half a diameter of one that no other pick holds is a hit.
    diameter : float, optional
        Å, for picks and true particles without one; a fortieth of the micrograph's longer side where it is
        needed and not given.
    longest_px : int, optional
        Longer side of the micrograph in the picture; 1200 where it is not given, and up to 2400 for small
        particles. Small micrographs are enlarged, up to four times.
    title : str, optional
        The line above; the micrograph's name where it is not given.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Red, green, blue: the micrograph between a strip with title and numbers and one with scales.
    """
    diameter = diameter or max(micrograph.shape) * micrograph.pixel_size / 40
    picks = _in_pixels_of(micrograph, picks, diameter)
    typical_px = float(np.median(picks.diameter_px)) if len(picks) else diameter / micrograph.pixel_size
    longest = max(micrograph.shape)
    longest_px = longest_px or round(min(max(1200, _LEGIBLE_PX * longest / typical_px), 2400))
    scale = min(longest_px / longest, _LARGEST_ENLARGEMENT)
    picture = np.repeat(background(micrograph.data, scale, typical_px)[:, :, None], 3, axis=2)
    top, bottom = blank(_STRIP, picture.shape[1]), blank(_STRIP, picture.shape[1])
    _write_scale_bar(bottom, micrograph, scale)
    if truth is None:
        _draw_marks(picture, picks, colour_map(picks.score), scale=scale)
        noted = [(f"{len(picks)} pick{'' if len(picks) == 1 else 's'}", FAINT)]
        _write_colour_scale(bottom)
    else:
        noted = _draw_comparison(picture, picks, _in_pixels_of(micrograph, truth, diameter), scale=scale)
    _write_heading(top, title or micrograph.name, noted)
    return np.concatenate([top, picture, bottom])


def background(data: FloatImage, scale: float, diameter_px: float) -> Picture:
    """Resize an image for viewing, smooth it a little for its particles and stretch its contrast.

    Parameters
    ----------
    data : ndarray of float32, shape (ny, nx)
        The image, finite.
    scale : float
        Pixels of the picture per pixel of the image.
    diameter_px : float
        Particle diameter in pixels of the image; a twentieth of it is the width of the smoothing.

    Returns
    -------
    ndarray of uint8, shape (height, width)
        Grey levels from the 0.3rd to the 99.7th percentile, so that a few hot pixels, a dark crystal or a
        margin without an image do not flatten all the rest.
    """
    height, width = (max(1, round(n * scale)) for n in data.shape)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(data, (width, height), interpolation=interpolation)
    smooth = cv2.GaussianBlur(resized, (0, 0), max(0.6, diameter_px * scale / 20))
    low, high = np.percentile(smooth[inner_part(np.asarray(smooth, np.float32))], [0.3, 99.7])
    grey = (smooth - low) / max(high - low, np.finfo(np.float32).tiny)
    levels: Picture = np.rint(255 * np.clip(grey, 0, 1)).astype(np.uint8)
    return levels


def _in_pixels_of(micrograph: Micrograph, picks: Picks, diameter: float) -> Picks:
    """Give picks the micrograph's pixel size, and a diameter to those without."""
    # Picks from a file may not know the pixel size, or have another one than the micrograph is read with.
    known = picks.in_pixels or picks.pixel_size is not None
    own = picks.diameter_px if known else picks.diameter / micrograph.pixel_size
    own = np.where(np.isnan(own), diameter / micrograph.pixel_size, own)
    in_angstrom = own * micrograph.pixel_size
    return replace(picks, pixel_size=micrograph.pixel_size, diameter=in_angstrom, in_pixels=False)


def _draw_comparison(
    picture: Picture, picks: Picks, truth: Picks, *, scale: float
) -> list[tuple[str, Colour]]:
    """Draw hits, false picks and missed particles; return what the heading says of them."""
    reach_px = 0.5 * float(np.median(truth.diameter_px)) if len(truth) else 1.0
    matches = match(truth, picks, reach_px)
    missed = truth[np.setdiff1d(np.arange(len(truth)), matches.pairs[:, 0])]
    is_hit = np.isin(np.arange(len(picks)), matches.pairs[:, 1])
    _draw_marks(picture, missed, np.tile(MISSED, (len(missed), 1)), scale=scale, dashed=True)
    _draw_marks(picture, picks, np.where(is_hit[:, None], HIT, FALSE), scale=scale)
    hits = len(matches.pairs)
    return [
        (f"F1 {2 * hits / max(len(truth) + len(picks), 1):.3f}", INK),
        (f"{len(missed)} missed", MISSED),
        (f"{len(picks) - hits} false", FALSE),
        (f"{hits} hits", HIT),
    ]


def _draw_marks(
    picture: Picture, picks: Picks, colours: NDArray[np.integer], *, scale: float, dashed: bool = False
) -> None:
    """Draw the outlines of picks, the best on top, with a dark rim that parts them from the grey."""
    order = np.argsort(picks.score, kind="stable")
    outlines = _outlines(picks[order], scale)
    lines = [_dashes(outline) if dashed else [outline] for outline in outlines]
    thickness = 2 if len(picks) and np.median(picks.diameter_px) * scale > 24 else 1
    rim = picture.copy()
    for line in lines:
        cv2.polylines(rim, line, not dashed, (0, 0, 0), thickness + 1, cv2.LINE_AA, _SHIFT)
    cv2.addWeighted(rim, 0.4, picture, 0.6, 0, dst=picture)
    for line, colour in zip(lines, colours[order].tolist(), strict=True):
        cv2.polylines(picture, line, not dashed, colour, thickness, cv2.LINE_AA, _SHIFT)


def _outlines(picks: Picks, scale: float) -> NDArray[np.int32]:
    """Corners of circles and squares around picks, (n, _SIDES, 2), in fractions of the picture's pixels."""
    angle = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    square = np.clip(math.sqrt(2) * circle, -1, 1)
    shapes = np.where((picks.kind == "side")[:, None, None], square, circle)
    radii = picks.diameter_px[:, None, None] / 2
    # Pixel centres are at integers, so the picture's corner is at -0.5 in both.
    points = (picks.xy[:, None] + shapes * radii + 0.5) * scale - 0.5
    corners: NDArray[np.int32] = np.rint(points * 2**_SHIFT).astype(np.int32)
    return corners


def _dashes(outline: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    return [dash[: _SIDES // 12] for dash in np.split(outline, 8)]


def _write_heading(strip: Picture, title: str, noted: list[tuple[str, Colour]]) -> None:
    right = strip.shape[1] - 14
    for text, colour in noted:
        right -= write_text(strip, text, (right, _STRIP // 2), colour=colour, align="right") + 22
    write_text(strip, shortened(title, right - 14), (14, _STRIP // 2))


def _write_scale_bar(strip: Picture, micrograph: Micrograph, scale: float) -> None:
    """Draw a bar of a round length, about a sixth of the picture wide."""
    unit = micrograph.pixel_size if micrograph.calibrated else 1.0
    wanted = strip.shape[1] / scale * unit / 6
    decade = 10.0 ** math.floor(math.log10(wanted))
    length = max(step * decade for step in (1, 2, 5) if step * decade <= wanted)
    right, middle = 14 + round(length / unit * scale), _STRIP // 2
    cv2.rectangle(strip, (14, middle - 2), (right, middle + 2), INK, cv2.FILLED)
    write_text(strip, f"{length:g} {ANGSTROM if micrograph.calibrated else 'px'}", (right + 12, middle))


def _write_colour_scale(strip: Picture) -> None:
    """Draw the colours of scores from 0 to 1."""
    width, middle, right = 120, _STRIP // 2, strip.shape[1] - 32
    strip[middle - 5 : middle + 5, right - width : right] = colour_map(np.linspace(0, 1, width))
    write_text(strip, "1", (right + 8, middle), colour=FAINT)
    write_text(strip, "score 0", (right - width - 8, middle), colour=FAINT, align="right")
