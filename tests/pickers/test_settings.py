"""Settings of picking: flat in files and options, the method's own together in the program."""

import pytest
from pydantic import ValidationError

from cryoglean.pickers.autocryopicker.settings import PaperConfig
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.settings import METHODS, AutoConfig, PickConfig
from cryoglean.pickers.template.settings import TemplateConfig

FORMERLY = {
    "min_score": 0.5,
    "separation": 0.5,
    "border": 0.0,
    "contrast": "dark",
    "diameter": 114.0,
    "working_px": 24.0,
    "rounds": 2,
    "side_views": True,
    "contamination": True,
    "weights": "general",
}
"""What version 0.1.0 wrote, whatever the method."""


@pytest.mark.parametrize("method", METHODS)
def test_files_and_options_are_flat(method):
    config = PickConfig(method=method, diameter=80.0)
    stored = config.model_dump(mode="json")
    assert stored["method"] == method
    assert not any(isinstance(stored[name], dict) for name in TemplateConfig.model_fields if name in stored)
    assert PickConfig.model_validate(stored) == config


def test_the_method_holds_its_own_settings():
    assert PickConfig().method == AutoConfig()
    assert PickConfig(method="network", weights="other").method == NetworkConfig(weights="other")
    assert PickConfig(method=TemplateConfig(rounds=3)) == PickConfig(method="unsupervised", rounds=3)
    assert PickConfig(method="paper", working_px=40.0).method == PaperConfig(working_px=40.0)


@pytest.mark.parametrize(
    ("method", "setting"),
    [
        ("network", {"rounds": 3}),
        ("network", {"working_px": 30}),
        ("network", {"rounds": 2}),
        ("unsupervised", {"weights": "other"}),
        ("auto", {"weights": "other"}),
        ("paper", {"contamination": True}),
        ("unsupervised", {"colour": "red"}),
        ("cubism", {}),
    ],
)
def test_what_a_method_does_not_have_is_refused(method, setting):
    with pytest.raises(ValidationError):
        PickConfig(method=method, **setting)


@pytest.mark.parametrize("method", ["unsupervised", "network", "paper"])
def test_files_of_earlier_versions_are_read(method):
    config = PickConfig.model_validate(FORMERLY | {"method": method})
    assert config == PickConfig(method=METHODS[method](), diameter=114.0, contrast="dark", min_score=0.5)


def test_what_an_earlier_file_says_of_its_own_method_counts():
    config = PickConfig.model_validate(FORMERLY | {"method": "network", "weights": "own"})
    assert config.method == NetworkConfig(weights="own")


def test_another_method_than_that_of_the_file_begins_with_its_own_settings():
    stored = PickConfig(method="unsupervised", rounds=4, diameter=90.0).model_dump(mode="json")
    merged = PickConfig.model_validate(PickConfig.merged(stored, {"method": "network"}))
    assert merged == PickConfig(method="network", diameter=90.0)
    same = PickConfig.model_validate(PickConfig.merged(stored, {"method": "unsupervised"}))
    assert same.method == TemplateConfig(rounds=4)


def test_changed_settings_are_checked():
    config = PickConfig(method="network").changed(diameter=90.0)
    assert (config.diameter, config.method) == (90.0, NetworkConfig())
    with pytest.raises(ValidationError):
        config.changed(diameter=-1.0)
    with pytest.raises(ValidationError):
        config.changed(colour="red")


def test_every_setting_has_an_option_and_a_description():
    options = PickConfig.options()
    for method in METHODS.values():
        for name in method.model_fields:
            assert name == "name" or options[name].description
    assert options["method"].description
