import numpy as np
import pytest
from scipy.spatial.distance import pdist

from cryoglean.simulate.placement import Layer, draw_rotations, place_particles
from cryoglean.simulate.settings import Crowd

LAYER = Layer(width=4000.0, height=3000.0, thickness=300.0)


@pytest.mark.parametrize("clustering", [0.0, 0.8])
def test_particles_keep_their_distance_and_lie_in_the_ice(clustering, rng):
    crowd = Crowd(coverage=0.5, overlap=0.2, clustering=clustering)
    xyz = place_particles(LAYER, 120.0, crowd=crowd, rng=rng).xyz
    assert pdist(xyz).min() >= 120 * 0.8 - 1e-9
    assert (xyz[:, :2] >= 0).all()
    assert (xyz[:, :2] < [4000, 3000]).all()
    assert np.abs(xyz[:, 2]).max() <= 90


def test_the_coverage_is_the_particles_area_over_the_fields(rng):
    xyz = place_particles(LAYER, 100.0, crowd=Crowd(coverage=0.15), rng=rng).xyz
    assert len(xyz) * np.pi / 4 * 100**2 / (4000 * 3000) == pytest.approx(0.15, rel=0.2)


def test_an_empty_field_is_empty(rng):
    assert len(place_particles(LAYER, 100.0, crowd=Crowd(coverage=0.0), rng=rng)) == 0


def test_a_field_fills_up_and_no_further(rng):
    crowd = Crowd(coverage=2.0, overlap=0.0, at_interface=1.0)
    thin = Layer(width=2000.0, height=2000.0, thickness=100.0)
    filled = len(place_particles(thin, 100.0, crowd=crowd, rng=rng)) * np.pi / 4 * 100**2 / 2000**2
    assert 0.42 < filled < 0.56  # random discs jam at 0.547


def test_clustered_particles_have_nearer_neighbours(rng):
    def nearest(clustering):
        crowd = Crowd(coverage=0.08, overlap=0.1, clustering=clustering)
        xy = place_particles(LAYER, 100.0, crowd=crowd, rng=rng).xyz[:, :2]
        distance = np.linalg.norm(xy[:, None] - xy[None], axis=-1)
        return np.median(np.sort(distance, axis=1)[:, 1])

    assert nearest(0.9) < 115 < nearest(0.0)


def test_particles_at_the_interface_lie_at_either_surface(rng):
    xyz = place_particles(LAYER, 100.0, crowd=Crowd(coverage=0.2, at_interface=1.0), rng=rng).xyz
    np.testing.assert_allclose(np.abs(xyz[:, 2]), 100)
    assert 0.3 < (xyz[:, 2] > 0).mean() < 0.7


def test_preferred_views_gather_and_turn_freely_in_the_image(rng):
    turns = draw_rotations(2000, Crowd(preference=1.0, preference_spread=10.0), rng)
    free = draw_rotations(2000, Crowd(preference=0.0), rng)
    # A cap of 25 degrees is a twentieth of the sphere; either of two views gathers about half of all.
    assert (free[:, 2] @ free[0, 2] > np.cos(np.deg2rad(25))).mean() < 0.1
    near = turns[:, 2] @ turns[0, 2] > np.cos(np.deg2rad(25))
    assert near.mean() > 0.3
    in_plane = np.arctan2(turns[near, 1, 0], turns[near, 0, 0])
    assert np.abs(np.exp(1j * in_plane).mean()) < 0.15
