"""Masks from projections of a map."""

from pathlib import Path

import numpy as np
import pytest
from skimage import filters

from cryoglean.errors import StructureError
from cryoglean.io import write_mrc
from cryoglean.labels import ImageSize
from cryoglean.labels.reprojection import Reprojector, coarsened, load_reprojector, threshold
from cryoglean.labels.settings import LabelConfig
from cryoglean.simulate.projection import random_rotations, rotation_matrix
from cryoglean.simulate.structures import DensityMap


def _ellipsoid(box: int, semi_axes: tuple[float, float, float], voxel_size: float = 2.0) -> DensityMap:
    """Density 1 inside, with semi-axes along x, y and z in Å."""
    grid = (np.indices((box,) * 3) - box // 2)[::-1] * voxel_size
    radius = np.sqrt(sum((axis / semi) ** 2 for axis, semi in zip(grid, semi_axes, strict=True)))
    return DensityMap(
        np.clip(0.5 + (1 - radius) * min(semi_axes) / voxel_size, 0, 1).astype(np.float32), voxel_size
    )


def _spread(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre of gravity and covariance of a mask's pixels, as x, y."""
    xy = np.argwhere(mask)[:, ::-1]
    return xy.mean(axis=0), np.cov(xy.T)


@pytest.mark.parametrize("centre", [(50.0, 60.0), (50.5, 60.25), (-3.3, 7.8)])
def test_a_mask_lies_where_it_is_put(centre: tuple[float, float]) -> None:
    reprojector = Reprojector(_ellipsoid(48, (30, 30, 30)), LabelConfig())
    patch = reprojector.mask(np.eye(3), centre, pixel_size=1.5)
    middle, _ = _spread(patch.mask)
    np.testing.assert_allclose(middle + patch.corner[::-1], centre, atol=0.1)


def test_a_long_particle_turns_as_its_angles_say() -> None:
    reprojector = Reprojector(_ellipsoid(64, (45, 15, 15)), LabelConfig())
    # psi turns the image clockwise with x to the right and y up: x goes to (cos psi, -sin psi).
    patch = reprojector.mask(rotation_matrix(np.array([0.0, 0.0, 30.0])), (0, 0), pixel_size=1.0)
    _, covariance = _spread(patch.mask)
    long_axis = np.linalg.eigh(covariance)[1][:, 1]
    assert abs(long_axis @ [np.cos(np.pi / 6), -np.sin(np.pi / 6)]) > 0.999
    end_on = reprojector.mask(rotation_matrix(np.array([0.0, 90.0, 0.0])), (0, 0), pixel_size=1.0)
    assert end_on.mask.sum() < 0.5 * patch.mask.sum()


def test_masks_of_a_ball_are_its_disc_from_every_side(rng: np.random.Generator) -> None:
    radius = 36.0
    reprojector = Reprojector(_ellipsoid(56, (radius,) * 3), LabelConfig())
    areas = [reprojector.mask(turn, (0, 0), pixel_size=1.0).mask.sum() for turn in random_rotations(8, rng)]
    assert np.ptp(areas) < 0.02 * np.mean(areas)
    # A ball's projection is known, and so is where Otsu's threshold cuts it.
    y, x = np.mgrid[-52:53, -52:53]
    projection = 2 * np.sqrt(np.maximum(radius**2 - x**2 - y**2, 0))
    expected = np.sum(np.sqrt(projection) > filters.threshold_otsu(np.sqrt(projection)))
    assert np.mean(areas) == pytest.approx(expected, rel=0.06)


def test_pixel_size_scales_masks() -> None:
    reprojector = Reprojector(_ellipsoid(48, (30, 20, 25)), LabelConfig())
    fine, coarse = (reprojector.mask(np.eye(3), (0, 0), pixel_size=size).mask.sum() for size in (0.5, 2.0))
    assert fine / 16 == pytest.approx(coarse, rel=0.03)


def test_a_lower_fraction_makes_larger_masks() -> None:
    def area(config: LabelConfig) -> int:
        return int(
            Reprojector(_ellipsoid(48, (30,) * 3), config).mask(np.eye(3), (0, 0), pixel_size=1).mask.sum()
        )

    areas = [area(LabelConfig(threshold="fraction", fraction=f)) for f in (0.8, 0.5, 0.2)]
    assert areas == sorted(areas)
    # A ball's projection falls to half its height at sqrt(3) / 2 of its radius.
    assert np.sqrt(areas[1] / np.pi) / 30 == pytest.approx(np.sqrt(3) / 2, abs=0.02)


def test_the_triangle_method_takes_in_more_than_otsus() -> None:
    y, x = np.mgrid[-32:32, -32:32]
    smooth = np.exp(-(x**2 + y**2) / 200).astype(np.float32)
    assert 0 < threshold(smooth, LabelConfig(threshold="triangle")) < threshold(smooth, LabelConfig())


def test_coarsening_keeps_centre_and_total() -> None:
    density = _ellipsoid(60, (20, 30, 40))
    low = coarsened(density, 5.0)
    assert low.voxel_size <= 5.0
    assert low.data.shape[0] * low.voxel_size == pytest.approx(60 * 2.0)
    total = [d.data.sum() * d.voxel_size**3 for d in (density, low)]
    assert total[1] == pytest.approx(total[0], rel=1e-4)
    middle = [
        (np.indices(d.data.shape) * d.data).sum(axis=(1, 2, 3)) / d.data.sum() - d.data.shape[0] // 2
        for d in (density, low)
    ]
    np.testing.assert_allclose(middle, 0, atol=5e-3)


def test_a_large_map_gives_the_masks_of_a_small_one() -> None:
    small = Reprojector(_ellipsoid(40, (60, 40, 50), 4.0), LabelConfig())
    large = Reprojector(_ellipsoid(160, (60, 40, 50), 1.0), LabelConfig())
    turn = rotation_matrix(np.array([40.0, 70.0, 10.0]))
    a, b = (r.mask(turn, (0.3, 0.6), pixel_size=1.0).mask.sum() for r in (small, large))
    assert a == pytest.approx(b, rel=0.03)


def test_a_map_that_is_no_cube_is_refused(tmp_path: Path) -> None:
    write_mrc(tmp_path / "map.mrc", np.ones((8, 10, 12), np.float32), pixel_size=2.0)
    with pytest.raises(StructureError, match="12 × 10 × 8 voxels, wanted a cube"):
        load_reprojector(tmp_path / "map.mrc", LabelConfig())


def test_a_map_of_other_voxels_is_refused_unless_told(tmp_path: Path) -> None:
    write_mrc(tmp_path / "map.mrc", _ellipsoid(32, (20, 20, 20)).data, pixel_size=1.3)
    images = [ImageSize(2.0, 32)]
    with pytest.raises(StructureError, match=r"32 voxels of 1\.3 Å.*32 pixels of 2 Å.*--map-angpix"):
        load_reprojector(tmp_path / "map.mrc", LabelConfig(), images=images)
    told = load_reprojector(tmp_path / "map.mrc", LabelConfig(map_angpix=2.0), images=images)
    assert told.diameter == pytest.approx(40, rel=0.2)


def test_a_map_of_the_same_extent_or_voxels_is_taken(tmp_path: Path) -> None:
    write_mrc(tmp_path / "map.mrc", _ellipsoid(32, (20, 20, 20)).data, pixel_size=2.0)
    for image in (ImageSize(1.0, 64), ImageSize(2.0, 48), ImageSize(2.0)):
        load_reprojector(tmp_path / "map.mrc", LabelConfig(), images=[ImageSize(7.0, 10), image])


def test_a_missing_map_is_named(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match=r"none\.mrc: there is no such file"):
        load_reprojector(tmp_path / "none.mrc", LabelConfig())
