"""Class averages of a run: what is sorted, what is written, and what is said where it cannot be."""

import shutil
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoglean.classes.poses import Poses
from cryoglean.classes.run_classes import BOX_PX, PARTICLE_PX, RunClasses
from cryoglean.classes.settings import ClassesConfig
from cryoglean.engine import Run, RunFolder, pick, reselect
from cryoglean.engine.class_files import ClassesMade, kept_classes, write_classes
from cryoglean.engine.classes import make_classes
from cryoglean.engine.settings import EngineConfig
from cryoglean.errors import FileError, MicrographError
from cryoglean.io.formats import read_picks
from cryoglean.io.formats.star import read_star
from cryoglean.pickers.settings import PickConfig
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Picks
from tests.engine.session_files import ignore


@pytest.fixture(scope="module")
def picked(drawn: list[Path], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run whose micrographs no test may spoil."""
    folder = RunFolder(tmp_path_factory.mktemp("picked") / "run")
    config = PickConfig(diameter=96.0, contrast="dark")
    pick(Run(drawn, folder, config, EngineConfig(workers=1)), ignore)
    return folder


@pytest.fixture
def run(picked: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of it, in which a test may change what it likes."""
    shutil.copytree(picked.root, tmp_path / "run")
    return RunFolder(tmp_path / "run")


@pytest.fixture
def own_run(session: list[Path], out: RunFolder, known: PickConfig) -> RunFolder:
    """A run of micrographs that a test may spoil."""
    pick(Run(session, out, known, EngineConfig(workers=1)), ignore)
    return out


def files_of(folder: RunFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.classes.iterdir())}


def test_every_pick_is_in_a_class(run: RunFolder) -> None:
    made = make_classes(run)
    assert made is not None
    picked = read_picks(run.table)
    total = sum(len(part) for part in picked)
    assert made.total == len(made.classes.members) == made.classes.counts.sum() == total
    written = read_picks(run.class_particles)
    assert [part.name for part in written] == [part.name for part in picked]
    for one, other in zip(written, picked, strict=True):
        assert np.allclose(one.xy, other.xy)
        assert np.allclose(one.score, other.score, atol=1e-6)
    classes = np.concatenate([part.extra["rlnClassNumber"] for part in written])
    assert np.bincount(classes.astype(int))[1:].tolist() == made.classes.counts.tolist()


def test_averages_are_discs_of_the_run_and_relion_finds_them(run: RunFolder) -> None:
    make_classes(run)
    with mrcfile.open(run.class_averages) as file:
        assert file.voxel_size.x == pytest.approx(96.0 / PARTICLE_PX)
        assert file.is_image_stack()
        images = file.data.copy()
    y, x = np.mgrid[:BOX_PX, :BOX_PX] - BOX_PX // 2
    assert np.corrcoef(images[0].ravel(), (np.hypot(x, y) < 16).ravel())[0, 1] > 0.9
    (listed,) = read_star(run.class_star)
    assert listed.name == "model_classes"
    numbers = [name.split("@") for name in listed.text("rlnReferenceImage").tolist()]
    assert [int(number) for number, _ in numbers] == list(range(1, len(images) + 1))
    assert all(Path(stack).samefile(run.class_averages) for _, stack in numbers)
    assert listed.floats("rlnClassDistribution").sum() == pytest.approx(1)


def test_the_same_run_gives_the_same_bytes_whatever_the_cores(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_classes(run)
    before = files_of(run)
    monkeypatch.setattr("cryoglean.engine.classes.cores_given", lambda: 3)
    make_classes(run)
    assert files_of(run) == before


def test_a_part_of_the_picks_is_spread_evenly(run: RunFolder) -> None:
    made = make_classes(run, ClassesConfig(max_particles=12))
    assert made is not None
    assert len(made.classes.members) == 12 < made.total
    assert len(made.picks) == 6


def test_a_run_without_picks_has_no_classes_and_loses_former_ones(run: RunFolder) -> None:
    make_classes(run)
    reselect(run, SelectConfig(min_score=1.0))
    assert make_classes(run) is None
    assert not files_of(run)
    assert kept_classes(run) is None


def test_three_picks_are_one_class(run: RunFolder) -> None:
    made = make_classes(run, ClassesConfig(max_particles=3))
    assert made is not None
    assert made.classes.counts.tolist() == [3]


def test_a_micrograph_that_is_gone_costs_its_own_picks(own_run: RunFolder, session: list[Path]) -> None:
    session[2].unlink()
    made = make_classes(own_run)
    assert made is not None
    assert len(made.picks) == 5
    assert [str(error.path) for error in made.failures] == [str(session[2])]


def test_where_all_are_gone_it_says_so(own_run: RunFolder, session: list[Path]) -> None:
    for path in session:
        path.unlink()
    with pytest.raises(MicrographError, match="mic0000"):
        make_classes(own_run)
    assert kept_classes(own_run) is None


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"config\.toml"):
        make_classes(RunFolder(tmp_path))


def test_classes_of_former_picks_are_known_as_such(run: RunFolder) -> None:
    made = make_classes(run)
    kept = kept_classes(run)
    assert made is not None
    assert kept is not None
    assert kept.current
    assert (kept.picks, kept.total) == (made.total, made.total)
    assert [one.measures for one in kept.classes] == list(made.classes.measures)
    assert [one.judgement for one in kept.classes] == list(made.classes.judgements)
    assert np.allclose([one.image for one in kept.classes], made.classes.images)
    reselect(run, SelectConfig(max_picks=2))
    kept = kept_classes(run)
    assert kept is not None
    assert not kept.current


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"not what it was")])
@pytest.mark.parametrize("name", ["class_table", "class_averages"])
def test_damaged_files_are_as_good_as_none(
    run: RunFolder, name: str, spoil: Callable[[Path], object]
) -> None:
    make_classes(run)
    spoil(getattr(run, name))
    assert kept_classes(run) is None


@pytest.mark.parametrize(
    ("pixel_size", "label", "unit"), [(2.0, "rlnOriginXAngst", 3.0), (None, "rlnOriginX", 1.5)]
)
def test_a_coordinate_less_its_origin_is_the_centre(
    tmp_path: Path, pixel_size: float | None, label: str, unit: float
) -> None:
    poses = Poses(np.array([[2.0, -1.0]]), np.array([90.0]), np.array([True]))
    images = np.zeros((1, BOX_PX, BOX_PX), np.float32)
    one = RunClasses(images, np.zeros(1, np.int64), poses, np.ones(1, np.float32), ())
    picks = Picks([[100.0, 50.0]], name="mic", pixel_size=pixel_size)
    folder = RunFolder(tmp_path)
    write_classes(folder, ClassesMade(one, (picks,), unit, 1))
    (written,) = read_picks(folder.class_particles)
    assert float(written.extra[label][0]) == -2.0 * unit
    assert float(written.extra[label.replace("X", "Y")][0]) == 1.0 * unit
    assert float(written.extra["rlnAnglePsi"][0]) == 90.0
