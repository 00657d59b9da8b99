"""From settings to pickers; the size of a run's particles, and the method that follows from it."""

import shutil

import pytest

from cryoglean.errors import UsageError
from cryoglean.networks.weights import find_weights, read_weights, write_card
from cryoglean.pickers import (
    Picker,
    build_picker,
    choose_method,
    measure_size,
    require_weights,
    weights_digest,
)
from cryoglean.pickers.pixer.picker import NetworkPicker
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.settings import PickConfig
from cryoglean.pickers.template.settings import TemplateConfig
from cryoglean.simulate import procedural_structure
from tests.pickers.fields import clear_field, field, noise_field


@pytest.fixture(scope="module")
def clear():
    return clear_field()


@pytest.mark.parametrize("method", ["unsupervised", "network", "paper"])
def test_every_method_has_a_picker_which_is_built_once(method):
    picker = build_picker(PickConfig(method=method))
    assert isinstance(picker, Picker)
    assert build_picker(PickConfig(method=method, min_score=0.3)) is picker


def test_a_method_that_the_micrographs_decide_is_refused_with_the_way_to_it():
    with pytest.raises(UsageError, match=r"cryoglean\.pick\(micrographs, config\)"):
        build_picker(PickConfig())
    require_weights(PickConfig())
    with pytest.raises(UsageError):
        require_weights(PickConfig(method="network", weights="none-such"))


def test_the_method_gets_its_settings():
    picker = build_picker(PickConfig(method="network", contamination=False))
    assert isinstance(picker, NetworkPicker)
    assert picker.config == NetworkConfig(contamination=False)


def test_who_names_no_method_gets_the_one_that_recognises_the_particles(clear):
    size = measure_size(PickConfig(), [clear]).size
    assert size.source == "discs"
    assert size.diameter == pytest.approx(120, rel=0.1)
    assert measure_size(PickConfig(), [noise_field()]).size is None


@pytest.mark.parametrize("shape", ["elongated", "oligomer"])
def test_particles_that_are_no_discs_are_left_to_the_networks(shape):
    complexes = procedural_structure(shape, 3)
    size = measure_size(PickConfig(), [field(complexes, pixel_size=complexes.diameter / 50)]).size
    assert size.source == "networks"
    assert size.diameter == pytest.approx(complexes.diameter, rel=0.25)


@pytest.mark.parametrize("contrast", ["dark", "bright"])
@pytest.mark.parametrize("shape", ["rod", "elongated"])
def test_size_and_contrast_are_right_of_long_particles_too(shape, contrast):
    complexes = procedural_structure(shape, 3)
    dark = field(complexes, pixel_size=complexes.diameter / 50)
    image = dark.data if contrast == "dark" else -dark.data
    size = measure_size(PickConfig(), [dark.with_data(image)]).size
    assert size.contrast == contrast
    assert size.diameter == pytest.approx(complexes.diameter, rel=0.25)


def test_a_given_diameter_stays_whatever_the_method(clear):
    size = measure_size(PickConfig(diameter=115.0), [clear]).size
    assert (size.diameter, size.contrast, size.source) == (115.0, "dark", "discs")
    # No disc in the micrograph is as small as that.
    size = measure_size(PickConfig(diameter=60.0), [clear]).size
    assert size.diameter == 60.0


def test_what_is_given_is_not_measured():
    size = measure_size(PickConfig(diameter=60.0, contrast="bright"), []).size
    assert (size.diameter, size.contrast, size.source) == (60.0, "bright", "given")


def test_the_method_follows_from_what_the_size_rests_on():
    auto = PickConfig(contamination=False, rounds=3)
    assert choose_method(auto, by_networks=False) == TemplateConfig(contamination=False, rounds=3)
    assert choose_method(auto, by_networks=True) == NetworkConfig(contamination=False)
    for method in ("unsupervised", "network", "paper"):
        named = PickConfig(method=method)
        assert choose_method(named, by_networks=True) == named.method


def test_settings_of_the_unsupervised_method_choose_it():
    complexes = procedural_structure("elongated", 3)
    micrograph = field(complexes, pixel_size=complexes.diameter / 50)
    verdict = measure_size(PickConfig(side_views=False), [micrograph])
    assert verdict.size is None or verdict.size.source == "discs"


def test_weights_that_were_written_anew_are_other_weights(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    shutil.copytree(find_weights("general"), folder)
    config = PickConfig(method="network", weights=str(folder))
    first = build_picker(config)
    assert build_picker(config) is first
    write_card(folder, read_weights(folder).card.changed(threshold=0.25))
    assert build_picker(config).recommended_score == 0.25
    # The same words mean other weights elsewhere.
    monkeypatch.chdir(tmp_path)
    assert build_picker(PickConfig(method="network", weights="mine")).recommended_score == 0.25
    assert weights_digest(config) == weights_digest(PickConfig(method="network"))


def test_what_decides_on_scores_is_in_the_digest_of_weights(tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(find_weights("general"), folder)
    card = read_weights(folder).card
    config = PickConfig(method="network", weights=str(folder))
    before = weights_digest(config)
    for change in ({"max_contamination": 0.4}, {"calibration": card.calibration.changed(offset=0.0)}):
        write_card(folder, card.changed(**change))
        assert weights_digest(config) != before
