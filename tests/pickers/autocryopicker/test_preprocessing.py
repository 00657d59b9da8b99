"""The chain of steps, and its agreement with the authors' own stages of a ribosome micrograph."""

import math
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from cryoglean.pickers.autocryopicker.clahe import equalise_adaptively
from cryoglean.pickers.autocryopicker.grey_levels import equalise_histogram, stretch_contrast
from cryoglean.pickers.autocryopicker.morphology import open_grey
from cryoglean.pickers.autocryopicker.preprocessing import measure_quality, preprocess, preprocess_steps
from cryoglean.pickers.autocryopicker.restoration import filter_guided, filter_wiener_local
from cryoglean.pickers.autocryopicker.settings import PreprocessConfig

STEPS = [
    "normalised",
    "contrast_stretched",
    "equalised",
    "restored",
    "equalised_again",
    "adaptively_equalised_1",
    "adaptively_equalised_2",
    "guided_filtered",
    "adjusted",
    "morphology",
]


def test_steps_come_in_order_and_the_last_is_the_result(rng: np.random.Generator) -> None:
    image = rng.normal(100, 20, (90, 80))
    steps = dict(preprocess_steps(image))
    assert list(steps) == STEPS
    np.testing.assert_array_equal(preprocess(image), steps["morphology"])
    for name in STEPS[1:]:
        assert steps[name].min() >= 0, name
        assert steps[name].max() <= 1, name


@pytest.mark.parametrize(
    "change",
    [
        {"stretch": "mid-range"},
        {"restoration": "fourier"},
        {"morphology": "close"},
        {"clips": (0.02,)},
        {"guided_passes": 1},
    ],
)
def test_every_choice_changes_the_result(change: dict, rng: np.random.Generator) -> None:
    image = rng.normal(0, 1, (90, 80))
    assert not np.array_equal(preprocess(image), preprocess(image, PreprocessConfig(**change)))


@pytest.mark.parametrize("flip", [np.flipud, np.fliplr])
def test_a_flipped_micrograph_gives_flipped_steps(flip, rng: np.random.Generator) -> None:
    image = rng.normal(0, 1, (96, 112))
    np.testing.assert_allclose(preprocess(flip(image)), flip(preprocess(image)), atol=1e-4)


def test_quality_of_a_known_difference() -> None:
    reference = np.tile(np.array([[0.0, 1.0]], np.float32), (10, 10))
    noisy = reference.copy()
    noisy[::2] += 0.1
    noisy[1::2] -= 0.1
    quality = measure_quality(reference, noisy)
    assert quality.mse == pytest.approx(0.01)
    assert quality.psnr == pytest.approx(20)
    assert quality.snr == pytest.approx(10 * math.log10(0.25 / 0.01))


def test_equal_images_have_no_noise_and_shapes_must_agree() -> None:
    image = np.eye(4, dtype=np.float32)
    assert measure_quality(image, image).psnr == math.inf
    with pytest.raises(ValueError, match="cannot be compared"):
        measure_quality(image, np.eye(5, dtype=np.float32))


class TestAuthorsStages:
    """Each step, given the authors' image before it, against their image after it."""

    @pytest.fixture
    def stage(self, shared: Path):
        def read(name: str) -> np.ndarray:
            picture = imagecodecs.imread(shared / "data/ribosome/stages" / f"{name}.png")
            return (picture / 255).astype(np.float32)

        return read

    @staticmethod
    def likeness(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])

    def test_contrast_stretch(self, stage) -> None:
        assert self.likeness(stretch_contrast(stage("Normalized")), stage("CEC")) > 0.9999

    def test_histogram_equalisation_to_the_last_level(self, stage) -> None:
        difference = np.abs(equalise_histogram(stage("CEC")) - stage("HE"))
        assert difference.max() < 1 / 255

    def test_wiener_filter(self, stage) -> None:
        assert self.likeness(filter_wiener_local(stage("HE"), 5), stage("Restored")) > 0.999

    def test_adaptive_histogram_equalisation(self, stage) -> None:
        equalised = equalise_adaptively(equalise_histogram(stage("Restored")), clip=0.99)
        assert self.likeness(equalised, stage("Adaptive_Histogram_Equlaizer")) > 0.9995

    def test_guided_filter_and_adjustment(self, stage) -> None:
        adjusted = stretch_contrast(filter_guided(stage("Adaptive_Histogram_Equlaizer"), passes=4))
        assert self.likeness(adjusted, stage("Gaudided")) > 0.9995

    def test_morphology_with_the_element_used_there(self, stage) -> None:
        # Here the authors' element is a square of 5, on the apoferritin a cross of 3.
        opened = open_grey(stage("Gaudided"), size=5, shape="square")
        assert self.likeness(opened, stage("Morphological")) > 0.998

    def test_whole_chain_from_the_micrograph(self, stage) -> None:
        config = PreprocessConfig(clips=(0.99,))
        adjusted = dict(preprocess_steps(stage("Normalized"), config))["adjusted"]
        assert self.likeness(adjusted, stage("Gaudided")) > 0.998


def test_psnr_is_the_squared_peak_over_the_squared_error() -> None:
    reference, image = np.zeros((4, 4), np.float32), np.full((4, 4), 0.1, np.float32)
    for peak in (1.0, 4.0):
        expected = 10 * np.log10(peak**2 / 0.01)
        assert measure_quality(reference, image, peak=peak).psnr == pytest.approx(expected, abs=1e-3)
