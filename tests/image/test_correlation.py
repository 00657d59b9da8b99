import numpy as np
import pytest

from cryoglean.image.correlation import SMALLEST_VISIBLE_PART, correlate, plan_correlation
from cryoglean.image.peaks import find_peaks
from cryoglean.image.radial import disc_template

RADIUS_PX, MARGIN = 6.3, 3


def pearson(image: np.ndarray, template: np.ndarray, x: int, y: int) -> float:
    """Pearson correlation, by its definition, of the parts of window and template inside the image."""
    half = template.shape[0] // 2
    window = disc_template(2 * RADIUS_PX, half).astype(float)
    dy, dx = np.mgrid[-half : half + 1, -half : half + 1]
    inside = (y + dy >= 0) & (y + dy < image.shape[0]) & (x + dx >= 0) & (x + dx < image.shape[1])
    values, weight = image[(y + dy)[inside], (x + dx)[inside]].astype(float), window[inside]
    # The window weighs the template twice: once where it is centred, once where it is compared.
    centred = (template - (template * window).sum() / window.sum()) * window
    own = centred[inside]
    values_mean, own_mean = (values * weight).sum() / weight.sum(), own.sum() / weight.sum()
    above = (values * own).sum() - values_mean * own.sum()
    below = (values**2 * weight).sum() - values_mean**2 * weight.sum()
    below *= (own**2).sum() - own_mean**2 * weight.sum()
    return above / np.sqrt(below) * np.sqrt(weight.sum() / window.sum())


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, 1, (40, 53)).astype(np.float32)


@pytest.fixture
def template(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(2, 1, (15, 15)).astype(np.float32)


@pytest.mark.parametrize(
    ("x", "y"), [(20, 20), (26, 30), (0, 0), (52, 39), (0, 20), (30, 39), (3, 1), (-2, 20), (52, 42), (48, 5)]
)
def test_it_is_pearsons_inside_and_at_the_border(x: int, y: int, image, template) -> None:
    values = correlate(plan_correlation(image, radius_px=RADIUS_PX, margin=MARGIN), template)
    assert values.shape == (46, 59)
    seen = values[y + MARGIN, x + MARGIN]
    visible = disc_template(2 * RADIUS_PX, 7)
    dy, dx = np.mgrid[-7:8, -7:8]
    inside = (y + dy >= 0) & (y + dy < 40) & (x + dx >= 0) & (x + dx < 53)
    if visible[inside].sum() < SMALLEST_VISIBLE_PART * visible.sum():
        assert seen == -1
    else:
        assert seen == pytest.approx(pearson(image, template, x, y), abs=2e-5)


def test_a_template_in_the_image_is_found_with_correlation_one(image, template) -> None:
    round_template = template * disc_template(2 * RADIUS_PX - 1, 7)
    image[12:27, 20:35] = 3 * round_template + 1
    values = correlate(plan_correlation(image, radius_px=RADIUS_PX, margin=0), round_template)
    assert np.unravel_index(values.argmax(), values.shape) == (19, 27)
    assert values.max() == pytest.approx(1, abs=0.03)


def test_scale_and_offset_do_not_matter(image, template) -> None:
    first = correlate(plan_correlation(image, radius_px=RADIUS_PX, margin=MARGIN), template)
    second = correlate(plan_correlation(3 * image + 2, radius_px=RADIUS_PX, margin=MARGIN), 7 * template - 4)
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_correlation_follows_a_flip(image, template) -> None:
    first = correlate(plan_correlation(image, radius_px=RADIUS_PX, margin=MARGIN), template)
    flipped = plan_correlation(image[:, ::-1].copy(), radius_px=RADIUS_PX, margin=MARGIN)
    np.testing.assert_allclose(correlate(flipped, template[:, ::-1])[:, ::-1], first, atol=1e-4)


def test_an_image_without_signal_correlates_with_nothing(template) -> None:
    values = correlate(plan_correlation(np.zeros((30, 30), np.float32), radius_px=6.3, margin=0), template)
    assert np.abs(values[10:-10, 10:-10]).max() == 0


def test_peaks_are_found_below_a_pixel() -> None:
    y, x = np.mgrid[:60, :70]
    places = np.array([(20.3, 31.6), (50.0, 12.25)])
    image = sum(
        h * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 30) for (a, b), h in zip(places, (2, 1), strict=True)
    )
    xy, height = find_peaks(image.astype(np.float32), 5)
    np.testing.assert_allclose(xy[:2], places, atol=0.03)
    assert height[0] > height[1]


def test_peaks_are_as_far_apart_as_asked(rng: np.random.Generator) -> None:
    xy, height = find_peaks(rng.normal(0, 1, (80, 90)).astype(np.float32), 4)
    pixel = np.rint(xy)
    gaps = np.abs(pixel[:, None] - pixel).max(axis=2) + 99 * np.eye(len(xy))
    assert gaps.min() >= 4
    assert np.all(np.diff(height) <= 0)


def test_a_plateau_is_no_peak() -> None:
    assert len(find_peaks(np.full((30, 40), 3, np.float32), 4)[0]) == 0
