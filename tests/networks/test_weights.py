import json
import shutil

import numpy as np
import pytest

from cryoglean.errors import UsageError, WeightsError
from cryoglean.networks.runtime import load_networks
from cryoglean.networks.settings import Calibration
from cryoglean.networks.weights import CARD, FILES, calibrated, list_weights, read_weights, write_card


@pytest.fixture
def folder(tmp_path):
    """Make a copy of the shipped weights that may be damaged."""
    return shutil.copytree(read_weights("general").folder, tmp_path / "mine")


def test_the_shipped_weights_are_whole_small_and_described():
    names = [weights.card.name for weights in list_weights()]
    assert "general" in names
    for weights in list_weights():
        assert sum((weights.folder / file).stat().st_size for file in FILES) < 8e6
        assert weights.card.threshold > 0
        assert weights.card.expected_precision > 0.5


def test_a_path_works_as_a_name_does(folder):
    assert read_weights(folder).card == read_weights("general").card
    assert read_weights(str(folder)).folder == folder


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match=r"no weights named 'nonesuch'.*general"):
        read_weights("nonesuch")


@pytest.mark.parametrize("file", FILES)
def test_a_truncated_file_is_refused(folder, file):
    path = folder / file
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=f"{file}: is damaged"):
        read_weights(folder)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    with pytest.raises(WeightsError, match=f"{file}: is missing"):
        read_weights(folder)


def test_a_folder_without_a_card_is_refused(folder):
    (folder / "card.json").unlink()
    with pytest.raises(WeightsError, match="is missing, so this is no folder of weights"):
        read_weights(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [("not json", "Invalid JSON"), ('{"name": "x"}', "architecture"), ("[]", "should be an object")],
)
def test_a_foreign_card_is_refused(folder, text, said):
    (folder / "card.json").write_text(text)
    with pytest.raises(WeightsError, match=said):
        read_weights(folder)


def test_a_card_of_a_later_format_is_refused(folder):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"version": 1}))
    with pytest.raises(WeightsError, match="version 1, and this program runs weights of version 2"):
        read_weights(folder)


def test_a_file_that_is_no_network_is_refused_even_when_the_card_knows_it(folder):
    card = read_weights(folder).card
    (folder / "segmenter.onnx").write_bytes(b"these are not the weights")
    write_card(folder, card)
    with pytest.raises(WeightsError, match="no network that is run here: it is damaged"):
        load_networks(folder)


def test_probabilities_rise_with_both_answers():
    calibration = Calibration(segmentation=0.7, classification=0.4, offset=-0.5)
    answers = np.linspace(0, 1, 11)
    for fixed in (0.1, 0.9):
        assert (np.diff(calibrated(answers, np.full(11, fixed), calibration)) > 0).all()
        assert (np.diff(calibrated(np.full(11, fixed), answers, calibration)) > 0).all()


def test_identity_calibration_changes_nothing():
    score = np.array([0.01, 0.3, 0.5, 0.99])
    np.testing.assert_allclose(
        calibrated(score, np.full(4, 0.5), Calibration(segmentation=1, classification=1, offset=0)), score
    )


def test_weights_of_version_0_1_0_open_with_the_models_of_the_general_ones(folder):
    general = read_weights("general")
    card = json.loads((folder / CARD).read_text())
    for later in ("size", "outlines", "max_contamination"):
        del card[later]
    card["training"]["a_setting_that_is_gone"] = 1
    (folder / CARD).write_text(json.dumps(card))
    old = read_weights(folder)
    assert (old.size_model, old.outline_model) == (general.size_model, general.outline_model)
    assert old.card.max_contamination == 0.5


def test_weights_with_models_of_their_own_use_them(folder):
    general = read_weights("general")
    own = general.size_model.changed(clarity=1.0)
    write_card(folder, general.card.changed(size=own))
    assert read_weights(folder).size_model == own != general.size_model
