import cv2
import numpy as np
import pytest

from cryoglean.simulate.projection import AtomProjector, Grid, random_rotations
from cryoglean.simulate.settings import SimulationConfig, TileConfig
from cryoglean.simulate.tiles import LibraryProjector, ViewLibrary, simulate_tile

TILES = TileConfig(views=400)


@pytest.fixture(scope="module")
def library(complex_):
    return ViewLibrary.of(complex_, TILES)


def test_a_library_is_saved_and_loaded_unchanged(library, tmp_path):
    library.save(tmp_path / "one.npz")
    loaded = ViewLibrary.load(tmp_path / "one.npz")
    assert (loaded.name, loaded.family, loaded.extent) == (library.name, library.family, library.extent)
    np.testing.assert_array_equal(loaded.images, library.images)
    np.testing.assert_array_equal(loaded.rotation, library.rotation)


def test_directions_cover_the_whole_sphere(library):
    directions = library.rotation[:, 2]
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    nearest = np.sort(directions @ directions.T, axis=1)[:, -2]
    assert np.rad2deg(np.arccos(nearest)).max() < 13
    assert np.linalg.norm(directions.mean(axis=0)) < 0.02


@pytest.mark.parametrize("particle_px", [24.0, 32.0, 42.0])
def test_a_view_from_the_library_is_nearly_the_true_projection(library, complex_, particle_px, rng):
    pixel_size = complex_.diameter / particle_px
    view = LibraryProjector(library, pixel_size)
    exact = AtomProjector(complex_.body, Grid(view.grid.box, pixel_size))
    similarity = []
    for turn in random_rotations(20, rng):
        shift = tuple(rng.uniform(-0.5, 0.5, 2))
        a, b = view.project(turn, shift), exact.project(turn, shift)
        # What is finer than a pixel or two differs between views that are ten degrees apart.
        coarse = [cv2.GaussianBlur(image, (0, 0), particle_px / 32).ravel() for image in (a, b)]
        similarity.append(np.corrcoef(*coarse)[0, 1])
        assert a.sum() == pytest.approx(b.sum(), rel=0.02)
        y, x = np.mgrid[: len(a), : len(a)]
        centre = [((image * axis).sum() / image.sum()) for image in (a, b) for axis in (x, y)]
        assert np.hypot(centre[0] - centre[2], centre[1] - centre[3]) < 0.25
    assert np.median(similarity) > 0.95


def test_a_tile_shows_the_particle_at_the_networks_scale(library):
    config = SimulationConfig(tiles=TileConfig(scale=1.0, size=128), coverage=(0.3, 0.3))
    tile = simulate_tile(library, config, rng=np.random.default_rng(3))
    assert tile.micrograph.shape == (128, 128)
    assert tile.diameter / tile.micrograph.pixel_size == pytest.approx(32)
    whole = np.flatnonzero(~tile.truth.extra["cut"])
    areas = [(tile.labels == i + 1).sum() for i in whole]
    assert np.sqrt(4 * np.median(areas) / np.pi) == pytest.approx(26, abs=7)


def test_tiles_follow_from_their_seed(library):
    config = SimulationConfig(tiles=TileConfig(size=64))
    first, again, other = (simulate_tile(library, config, rng=np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.micrograph.data.tobytes() == again.micrograph.data.tobytes()
    assert first.conditions == again.conditions != other.conditions


def test_a_denoised_tile_is_the_same_tile_with_less_noise(library):
    plain, denoised = (
        simulate_tile(
            library,
            SimulationConfig(
                tiles=TileConfig(size=128, denoising=share), coverage=(0.3, 0.3), contamination=0
            ),
            rng=np.random.default_rng(5),
        )
        for share in (0.0, 0.8)
    )
    np.testing.assert_array_equal(denoised.labels, plain.labels)
    assert denoised.snr > 5 * plain.snr
