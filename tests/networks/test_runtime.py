import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from cryoglean.networks.maps import find_candidates
from cryoglean.networks.normalise import normalise
from cryoglean.networks.runtime import cut_crops, load_networks
from cryoglean.networks.weights import calibrated


@pytest.fixture(scope="module")
def networks():
    return load_networks("general", threads=1)


def named(maps):
    return maps.particle, maps.centre, maps.contamination


@pytest.fixture(scope="module")
def image():
    """Noise with a few bright discs, of a size that is no multiple of anything."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:501, :437]
    discs = sum(np.hypot(y - r, x - c) < 12 for r, c in rng.uniform(20, 420, (30, 2)))
    return normalise((rng.standard_normal((501, 437)) + discs).astype(np.float32), 24)


def test_tiles_give_the_map_that_the_whole_gives(networks, image):
    whole = networks.segment(image, tile_px=4096)
    for tile_px in (128, 200):
        tiled = networks.segment(image, tile_px=tile_px)
        for one, other in zip(named(tiled), named(whole), strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5)


def test_maps_are_probabilities_and_that_of_particles_has_the_images_resolution(networks, image):
    maps = networks.segment(image)
    assert [one.shape for one in named(maps)] == [(501, 437), (251, 219), (251, 219)]
    for one in named(maps):
        assert one.min() >= 0
        assert one.max() <= 1


def test_a_shift_of_the_image_shifts_the_maps(networks, image):
    shifted, whole = networks.segment(image[16:, 8:]), networks.segment(image)
    reach = networks.weights.card.architecture.reach_px
    for step, one, other in zip((1, 2, 2), named(shifted), named(whole), strict=True):
        own, inner = other[16 // step :, 8 // step :], np.s_[reach // step :, reach // step :]
        np.testing.assert_allclose(one[inner], own[inner], atol=2e-5)


def test_one_thread_and_two_agree(networks, image):
    two = load_networks("general", threads=2)
    for one, other in zip(named(two.segment(image)), named(networks.segment(image)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_classifier_is_asked_only_where_its_answer_counts(networks, image):
    def with_calibration(**values):
        weights = networks.weights
        card = weights.card.changed(calibration=weights.card.calibration.changed(**values))
        return replace(networks, weights=replace(weights, card=card))

    class Asked(Exception):
        pass

    class Unwanted:
        def answer(self, images, shape):
            raise Asked

    candidates = find_candidates(networks.segment(image).centre, 32.0)
    assert len(candidates.xy) > 5
    alone = replace(with_calibration(classification=0.0), classifier=Unwanted()).judge(image, candidates)
    assert np.all(np.diff(alone) <= 0)
    with pytest.raises(Asked):
        replace(with_calibration(classification=1.0), classifier=Unwanted()).judge(image, candidates)
    particle = networks.classify(image, candidates.xy)[:, 0]
    both = with_calibration(classification=1.0)
    wanted = calibrated(candidates.score, particle, both.weights.card.calibration)
    np.testing.assert_array_equal(both.judge(image, candidates), wanted)


def test_kinds_are_probabilities_and_none_where_there_is_no_candidate(networks, image):
    kinds = networks.classify(image, np.array([[30.0, 40.0], [436.0, 500.0], [0.0, 0.0]]))
    np.testing.assert_allclose(kinds.sum(axis=1), 1, atol=1e-5)
    assert networks.classify(image, np.zeros((0, 2))).shape == (0, 3)


def test_crops_have_their_point_in_the_middle_and_background_beyond_the_border():
    image = np.zeros((50, 60), np.float32)
    image[20, 33] = 1
    image[0, 0] = 2
    crops = cut_crops(image, np.array([[33.2, 19.8], [0.0, 0.0]]), 16)
    assert crops.shape == (2, 16, 16)
    assert crops[0, 8, 8] == 1
    assert crops[1, 8, 8] == 2
    assert not crops[1, :8].any()


def test_picking_imports_no_torch():
    script = (
        "import sys, numpy as np, cryoglean;"
        "assert 'onnxruntime' not in sys.modules;"
        "from cryoglean.pickers.pixer.picker import NetworkPicker;"
        "from cryoglean.types import Micrograph, ParticleSize;"
        "picker = NetworkPicker();"
        "picker.find(Micrograph(np.random.default_rng(0).standard_normal((200, 200))), ParticleSize(24));"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
