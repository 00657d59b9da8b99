import shutil
import subprocess

import cv2
import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cryoglean.simulate.projection import (
    AtomProjector,
    Grid,
    MapProjector,
    euler_angles,
    potential_map,
    projector,
    random_rotations,
    rotation_matrix,
)
from cryoglean.simulate.structures import AtomicModel

ANGLES = [(0, 0, 0), (30, 0, 0), (0, 40, 0), (0, 0, 50), (23, 71, -110), (-100, 150, 33)]
GRID = Grid(96, 2.0)


@pytest.fixture(scope="module")
def volume(complex_):
    return potential_map(complex_.body, GRID)


@pytest.fixture(scope="module")
def slices(volume):
    return MapProjector(volume, GRID)


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def smoothed(image):
    return cv2.GaussianBlur(image, (0, 0), 1.5)


@given(st.tuples(st.floats(-179, 179), st.floats(0.1, 179.9), st.floats(-179, 179)))
def test_angles_and_matrices_are_inverse(angles):
    np.testing.assert_allclose(euler_angles(rotation_matrix(np.array(angles))), angles, atol=1e-6)


@pytest.mark.parametrize("tilt", [0.0, 180.0])
def test_angles_at_the_poles_give_the_same_rotation(tilt):
    turn = rotation_matrix(np.array([25.0, tilt, 40.0]))
    np.testing.assert_allclose(rotation_matrix(euler_angles(turn)), turn, atol=1e-9)


def test_the_matrix_is_that_of_turning_axes_about_z_y_z():
    # RELION turns the frame; scipy turns points: the transpose, with intrinsic z-y-z angles.
    expected = Rotation.from_euler("ZYZ", [20, 50, -70], degrees=True).as_matrix().T
    np.testing.assert_allclose(rotation_matrix(np.array([20.0, 50.0, -70.0])), expected, atol=1e-12)


def test_random_rotations_are_rotations_and_favour_no_direction(rng):
    turns = random_rotations(20_000, rng)
    np.testing.assert_allclose(turns @ np.swapaxes(turns, 1, 2), np.eye(3)[None].repeat(20_000, 0), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turns), 1)
    assert np.abs(turns.mean(axis=0)).max() < 0.02
    assert turns[:, 2, 2].var() == pytest.approx(1 / 3, rel=0.03)


@pytest.mark.parametrize("angles", ANGLES)
def test_a_projections_integral_is_the_total_potential(complex_, volume, slices, angles):
    turn = rotation_matrix(np.array(angles))
    for view in (AtomProjector(complex_.body, GRID), slices):
        total = view.project(turn).sum(dtype=np.float64) * GRID.pixel_size**2
        assert total == pytest.approx(complex_.body.potential, rel=1e-4)
    assert volume.data.sum(dtype=np.float64) * 8 == pytest.approx(complex_.body.potential, rel=1e-4)


def test_turning_the_structure_is_turning_the_view(complex_, rng):
    first, second = random_rotations(2, rng)
    turned = AtomicModel((complex_.body.xyz @ first.T).astype(np.float32), complex_.body.code)
    direct = AtomProjector(complex_.body, GRID).project(second @ first)
    np.testing.assert_allclose(AtomProjector(turned, GRID).project(second), direct, atol=direct.max() * 0.03)


@pytest.mark.parametrize("angles", ANGLES)
def test_atoms_and_their_map_project_alike(complex_, slices, angles):
    turn = rotation_matrix(np.array(angles))
    atoms = AtomProjector(complex_.body, GRID).project(turn, (3.3, -1.7))
    assert correlation(smoothed(atoms), smoothed(slices.project(turn, (3.3, -1.7)))) > 0.999


def test_a_map_projects_onto_pixels_of_another_size(complex_, volume):
    turn = rotation_matrix(np.array([23.0, 71.0, -110.0]))
    coarse = Grid(64, 3.1)
    from_map = MapProjector(volume, coarse).project(turn)
    from_atoms = AtomProjector(complex_.body, coarse).project(turn)
    assert correlation(smoothed(from_atoms), smoothed(from_map)) > 0.999


def test_a_shift_moves_the_projection(complex_):
    view = AtomProjector(complex_.body, GRID)
    moved = view.project(np.eye(3), (4.0, -3.0))
    np.testing.assert_allclose(
        moved, np.roll(view.project(np.eye(3)), (-3, 4), (0, 1)), atol=moved.max() * 1e-3
    )
    y, x = np.mgrid[: GRID.box, : GRID.box]
    half = view.project(np.eye(3), (0.5, 0.25))
    assert (half * x).sum() / half.sum() == pytest.approx(GRID.box // 2 + 0.5, abs=0.02)
    assert (half * y).sum() / half.sum() == pytest.approx(GRID.box // 2 + 0.25, abs=0.02)


def test_a_projector_has_room_for_every_view(complex_, rng):
    view = projector(complex_, 2.5)
    for turn in random_rotations(5, rng):
        image = view.project(turn)
        highest = image.max()
        image[2:-2, 2:-2] = 0
        assert np.abs(image).max() < 0.1 * highest


def test_gathered_points_project_as_all_of_them(complex_):
    grid = Grid(48, 6.0)
    turn = rotation_matrix(np.array([10.0, 60.0, 0.0]))
    fine = AtomProjector(complex_.body, grid).project(turn)
    coarse = complex_.body.coarsened(6.0)
    assert len(coarse) < len(complex_.body) / 2
    assert coarse.potential == pytest.approx(complex_.body.potential, rel=1e-5)
    assert correlation(fine, AtomProjector(coarse, grid).project(turn)) > 0.99


@pytest.mark.external
def test_projections_are_those_of_relion(complex_, volume, slices, tmp_path):
    program = shutil.which("relion_project")
    if program is None:
        pytest.skip("relion_project is not installed")
    with mrcfile.new(tmp_path / "map.mrc") as file:
        file.set_data(volume.data)
        file.voxel_size = GRID.pixel_size
    from_atoms = AtomProjector(complex_.body, GRID)
    for angles in ANGLES:
        named = zip(("rot", "tilt", "psi"), angles, strict=True)
        words = [word for name, value in named for word in (f"--{name}", str(value))]
        command = [program, "--i", "map.mrc", "--o", "projection.mrc", "--angpix", "2", *words]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        theirs = mrcfile.read(tmp_path / "projection.mrc").squeeze()
        turn = rotation_matrix(np.array(angles))
        assert correlation(slices.project(turn), theirs) > 0.99
        assert correlation(smoothed(from_atoms.project(turn)), smoothed(theirs)) > 0.999
