"""Drawn micrographs with known answers, for the default picker."""

import numpy as np

from cryoglean.types import Micrograph, Picks

DIAMETER_PX = 48.0
PIXEL_SIZE = 2.0


def scattered(shape: tuple[int, int], rng: np.random.Generator, number: int = 40) -> np.ndarray:
    """Places, as x, y, wherever chance puts them but none on another; some are cut by the border."""
    places: list[np.ndarray] = []
    while len(places) < number:
        place = rng.uniform(0, 1, 2) * np.array(shape[::-1])
        if all(np.hypot(*(place - other)) > 1.25 * DIAMETER_PX for other in places):
            places.append(place)
    return np.array(places)


def drawn(
    xy: np.ndarray, shape: tuple[int, int], rng: np.random.Generator, noise: float = 1.5
) -> tuple[Micrograph, Picks]:
    """Draw dark particles with a bright fringe at places x, y, in noise."""
    image = rng.normal(0, noise, shape)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for column, row in xy:
        top, left = max(0, int(row) - 50), max(0, int(column) - 50)
        place = (slice(top, int(row) + 51), slice(left, int(column) + 51))
        r = np.hypot(x[place] - column, y[place] - row)
        beyond = r - DIAMETER_PX / 2
        image[place] += np.tanh(beyond / 1.5) * np.where(beyond < 0, 1, 0.35 * np.exp(-beyond / 5))
    truth = Picks(xy, name="drawn", shape=shape, pixel_size=PIXEL_SIZE)
    return Micrograph(500 + 20 * image, name="drawn", pixel_size=PIXEL_SIZE), truth
