import numpy as np
import pytest

from cryoglean.image.spread import median_deviation, robust_std


def test_it_is_the_standard_deviation_of_normal_values_whatever_a_few_outliers(rng: np.random.Generator):
    values = rng.normal(3.0, 2.0, 100_001)
    assert robust_std(values) == pytest.approx(2.0, rel=0.02)
    values[:500] = 1e9
    assert robust_std(values) == pytest.approx(2.0, rel=0.02)


def test_deviations_are_from_the_mean_where_it_is_known():
    assert robust_std(np.array([1.0, 1.0, 1.0])) == 0
    assert robust_std(np.array([1.0, 1.0, 1.0]), 0.0) == pytest.approx(1.4826)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_the_deviation_keeps_the_precision_of_the_values(precision):
    assert median_deviation(np.array([0, 1, 5], precision)).dtype == precision
