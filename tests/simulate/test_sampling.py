import numpy as np
import pytest
from pydantic import ValidationError

from cryoglean.errors import UsageError
from cryoglean.settings import Range
from cryoglean.simulate.sampling import sample, sample_conditions
from cryoglean.simulate.settings import Conditions, SimulationConfig

SECTIONS = ("optics", "exposure", "ice", "crowd", "contaminants")


def test_every_value_lies_in_its_range():
    config = SimulationConfig()
    for seed in range(50):
        made = sample_conditions(config, np.random.default_rng(seed))
        for section in SECTIONS:
            ranges, values = getattr(config, section), getattr(made, section)
            for name in type(ranges).model_fields:
                wanted = getattr(ranges, name)
                if isinstance(wanted, Range):
                    value = getattr(values, name)
                    assert value == 0 or wanted.low - 0.5 <= value <= wanted.high + 0.5, name
        assert config.pixel_size[0] <= made.pixel_size <= config.pixel_size[1]
        assert config.defocus[0] <= made.optics.defocus <= config.defocus[1]
        assert config.dose[0] <= made.exposure.dose <= config.dose[1]


def test_the_same_seed_draws_the_same_and_another_another():
    first, again, other = (sample_conditions(SimulationConfig(), np.random.default_rng(s)) for s in (1, 1, 2))
    assert first == again != other
    assert Conditions.model_validate_json(first.model_dump_json()) == first


def test_a_change_of_one_range_leaves_the_other_values():
    narrow = SimulationConfig.model_validate({"optics": {"bfactor": 80}, "coverage": (0.1, 0.1)})
    plain, changed = (sample_conditions(c, np.random.default_rng(3)) for c in (SimulationConfig(), narrow))
    assert changed.optics.bfactor == 80
    assert changed.optics.changed(bfactor=plain.optics.bfactor) == plain.optics
    assert changed.contaminants == plain.contaminants


def test_effects_come_as_often_as_they_should(rng):
    wanted = Range(low=1.0, high=2.0, chance=0.25)
    values = np.array([sample(wanted, rng) for _ in range(2000)])
    assert (values > 0).mean() == pytest.approx(0.25, abs=0.03)
    assert values[values > 0].min() >= 1
    assert sum(sample(wanted, rng, chance_factor=0.0) for _ in range(100)) == 0


def test_a_clean_simulation_has_no_contaminant():
    config = SimulationConfig(contamination=0.0)
    for seed in range(20):
        made = sample_conditions(config, np.random.default_rng(seed)).contaminants
        assert made.carbon == made.broken == made.denatured == made.micelles == 0
        assert made.ice_crystals == made.ethane_blobs == made.gold_beads == made.aggregates == 0


def test_logarithmic_ranges_are_even_in_the_logarithm(rng):
    values = [sample(Range(low=1.0, high=100.0, log=True), rng) for _ in range(2000)]
    assert np.median(values) == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dose": (0, 10)}, "wanted values above 0"),
        ({"defocus": (30000, 10000)}, "lies above the high end"),
        ({"optics": {"bfactor": [300, 20]}}, "lies above the high end"),
        ({"optics": {"bfactor": {"low": 0, "high": 5, "log": True}}}, "starts above 0"),
        ({"optics": {"defocuss": 3}}, "Extra inputs"),
        ({"coverage": (-0.1, 0.2)}, "wanted values of 0 and above"),
    ],
)
def test_impossible_ranges_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        SimulationConfig.model_validate(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"exposure": {"dose": 0}}, "greater than 0"),
        ({"pixel_size": -1}, "greater than 0"),
        ({"size": (4, 4000)}, "16 to 32768 rows"),
        ({"optics": {"voltage_kv": 0}}, "greater than 0"),
        ({"optics": {"amplitude_contrast": 1.5}}, "less than 1"),
        ({"ice": {"thickness": 0}}, "greater than 0"),
    ],
)
def test_impossible_conditions_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        Conditions.model_validate(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dose": (5000.0, 5000.0)}, "dose of 5000.0 cannot be simulated"),
        ({"pixel_size": (1000.0, 1000.0)}, "pixel_size of 1000.0 cannot be simulated"),
        ({"coverage": (50.0, 50.0)}, "coverage of 50.0 cannot be simulated"),
        ({"size": (5, 5)}, "16 to 32768 rows and columns"),
    ],
)
def test_ranges_beyond_what_can_be_are_refused_when_drawn(given, message, rng):
    with pytest.raises(UsageError, match=message):
        sample_conditions(SimulationConfig(**given), rng)
