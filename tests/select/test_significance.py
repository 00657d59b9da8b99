import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryoglean.select.significance import Mixture, count_beyond_noise, fit_mixture


def similarities(rng: np.random.Generator, noise: int, particles: int) -> tuple[np.ndarray, np.ndarray]:
    own = np.concatenate([rng.normal(0.2, 0.05, noise), rng.normal(0.7, 0.06, particles)])
    return own, rng.normal(0.2, 0.05, max(noise, 20))


@pytest.mark.parametrize(("noise", "particles"), [(300, 100), (300, 8), (60, 200), (1000, 1000)])
def test_two_populations_are_told_apart(noise: int, particles: int, rng: np.random.Generator) -> None:
    own, opposite = similarities(rng, noise, particles)
    sure = fit_mixture(own, opposite).probability(own) > 0.5
    assert sure[noise:].mean() > 0.97
    assert sure[:noise].mean() < 0.02


def test_probabilities_are_calibrated(rng: np.random.Generator) -> None:
    own = np.concatenate([rng.normal(0.2, 0.08, 3000), rng.normal(0.5, 0.08, 1500)])
    probability = fit_mixture(own, rng.normal(0.2, 0.08, 3000)).probability(own)
    assert probability.sum() == pytest.approx(1500, rel=0.06)
    doubtful = (probability > 0.3) & (probability < 0.7)
    assert 0.3 < doubtful[3000:].sum() / doubtful.sum() < 0.7


def test_noise_alone_holds_no_particle(rng: np.random.Generator) -> None:
    for _ in range(20):
        own, opposite = similarities(rng, 400, 0)
        assert (fit_mixture(own, opposite).probability(own) > 0.5).sum() <= 2


def test_a_crowd_is_told_from_its_gaps(rng: np.random.Generator) -> None:
    own = np.concatenate([rng.normal(0.15, 0.05, 80), rng.normal(0.75, 0.06, 150)])
    mixture = fit_mixture(own, rng.normal(0.45, 0.1, 150))
    assert (mixture.probability(own) > 0.5)[80:].mean() > 0.95
    assert mixture.separation() > 2.2


@given(
    st.lists(st.floats(-1, 1), max_size=60),
    st.lists(st.floats(-1, 1), max_size=60),
    st.integers(0, 40),
)
def test_probability_never_falls_with_similarity(own: list[float], opposite: list[float], above: int) -> None:
    values = np.concatenate([np.array(own), np.linspace(0.6, 0.9, above)])
    mixture = fit_mixture(values, np.array(opposite))
    probability = mixture.probability(np.linspace(-1, 1, 201))
    assert np.all(np.isfinite(probability))
    assert np.all((probability >= 0) & (probability <= 1))
    assert np.all(np.diff(probability) >= 0)


def test_order_of_the_candidates_does_not_matter(rng: np.random.Generator) -> None:
    own, opposite = similarities(rng, 200, 50)
    order = rng.permutation(len(own))
    first = fit_mixture(own, opposite).probability(own)[order]
    np.testing.assert_allclose(fit_mixture(own[order], opposite).probability(own[order]), first, atol=1e-6)


def test_no_candidates_have_no_probability() -> None:
    assert len(fit_mixture(np.zeros(0), np.zeros(0)).probability(np.zeros(0))) == 0


def test_separation_is_ashmans() -> None:
    mixture = Mixture(np.array([0.5, 0.25, 0.25]), np.array([0.0, 4.0, 4.0]), np.ones(3))
    assert mixture.separation() == pytest.approx(4.0)


def test_what_noise_explains_is_not_counted() -> None:
    opposite = np.linspace(0.1, 0.5, 41)  # All but the five highest stay below 0.45.
    own = np.concatenate([opposite, np.linspace(0.6, 0.9, 100)])
    # Six of noise lie above, and twice that number is taken off.
    assert count_beyond_noise(own, opposite) == 105 - 12
    assert count_beyond_noise(opposite, opposite) == 0


def test_without_enough_maxima_of_noise_nothing_is_beyond_it() -> None:
    assert count_beyond_noise(np.full(100, 0.9), np.full(5, 0.1)) == 0
    assert count_beyond_noise(np.full(100, 0.9), np.full(6, 0.1)) == 88
