"""Crops and tiles of labelled micrographs."""

from pathlib import Path

import numpy as np
import pytest

from cryoglean.dataset.contamination import KINDS
from cryoglean.dataset.shards import find_shards, read_shard, write_shard
from cryoglean.errors import FileError
from cryoglean.labels import (
    Crops,
    LabelImage,
    RefinedParticles,
    cut_tiles,
    load_reprojector,
    paint_labels,
    read_crops,
    sample_crops,
    write_crops,
)
from cryoglean.labels.painting import Field
from cryoglean.labels.settings import CropConfig, LabelConfig
from cryoglean.simulate.projection import rotation_matrix
from cryoglean.types import Micrograph
from tests.labels.refined import MICROGRAPH_PIXEL, DataSet

CONFIG = CropConfig(tile=128)


@pytest.fixture(scope="module")
def labelled(data_set: DataSet) -> tuple[Micrograph, LabelImage]:
    """A field whose right fifth is called contamination."""
    truth = data_set.simulated[0].truth
    shape = data_set.simulated[0].labels.shape
    dirt = np.zeros(shape, np.uint8)
    dirt[:, -shape[1] // 5 :] = 1 << KINDS.index("carbon")
    part = RefinedParticles(
        truth.name, truth.xy, np.zeros_like(truth.xy), rotation_matrix(data_set.euler()[0]), MICROGRAPH_PIXEL
    )
    config = LabelConfig()
    field = Field(shape, MICROGRAPH_PIXEL, dirt)
    image = paint_labels(part, load_reprojector(data_set.map, config), field=field, config=config)
    return data_set.simulated[0].micrograph, image


def _draw(labelled: tuple[Micrograph, LabelImage], seed: int = 0) -> Crops:
    return sample_crops(*labelled, config=CONFIG, rng=np.random.default_rng(seed))


def test_negatives_keep_away_from_particles_and_contamination(
    labelled: tuple[Micrograph, LabelImage],
) -> None:
    crops = _draw(labelled)
    _, image = labelled
    assert min(crops.count(kind) for kind in ("particle", "contamination", "background")) >= 5
    diameter_px = image.diameter / MICROGRAPH_PIXEL
    negatives = crops.xy[crops.kind > 0]
    distance = np.linalg.norm(negatives[:, None] - image.xy[None], axis=-1).min(axis=1)
    # Centres are rounded to pixels of the crops' scale.
    pixel = diameter_px / CONFIG.particle_px
    assert distance.min() >= diameter_px - 1.5 * pixel
    edge = image.classes.shape[1] * 4 / 5
    assert (crops.xy[crops.kind == 1, 0] > edge - pixel).all()
    assert (crops.xy[crops.kind == 2, 0] < edge - diameter_px + 1.5 * pixel).all()


def test_particles_are_in_the_middle_of_their_crops(labelled: tuple[Micrograph, LabelImage]) -> None:
    crops = _draw(labelled)
    particles = crops.xy[crops.kind == 0]
    _, image = labelled
    distance = np.linalg.norm(particles[:, None] - image.xy[None], axis=-1).min(axis=1)
    assert distance.max() <= 0.71 * image.diameter / MICROGRAPH_PIXEL / CONFIG.particle_px + 1e-3
    # Protein is dark, and levels are measured from the background.
    middle = CONFIG.crop // 2
    centre = crops.image[:, middle - 8 : middle + 8, middle - 8 : middle + 8].mean(axis=(1, 2))
    assert centre[crops.kind == 0].mean() < centre[crops.kind == 2].mean() - 5


def test_crops_follow_from_the_seed(labelled: tuple[Micrograph, LabelImage]) -> None:
    first, again, other = _draw(labelled, 1), _draw(labelled, 1), _draw(labelled, 2)
    np.testing.assert_array_equal(first.image, again.image)
    assert not np.array_equal(first.xy, other.xy)


def test_crops_survive_a_file_without_pickle(labelled: tuple[Micrograph, LabelImage], tmp_path: Path) -> None:
    crops = _draw(labelled)
    write_crops([crops, crops], tmp_path / "crops.npz")
    read = read_crops(tmp_path / "crops.npz")
    assert len(read) == 2 * len(crops)
    np.testing.assert_array_equal(read.image[len(crops) :], crops.image)
    assert set(read.micrograph) == {crops.micrograph[0]}


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crops.npz").write_bytes(b"no crops")
    with pytest.raises(FileError, match=r"crops\.npz: no file of crops"):
        read_crops(tmp_path / "crops.npz")


def test_a_field_too_small_for_a_crop_gives_none(labelled: tuple[Micrograph, LabelImage]) -> None:
    micrograph, image = labelled
    crops = sample_crops(micrograph, image, config=CropConfig(crop=512), rng=np.random.default_rng(0))
    assert crops.image.shape == (0, 512, 512)


def test_tiles_are_read_as_simulated_ones(labelled: tuple[Micrograph, LabelImage], tmp_path: Path) -> None:
    micrograph, image = labelled
    shard = cut_tiles(micrograph, image, family="oligomer", config=CONFIG)
    write_shard(tmp_path / "train" / "00000.npz", shard)
    (path,) = find_shards(tmp_path, "train")
    read = read_shard(path)
    scale = CONFIG.particle_px / (image.diameter / MICROGRAPH_PIXEL)
    ny, nx = (int(np.ceil(round(n * scale) / 128)) for n in image.classes.shape)
    assert read.image.shape == read.labels.shape == (ny * nx, 128, 128)
    assert set(read.tiles["family"]) == {"oligomer"}
    assert np.isnan(read.tiles["snr"]).all()
    for number in range(len(read)):
        rows = read.particles[read.particles["tile"] == number]
        assert read.labels[number].max() == len(rows) == read.tiles["particles"][number]
        for label, row in enumerate(rows, 1):
            y, x = np.nonzero(read.labels[number] == label)
            if row["visible"] > 0.95:
                assert np.hypot(x.mean() - row["x"], y.mean() - row["y"]) < 3
            else:
                assert row["visible"] > 0
    assert set(np.unique(read.contamination)) == {0, 1 << KINDS.index("carbon")}


def test_a_small_micrograph_is_surrounded_to_make_a_tile(labelled: tuple[Micrograph, LabelImage]) -> None:
    shard = cut_tiles(*labelled, family="oligomer", config=CropConfig(tile=1024))
    assert len(shard) == 1
    assert shard.labels.max() == len(shard.particles)
    assert abs(int(shard.image[0, -1, -1]) - 128) <= 1
