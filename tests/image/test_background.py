import cv2
import numpy as np
import pytest

from cryoglean.image.background import blur, clip_outliers, far_from_usual, flatten


@pytest.mark.parametrize("sigma", [1.5, 9.0, 16.0, 24.0, 70.0])
@pytest.mark.parametrize("shape", [(200, 231), (31, 400), (20, 20)])
def test_blurring_on_a_coarse_grid_is_blurring(sigma: float, shape, rng: np.random.Generator) -> None:
    image = (rng.normal(0, 1, shape) + np.linspace(0, 4, shape[1])).astype(np.float32)
    exact = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    np.testing.assert_allclose(blur(image, sigma), exact, atol=0.01)


def test_flattening_takes_the_slope_and_the_unit_away(rng: np.random.Generator) -> None:
    noise = rng.normal(0, 3, (300, 320)).astype(np.float32)
    level = flatten(noise + np.linspace(100, 200, 320, dtype=np.float32), 20)
    assert np.median(level) == pytest.approx(0, abs=0.03)
    assert level.std() == pytest.approx(1, abs=0.03)
    assert np.corrcoef(level.ravel(), noise.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("value", [0.0, 7.0, 1e6, -3e-9])
def test_a_constant_image_is_flat(value: float) -> None:
    assert not flatten(np.full((60, 70), value, np.float32), 12).any()


def test_outliers_are_limited() -> None:
    limited = clip_outliers(np.array([[-9, -1, 0, 2, 30]], np.float32))
    np.testing.assert_array_equal(limited, [[-4, -1, 0, 2, 4]])


def test_a_carbon_edge_is_far_from_usual_and_a_slope_is_not(rng: np.random.Generator) -> None:
    image = rng.normal(0, 1, (400, 400)).astype(np.float32)
    assert far_from_usual(image + np.linspace(0, 3, 400, dtype=np.float32), 20).mean() == 0
    image[:, 340:] -= 8
    foreign = far_from_usual(image, 20)
    assert foreign[:, 370:].all()
    assert not foreign[:, :280].any()
    assert not far_from_usual(image, 20, least=20).any()


@pytest.mark.parametrize(("deviations", "far"), [(9.0, False), (11.0, True), (-9.0, False), (-11.0, True)])
def test_far_from_usual_is_ten_robust_deviations(
    deviations: float, far: bool, rng: np.random.Generator
) -> None:
    image = rng.normal(0, 1, (300, 300)).astype(np.float32)
    smooth = blur(image, 6)
    spread = 1.4826 * float(np.median(np.abs(smooth - np.median(smooth))))
    # An area so wide that its middle keeps its level, and so small that it does not change the spread.
    image[130:170, 130:170] = np.median(smooth) + deviations * spread
    assert far_from_usual(image, 6)[150, 150] == far
