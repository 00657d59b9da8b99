"""What classes show, by rules on what can be measured."""

import numpy as np
import pytest

from cryoglean.classes.judgement import judge, measure

SIDE, PARTICLE = 48, 32.0
Y, X = np.mgrid[:SIDE, :SIDE] - SIDE // 2


def noise(rng: np.random.Generator, number: int) -> np.ndarray:
    return rng.normal(0, 1, (number, SIDE, SIDE)).astype(np.float32)


def words_of(images: np.ndarray, score: float = 0.9) -> str:
    return judge(measure(images, np.full(len(images), score), particle_px=PARTICLE)).words


def test_a_blob_in_the_middle_is_a_particle(rng: np.random.Generator) -> None:
    assert words_of(noise(rng, 60) + (np.hypot(X, Y) < 14)) == "particle"


def test_a_hollow_particle_is_a_particle(rng: np.random.Generator) -> None:
    ring = (np.hypot(X, Y) < 15) & (np.hypot(X, Y) > 9)
    assert words_of(noise(rng, 60) + ring) == "particle"


def test_a_low_score_alone_makes_no_junk(rng: np.random.Generator) -> None:
    assert words_of(noise(rng, 60) + (np.hypot(X, Y) < 14), score=0.1) == "particle"


def test_noise_is_empty(rng: np.random.Generator) -> None:
    assert words_of(noise(rng, 60)) in {"junk: empty", "junk: edge or contamination"}
    # On ice that is a little brighter where the picks are, as picks of a low threshold are.
    assert words_of(noise(rng, 60) + 0.08 * (np.hypot(X, Y) < 14)) == "junk: empty"


@pytest.mark.parametrize("height", [3.0, -3.0])
def test_an_edge_is_contamination(rng: np.random.Generator, height: float) -> None:
    assert words_of(noise(rng, 60) + height * (X > -3)) == "junk: edge or contamination"


def test_what_is_dark_where_particles_are_bright_is_contamination(rng: np.random.Generator) -> None:
    assert words_of(noise(rng, 60) - 2.0 * (np.hypot(X, Y) < 14)) == "junk: edge or contamination"


def test_cut_by_the_border_is_said(rng: np.random.Generator) -> None:
    images = noise(rng, 60) + (np.hypot(X, Y) < 14)
    images[:, :, 30:] = 0
    assert words_of(images) == "doubtful: cut by the border"


@pytest.mark.parametrize(("score", "verdict"), [(0.9, "doubtful"), (0.2, "junk")])
def test_off_the_centre_is_said(rng: np.random.Generator, score: float, verdict: str) -> None:
    off = np.hypot(X - 9, Y) < 8
    assert words_of(noise(rng, 60) + off, score) == f"{verdict}: off centre, or two"


def test_of_a_few_picks_nobody_can_tell(rng: np.random.Generator) -> None:
    assert words_of(noise(rng, 4) + (np.hypot(X, Y) < 14)) == "doubtful: few picks"


def test_flat_images_are_judged_too() -> None:
    flat = measure(np.zeros((9, SIDE, SIDE), np.float32), np.ones(9), particle_px=PARTICLE)
    assert flat.half_correlation == flat.signal == 0
    assert judge(flat).verdict == "junk"
