"""Angles and shifts of refined particles, of every program."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cryoglean.errors import CoordinateError
from cryoglean.labels import ImageSize, read_refined
from cryoglean.simulate.projection import rotation_matrix
from tests.labels.refined import IMAGE_BOX, IMAGE_PIXEL, MICROGRAPH_PIXEL, DataSet, write_relion_3_1


def test_centres_and_rotations_are_the_true_ones(data_set: DataSet, particles: Path) -> None:
    refined = read_refined(particles)
    assert [part.name for part in refined] == ["field_1", "field_2"]
    for part, simulated, euler in zip(refined, data_set.simulated, data_set.euler(), strict=True):
        np.testing.assert_allclose(part.centres(MICROGRAPH_PIXEL), simulated.truth.xy, atol=1e-4)
        np.testing.assert_allclose(part.rotation, rotation_matrix(euler), atol=1e-6)
        box = IMAGE_BOX if "data_optics" in particles.read_text() else None
        assert part.images == ImageSize(pytest.approx(IMAGE_PIXEL), box)


def test_version_3_0_does_not_tell_the_micrographs_pixel_size(data_set: DataSet, particles: Path) -> None:
    # Its magnification is that of the particle images, which may have been shrunk.
    wanted = MICROGRAPH_PIXEL if "data_optics" in particles.read_text() else None
    assert read_refined(particles)[0].pixel_size == wanted


def test_optics_groups_have_their_own_pixel_sizes(data_set: DataSet, tmp_path: Path) -> None:
    path = write_relion_3_1(data_set, tmp_path / "run_data.star")
    text = path.read_text().replace(
        f"1 opticsGroup1 {MICROGRAPH_PIXEL} {IMAGE_PIXEL} {IMAGE_BOX}",
        f"1 opticsGroup1 {MICROGRAPH_PIXEL} {IMAGE_PIXEL} {IMAGE_BOX}\n2 opticsGroup2 1.1 2.2 80",
    )
    path.write_text(re.sub(r"(field_2\S* .*) 1 1@", r"\1 2 1@", text))
    first, second = read_refined(path)
    assert (first.pixel_size, first.images) == (MICROGRAPH_PIXEL, ImageSize(IMAGE_PIXEL, IMAGE_BOX))
    assert (second.pixel_size, second.images) == (1.1, ImageSize(2.2, 80))


def _write_cs(path: Path, **fields: np.ndarray) -> None:
    columns = {name.replace("__", "/"): np.asarray(values) for name, values in fields.items()}
    rows = len(next(iter(columns.values())))
    table = np.zeros(rows, [(name, values.dtype, values.shape[1:]) for name, values in columns.items()])
    for name, values in columns.items():
        table[name] = values
    with path.open("wb") as file:
        np.save(file, table)


def test_cryosparc_particles_are_joined_with_their_passthrough(tmp_path: Path) -> None:
    uid = np.array([7, 8, 9], np.uint64)
    pose = np.array([[0.0, 0, np.pi / 2], [0, np.pi / 3, 0], [0.3, -1.2, 2.0]], np.float32)
    shift = np.array([[2.0, 0], [0, -3], [1, 1]], np.float32)
    _write_cs(
        tmp_path / "J9_particles.cs",
        uid=uid,
        alignments3D__pose=pose,
        alignments3D__shift=shift,
        alignments3D__psize_A=np.full(3, 4.0, np.float32),
        blob__psize_A=np.full(3, 2.0, np.float32),
        blob__shape=np.full((3, 2), 128, np.uint32),
    )
    _write_cs(
        tmp_path / "J9_passthrough_particles.cs",
        uid=uid[::-1],
        location__micrograph_path=np.array([b"S1/000000000000000000017_grid.mrc"] * 3),
        location__micrograph_shape=np.full((3, 2), [1000, 2000], np.uint32),
        location__center_x_frac=np.array([0.3, 0.2, 0.1], np.float32),
        location__center_y_frac=np.array([0.6, 0.5, 0.4], np.float32),
        location__micrograph_psize_A=np.full(3, 1.25, np.float32),
    )
    (part,) = read_refined(tmp_path / "J9_particles.cs")
    assert (part.name, part.pixel_size, part.images) == ("grid", 1.25, ImageSize(2.0, 128))
    np.testing.assert_allclose(part.centres(1.25), [[193.6, 400], [400, 509.6], [596.8, 596.8]], atol=1e-3)
    # A quarter turn about z takes x to y in cryoSPARC's sense, and y to x in RELION's.
    np.testing.assert_allclose(part.rotation[0] @ [0, 1, 0], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(
        part.rotation, np.linalg.inv(Rotation.from_rotvec(pose).as_matrix()), atol=1e-6
    )


def test_picks_without_angles_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "picks.star"
    path.write_text("data_\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\na.mrc 5 6\n")
    with pytest.raises(CoordinateError, match=r"has no rlnAngleRot.*run_data\.star"):
        read_refined(path)


def test_two_dimensional_classes_are_told_apart(data_set: DataSet, tmp_path: Path) -> None:
    path = write_relion_3_1(data_set, tmp_path / "run_data.star")
    rows = []
    for line in path.read_text().split("\n"):
        words = line.split()
        rows.append(" ".join([*words[:3], "0", "0", *words[5:]]) if line.startswith("Motion") else line)
    path.write_text("\n".join(rows))
    with pytest.raises(CoordinateError, match="2D classification"):
        read_refined(path)


def test_an_empty_file_of_particles_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "run_data.star"
    path.write_text("data_particles\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n")
    with pytest.raises(CoordinateError, match="holds no particles"):
        read_refined(path)


@pytest.mark.parametrize("name", ["sample_particles_relion31.star", "sample_particles_relion30.star"])
def test_real_files_of_both_versions_agree(shared: Path, name: str) -> None:
    (part,) = read_refined(shared / "formats" / "ASPIRE-Python" / name)
    # The first row's origin is +0.1996 Å in 3.1, and as many Å over 1.338 Å per pixel in 3.0's pixels.
    assert part.name == "micrograph"
    assert part.shift.shape == (len(part), 2)
    assert np.all(part.shift[0] < 0)
    np.testing.assert_allclose(np.linalg.det(part.rotation), 1)
