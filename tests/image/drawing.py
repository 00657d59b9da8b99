"""Drawn masks with known answers."""

import numpy as np


def discs(shape: tuple[int, int], centres: list[tuple[float, float]], radius: float) -> np.ndarray:
    """Draw discs with centres as x, y."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, bool)
    for cx, cy in centres:
        mask |= np.hypot(x - cx, y - cy) <= radius
    return mask


def rectangle(
    shape: tuple[int, int], centre: tuple[float, float], sides: tuple[float, float], angle: float
) -> np.ndarray:
    """Draw a rectangle, its first side at `angle` degrees from the x axis towards the y axis."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    turn = np.radians(angle)
    along = (x - centre[0]) * np.cos(turn) + (y - centre[1]) * np.sin(turn)
    across = (y - centre[1]) * np.cos(turn) - (x - centre[0]) * np.sin(turn)
    return (np.abs(along) <= sides[0] / 2) & (np.abs(across) <= sides[1] / 2)
