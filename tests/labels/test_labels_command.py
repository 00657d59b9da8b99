"""`cryoglean labels` as a user runs it."""

import csv
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from typer.testing import CliRunner

from cryoglean.cli.app import app
from cryoglean.dataset.contamination import KINDS
from cryoglean.dataset.shards import find_shards, read_shard
from cryoglean.errors import CoordinateError
from cryoglean.io import write_mrc, write_png
from cryoglean.labels import read_crops
from tests.labels.refined import MICROGRAPH_PIXEL, DataSet, write_relion_3_1


def _run(data: DataSet, out: Path, *more: str, star: Path | None = None):
    star = star or write_relion_3_1(data, out.parent / "run_data.star")
    arguments = ["labels", str(star), "--map", str(data.map), "--out", str(out), *more]
    if "--micrographs" not in more:
        arguments += ["--micrographs", str(data.micrographs)]
    return CliRunner().invoke(app, arguments)


def test_every_micrograph_gets_its_labels(data_set: DataSet, tmp_path: Path) -> None:
    result = _run(data_set, tmp_path / "out")
    assert result.exit_code == 0, result.output
    for simulated in data_set.simulated:
        with np.load(tmp_path / "out" / "labels" / f"{simulated.truth.name}.npz", allow_pickle=False) as file:
            assert file["classes"].dtype == np.uint8
            assert file["instances"].dtype == np.uint16
            assert float(file["pixel_size"]) == MICROGRAPH_PIXEL
            ours, theirs = file["instances"] > 0, simulated.labels > 0
            assert np.sum(ours & theirs) / np.sum(ours | theirs) > 0.9
    with (tmp_path / "out" / "particles.csv").open() as file:
        rows = list(csv.DictReader(file))
    xy = np.array([[row["x"], row["y"]] for row in rows], float)
    np.testing.assert_allclose(xy, np.concatenate([s.truth.xy for s in data_set.simulated]), atol=2e-3)
    with (tmp_path / "out" / "labels.csv").open() as file:
        assert [row["micrograph"] for row in csv.DictReader(file)] == ["field_1", "field_2"]


@pytest.mark.parametrize("kind", ["mrc", "png"])
def test_images_hold_the_same_in_every_format(data_set: DataSet, tmp_path: Path, kind: str) -> None:
    import cv2

    _run(data_set, tmp_path / "npz")
    assert _run(data_set, tmp_path / kind, "--format", kind).exit_code == 0
    with np.load(tmp_path / "npz" / "labels" / "field_1.npz") as file:
        for name in ("classes", "instances"):
            path = tmp_path / kind / "labels" / f"field_1_{name}.{kind}"
            read = mrcfile.read(path) if kind == "mrc" else cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(read, file[name])


def test_a_missing_micrograph_is_listed_and_does_not_stop_the_others(
    data_set: DataSet, tmp_path: Path
) -> None:
    result = _run(data_set, tmp_path / "out", "--micrographs", str(data_set.micrographs / "field_2.mrc"))
    assert result.exit_code == 3
    assert "the micrograph MotionCorr/job002/field_1.tiff is not among the micrographs" in result.output
    assert sorted(path.name for path in (tmp_path / "out" / "labels").iterdir()) == ["field_2.npz"]


def test_micrographs_of_another_binning_are_refused(data_set: DataSet, tmp_path: Path) -> None:
    for simulated in data_set.simulated:
        small = simulated.micrograph.data[::2, ::2]
        write_mrc(tmp_path / "small" / f"{simulated.truth.name}.mrc", small, pixel_size=MICROGRAPH_PIXEL)
    result = _run(data_set, tmp_path / "out", "--micrographs", str(tmp_path / "small"))
    assert result.exit_code == 1
    assert "coordinates lie outside its 224 × 192 pixels" in result.output
    assert not (tmp_path / "out").exists()


def test_two_statements_of_the_pixel_size_must_agree(data_set: DataSet, tmp_path: Path) -> None:
    for simulated in data_set.simulated:
        path = tmp_path / "odd" / f"{simulated.truth.name}.mrc"
        write_mrc(path, simulated.micrograph.data, pixel_size=1.3)
    odd = ("--micrographs", str(tmp_path / "odd"))
    result = _run(data_set, tmp_path / "out", *odd)
    assert result.exit_code == 1
    assert "1.3 Å by its own files, but of 2.5 Å by the particles' file" in result.output
    assert _run(data_set, tmp_path / "out", *odd, "--angpix", "2.5").exit_code == 0


def test_crops_tiles_and_contamination(data_set: DataSet, tmp_path: Path) -> None:
    shape = data_set.simulated[0].labels.shape
    dirt = np.zeros((shape[0] // 2, shape[1] // 2))
    dirt[:, 180:] = 1
    write_png(tmp_path / "masks" / "field_1_mask.png", dirt, bits=8, limits=(0, 255))
    write_mrc(tmp_path / "masks" / "field_1_carbon.mrc", np.roll(dirt, 20, axis=1) * 0.9, pixel_size=5.0)
    (tmp_path / "small.toml").write_text("[cutting]\ncrop = 40\n")
    masks = ("--contamination", str(tmp_path / "masks"), "--config", str(tmp_path / "small.toml"))
    result = _run(data_set, tmp_path / "out", "--crops", "--tiles", "--family", "made-up", *masks)
    assert result.exit_code == 0, result.output
    crops = read_crops(tmp_path / "out" / "crops.npz")
    assert crops.image.shape[1:] == (40, 40)
    assert set(crops.micrograph[crops.kind == 1]) == {"field_1"}
    assert set(crops.micrograph[crops.kind == 2]) == {"field_1", "field_2"}
    shards = [
        s for split in ("train", "validation", "test") for s in find_shards(tmp_path / "out" / "tiles", split)
    ]
    assert [path.name for path in shards] == ["00000.npz", "00001.npz"]
    bits = np.bitwise_or.reduce(read_shard(shards[0]).contamination, axis=None)
    assert bits == (1 << KINDS.index("ice")) | (1 << KINDS.index("carbon"))
    with np.load(tmp_path / "out" / "labels" / "field_1.npz") as file:
        assert (file["classes"][:, 360:] == 2).any()
        assert (file["classes"][:, :40] == 2).any()
        assert not (file["classes"][:, 50:350] == 2).any()


def test_picks_without_angles_end_with_a_clear_message(data_set: DataSet, tmp_path: Path) -> None:
    star = tmp_path / "picks.star"
    star.write_text("data_\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\na.mrc 5 6\n")
    result = _run(data_set, tmp_path / "out", star=star)
    assert isinstance(result.exception, CoordinateError)
    assert "rlnAngleRot" in str(result.exception)
