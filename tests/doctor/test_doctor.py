"""What the doctor finds in data sets that are ill in a known way."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from cryoglean.cli.app import app
from cryoglean.doctor import Examination, Finding, examine
from cryoglean.doctor.files import look_at
from cryoglean.io import expand_inputs, write_mrc, write_png
from cryoglean.io.formats.dialects import write_picks
from cryoglean.types import MicrographFile, Picks

PIXEL, SIDE, DIAMETER_PX = 2.0, 384, 30


def _discs(seed: int, contrast: float = -1.0) -> tuple[np.ndarray, np.ndarray]:
    """A field of discs in noise, and their centres, more of them low than high."""
    rng = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(np.arange(30, SIDE - 25, 52), np.arange(30, SIDE - 150, 52)), -1).reshape(
        -1, 2
    )
    xy = places + rng.integers(-6, 7, places.shape)
    y, x = np.indices((SIDE, SIDE))
    image = rng.normal(100, 1.5, (SIDE, SIDE))
    for cx, cy in xy:
        image += 1.5 * contrast * (np.hypot(x - cx, y - cy) < DIAMETER_PX / 2)
    return image.astype(np.float32), xy.astype(float)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three healthy micrographs."""
    for seed in range(3):
        write_mrc(tmp_path / "data" / f"grid_{seed}.mrc", _discs(seed)[0], pixel_size=PIXEL)
    return tmp_path / "data"


def _examine(folder: Path, **options: object) -> Examination:
    return examine(expand_inputs([folder]), **options)  # type: ignore[arg-type]


def _of(found: Examination, check: str) -> list[Finding]:
    return [finding for finding in found.findings if finding.check == check]


def _write_picks(folder: Path, *, flip: bool) -> Path:
    picks = []
    for seed in range(3):
        xy = _discs(seed)[1]
        xy[:, 1] = SIDE - 1 - xy[:, 1] if flip else xy[:, 1]
        picks.append(Picks(xy, name=f"grid_{seed}", pixel_size=PIXEL))
    (path,) = write_picks(picks, folder.parent / "picks.csv")
    return path


def test_nothing_is_wrong_with_a_healthy_folder(folder: Path) -> None:
    found = _examine(folder)
    assert len(found.usable) == 3
    assert {finding.level for finding in found.findings if finding.check != "network"} == {"ok"}
    assert "2 Å in every file" in _of(found, "pixel size")[0].text
    (contrast,) = _of(found, "contrast")
    assert "dark" in contrast.text


def test_bright_particles_are_told(tmp_path: Path) -> None:
    for seed in range(2):
        write_mrc(tmp_path / f"grid_{seed}.mrc", _discs(seed, contrast=1)[0], pixel_size=PIXEL)
    (contrast,) = _of(_examine(tmp_path), "contrast")
    assert contrast.level == "warning"
    assert "bright" in contrast.text


def test_a_truncated_file_is_a_problem(folder: Path) -> None:
    path = folder / "grid_1.mrc"
    path.write_bytes(path.read_bytes()[:-5000])
    found = _examine(folder)
    (finding,) = found.problems
    assert finding.files == ("grid_1.mrc",)
    assert "cut off: 5,000 bytes" in finding.text
    assert len(found.usable) == 2


def test_rubbish_and_blank_files_are_problems(folder: Path) -> None:
    (folder / "grid_0.mrc").write_bytes(b"not an image at all" * 100)
    write_mrc(folder / "grid_2.mrc", np.zeros((SIDE, SIDE), np.float32), pixel_size=PIXEL)
    found = _examine(folder)
    faults = {finding.files[0]: finding.text for finding in found.problems}
    assert "no format known here" in faults["grid_0.mrc"]
    assert "blank" in faults["grid_2.mrc"]


def test_a_picture_without_its_end_is_a_problem(folder: Path) -> None:
    write_png(folder / "zoo.png", _discs(5)[0])
    assert not _examine(folder).problems
    path = folder / "zoo.png"
    path.write_bytes(path.read_bytes()[:-3000])
    (finding,) = _examine(folder).problems
    assert finding.files == ("zoo.png",)


def test_a_tiff_without_its_end_is_a_problem(folder: Path) -> None:
    path = folder / "zoo.tif"
    tifffile.imwrite(path, _discs(5)[0], compression="zlib")
    assert not _examine(folder).problems
    path.write_bytes(path.read_bytes()[:-3000])
    (finding,) = _examine(folder).problems
    assert finding.files == ("zoo.tif",)
    assert "cut off: 3,000 bytes" in finding.text


@pytest.mark.filterwarnings("ignore:Data array contains NaN")
def test_damage_that_only_reading_shows_is_a_problem_not_the_end(tmp_path: Path) -> None:
    image = np.full((SIDE, SIDE), np.nan, np.float32)
    image[:, ::2] = np.inf
    write_mrc(tmp_path / "grid.mrc", image, pixel_size=PIXEL)
    (finding,) = _examine(tmp_path).problems
    assert "no pixel is a number" in finding.text


def test_a_movie_is_a_problem(folder: Path) -> None:
    write_mrc(folder / "movie.mrc", np.stack([_discs(8)[0]] * 3), pixel_size=PIXEL)
    (finding,) = _examine(folder).problems
    assert "cryoglean average" in finding.text


def test_copies_are_found_by_content_not_by_name(folder: Path) -> None:
    shutil.copy(folder / "grid_0.mrc", folder / "other.mrc")
    (finding,) = _of(_examine(folder), "duplicates")
    assert set(finding.files) == {"grid_0.mrc", "other.mrc"}


def test_one_name_in_two_folders_is_no_problem_and_names_are_told(folder: Path) -> None:
    (folder / "again").mkdir()
    write_mrc(folder / "again" / "grid_0.mrc", _discs(7)[0], pixel_size=PIXEL)
    found = examine(expand_inputs([folder, folder / "again"]))
    assert not found.problems
    (finding,) = _of(found, "names")
    assert f"{folder / 'grid_0.mrc'} is called data_grid_0" in finding.text
    assert f"{folder / 'again' / 'grid_0.mrc'} is called grid_0" in finding.text


def test_awkward_names_are_told(folder: Path) -> None:
    (folder / "grid_0.mrc").rename(folder / "grid 0 (copy).mrc")
    (finding,) = _of(_examine(folder), "names")
    assert (finding.level, finding.files) == ("warning", ("grid 0 (copy).mrc",))


def test_pixel_sizes_that_differ_or_are_missing_are_told(folder: Path) -> None:
    write_mrc(folder / "grid_1.mrc", _discs(1)[0], pixel_size=3.1)
    write_mrc(folder / "grid_9.mrc", _discs(9)[0], pixel_size=1.0)
    unknown, differing = _of(_examine(folder), "pixel size")
    assert unknown.files == ("grid_9.mrc",)
    assert "--angpix" in unknown.text
    assert differing.files == ("grid_1.mrc",)
    assert any("you say 4 Å" in f.text for f in _of(_examine(folder, angpix=4.0), "pixel size"))


def test_picks_the_right_way_up_are_well(folder: Path) -> None:
    found = _examine(folder, picks=_write_picks(folder, flip=False))
    assert [finding.level for finding in (*_of(found, "picks"), *_of(found, "orientation"))] == ["ok", "ok"]


def test_picks_upside_down_are_a_problem(folder: Path) -> None:
    found = _examine(folder, picks=_write_picks(folder, flip=True))
    (finding,) = found.problems
    assert finding.check == "orientation"
    assert "--flip-y yes" in finding.text


def test_picks_of_another_binning_or_other_micrographs_are_told(folder: Path) -> None:
    scaled = [Picks(_discs(0)[1] * 4, name="grid_0", pixel_size=PIXEL), Picks([[5, 5]], name="zebra")]
    (path,) = write_picks(scaled, folder.parent / "picks.csv")
    found = _examine(folder, picks=path)
    alone, binned = _of(found, "picks")
    assert (alone.level, alone.files) == ("warning", ("zebra",))
    assert "another binning" in binned.text


def test_large_files_are_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.mrc"
    write_mrc(path, np.ones((16, 16), np.float32), pixel_size=1.5)
    header = bytearray(path.read_bytes()[:1024])
    header[:8] = np.array([32768, 16384], "<i4").tobytes()
    with path.open("wb") as file:
        file.write(header)
        file.truncate(1024 + 4 * 32768 * 16384)
    start = time.perf_counter()
    report = look_at(MicrographFile(path), path.name)
    assert time.perf_counter() - start < 0.5
    assert report.header is not None
    assert report.fault.startswith("blank")


def test_the_command_prints_a_table_and_json_and_leaves_with_a_code(folder: Path) -> None:
    runner = CliRunner()
    healthy = runner.invoke(app, ["doctor", str(folder)])
    assert healthy.exit_code == 0
    assert "ok\tcontrast\tparticles are dark" in healthy.output
    (folder / "grid_1.mrc").write_bytes(b"x" * 2000)
    ill = runner.invoke(app, ["doctor", str(folder), "--json"])
    assert ill.exit_code == 3
    document = json.loads(ill.output)
    assert document["usable"] == 2
    assert [bool(file["fault"]) for file in document["files"]] == [False, True, False]
    for path in folder.iterdir():
        path.write_bytes(b"x" * 2000)
    assert runner.invoke(app, ["doctor", str(folder)]).exit_code == 1


@pytest.mark.slow
def test_real_micrographs_are_well_and_their_labels_the_right_way_up(shared: Path) -> None:
    data = shared / "data" / "apoferritin"
    found = _examine(data / "micrographs", picks=data / "truth")
    assert not found.problems
    assert _of(found, "orientation")[0].level == "ok"
