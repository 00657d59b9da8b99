import numpy as np
import pytest

from cryoglean.classes.populations import choose_threshold, find_populations, first_guess


def two_groups(
    separations: list[float], *, share: float, number: int = 4000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Evidence of independent kinds, each with its own separation, and the truth."""
    rng = np.random.default_rng(seed)
    true = rng.random(number) < share
    evidence = rng.normal(size=(number, len(separations))) + np.outer(true, separations)
    return evidence * 3.0 + 7.0, true


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_shares_and_probabilities_are_right(share: float) -> None:
    evidence, true = two_groups([2.0, 1.5, 1.5], share=share)
    found = find_populations(evidence, first_guess(evidence))
    probability = found.probability(found.scores(evidence))
    assert found.share == pytest.approx(share, abs=0.05)
    for low, high in ((0.1, 0.4), (0.4, 0.6), (0.6, 0.9)):
        chosen = (probability > low) & (probability <= high)
        assert true[chosen].mean() == pytest.approx(probability[chosen].mean(), abs=0.15)


def test_evidence_counts_by_how_well_it_separates() -> None:
    evidence, _ = two_groups([3.0, 1.0, 0.0], share=0.5)
    weight = find_populations(evidence, first_guess(evidence)).weight
    assert weight[0] > weight[1] > 3 * weight[2] >= 0


def test_evidence_against_itself_counts_nothing() -> None:
    evidence, true = two_groups([3.0, -2.0], share=0.5)
    found = find_populations(evidence, np.where(true, 0.9, 0.1))
    assert found.weight[1] == 0


def test_the_probability_never_falls_where_the_score_rises() -> None:
    # The broader population would win again far below the narrower one.
    rng = np.random.default_rng(1)
    evidence = np.concatenate([rng.normal(0, 0.3, 600), rng.normal(1.0, 1.5, 900)])[:, None]
    found = find_populations(evidence, first_guess(evidence))
    probability = found.probability(np.linspace(-30, 30, 500))
    assert np.all(np.diff(probability) >= 0)
    assert probability[0] < 0.5 < probability[-1]


def test_the_threshold_keeps_more_in_doubt_and_tells_what_to_expect() -> None:
    evidence, true = two_groups([1.2, 1.2], share=0.5)
    found = find_populations(evidence, first_guess(evidence))
    probability = found.probability(found.scores(evidence))
    threshold = choose_threshold(probability)
    kept = probability >= threshold.score
    assert threshold.score < 0.3
    assert true[kept].mean() == pytest.approx(threshold.precision, abs=0.1)
    assert kept[true].mean() == pytest.approx(threshold.recall, abs=0.1)
    assert kept[true].mean() > 0.85


def test_where_all_is_certain_the_threshold_lies_below_the_particles() -> None:
    probability = np.array([1e-6] * 300 + [1 - 1e-7] * 50)
    threshold = choose_threshold(probability)
    assert 1e-6 < threshold.score < 0.5
    assert threshold.precision == pytest.approx(1.0, abs=1e-3)
