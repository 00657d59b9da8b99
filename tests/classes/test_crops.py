"""Crops about points."""

import numpy as np

from cryoglean.classes.crops import cut_crops, halved


def blob(at: tuple[float, float], shape: tuple[int, int], width: float) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * width**2)).astype(np.float32)


def test_the_point_is_the_middle_pixel(rng: np.random.Generator) -> None:
    image = rng.normal(size=(40, 50)).astype(np.float32)
    (crop,) = cut_crops(image, [[20, 15]], 9)
    assert np.allclose(crop, image[11:20, 16:25], atol=1e-5)


def test_fractions_of_a_pixel_are_kept() -> None:
    image = blob((20.4, 15.7), (40, 50), 3.0)
    (crop,) = cut_crops(image, [[20.4, 15.7]], 21)
    assert np.allclose(crop, blob((10, 10), (21, 21), 3.0), atol=0.04)


def test_there_are_zeros_beyond_the_border() -> None:
    crops = cut_crops(np.ones((20, 30), np.float32), [[0, 0], [29, 19], [-40, 5], [5, 400]], 7)
    assert crops[0].sum() == crops[1].sum() == 16
    assert not crops[2:].any()
    assert cut_crops(np.ones((20, 30), np.float32), np.zeros((0, 2)), 7).shape == (0, 7, 7)


def test_the_middle_stays_the_middle_at_half_the_scale() -> None:
    small = halved(blob((38, 38), (77, 77), 6.0)[None])
    assert small.shape == (1, 39, 39)
    assert np.allclose(small[0], blob((19, 19), (39, 39), 3.1), atol=0.05)
    assert halved(np.zeros((0, 77, 77), np.float32)).shape == (0, 39, 39)
