"""Two jobs of RELION with micrographs of the same names, picked together: each keeps what is its own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.picks import read_picks_or_run
from cryoglean.engine.settings import EngineConfig
from cryoglean.io import expand_inputs, write_mrc
from cryoglean.io.formats import read_picks, write_picks
from cryoglean.io.formats.star import read_star
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Picks
from tests.conftest import Outcome

Program = Callable[..., Outcome]

JOBS = ("MotionCorr/job002/Movies", "MotionCorr/job003/Movies")
PATHS = tuple(f"{job}/m{number}.mrc" for job in JOBS for number in (1, 2))
PIXEL_SIZES = dict(zip(PATHS, (4.0, 4.0, 4.4, 4.4), strict=True))
SIDE, RADIUS = 240, 12


def centres_of(path: str) -> np.ndarray:
    """Return places of particles, other ones and others in number in each micrograph."""
    rng = np.random.default_rng(PATHS.index(path))
    cells = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2) * 46.0 + 28
    return rng.permutation(cells)[: 8 + 2 * PATHS.index(path)] + rng.integers(-4, 5, 2)


@pytest.fixture(scope="module")
def picked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose STAR file alone says pixel sizes, with a run of all its micrographs."""
    project = tmp_path_factory.mktemp("project")
    y, x = np.mgrid[:SIDE, :SIDE]
    for seed, path in enumerate(PATHS):
        image = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE))
        for column, row in centres_of(path):
            image -= 2.0 * (np.hypot(x - column, y - row) < RADIUS)
        write_mrc(project / path, image.astype(np.float32), pixel_size=None)
    rows = "".join(f"{path} {1 + PATHS.index(path) // 2}\n" for path in PATHS)
    (project / "micrographs.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroupName\n_rlnOpticsGroup\n_rlnVoltage\n_rlnMicrographPixelSize\n"
        "screening 1 200 4.0\ncollection 2 300 4.4\n\n"
        "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\n" + rows
    )
    with pytest.MonkeyPatch.context() as here:
        here.chdir(project)
        config = PickConfig(diameter=96.0, contrast="dark")
        inputs = expand_inputs(["micrographs.star"])
        pick(Run(inputs, RunFolder(Path("run")), config, EngineConfig(workers=1)), lambda _: None)
    return project


@pytest.fixture
def project(picked: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(picked)
    return picked


def truth(*, number: int = 4) -> list[Picks]:
    """Return the particles of some of the micrographs."""
    return [
        Picks(centres_of(path), diameter=96.0, name="m", path=path, pixel_size=PIXEL_SIZES[path])
        for path in PATHS[:number]
    ]


def assert_are_their_own(
    sets: list[Picks], paths: tuple[str, ...] = PATHS, *, calibrated: bool = True
) -> None:
    """Assert that each particle of each micrograph is there, and nothing else."""
    assert [part.path for part in sets] == list(paths)
    for part in sets:
        true = centres_of(part.path)
        assert len(part) == len(true)
        distances = np.linalg.norm(part.xy[:, None] - true[None], axis=2)
        assert distances.min(axis=0).max() < RADIUS / 2
        known = pytest.approx(PIXEL_SIZES[part.path], rel=1e-5)
        assert part.pixel_size == (known if calibrated else None)


@pytest.mark.parametrize("source", ["run", "run/autopick.star", "run/picks.csv", "run/picks"])
def test_picks_are_of_their_own_micrographs_and_pixel_sizes(project: Path, source: str) -> None:
    assert_are_their_own(sorted(read_picks_or_run(Path(source)), key=lambda part: part.path))


def test_lists_name_micrographs_as_the_input_did(project: Path) -> None:
    (listed,) = read_star(Path("run/autopick.star"))
    assert listed.text("rlnMicrographName").tolist() == list(PATHS)


@pytest.mark.parametrize("source", ["run", "run/autopick.star", "run/picks.csv", "run/picks"])
@pytest.mark.parametrize("micrographs", ["micrographs.star", "MotionCorr"])
def test_stacks_hold_their_own_particles(
    project: Path, tmp_path: Path, cryoglean: Program, source: str, micrographs: str
) -> None:
    ran = cryoglean("extract", source, "--micrographs", micrographs, "--out", tmp_path / "out", "--box", 32)
    assert ran.code == 0, ran.err
    optics, particles = read_star(tmp_path / "out" / "particles.star")
    assert sorted(optics.floats("rlnImagePixelSize")) == pytest.approx([4.0, 4.4])
    if micrographs == "micrographs.star":
        assert sorted(optics.floats("rlnVoltage")) == [200, 300]
    names = particles.text("rlnMicrographName")
    assert sorted(set(names)) == list(PATHS)
    group_of = dict(zip(optics.floats("rlnOpticsGroup"), optics.floats("rlnImagePixelSize"), strict=True))
    for path in PATHS:
        own = names == path
        assert own.sum() == len(centres_of(path))
        sizes = [group_of[group] for group in particles.floats("rlnOpticsGroup")[own]]
        assert sizes == pytest.approx([PIXEL_SIZES[path]] * own.sum())
        for image in particles.text("rlnImageName")[own]:
            number, _, stack = image.partition("@")
            with mrcfile.open(stack) as opened:
                found = opened.data[int(number) - 1]
            assert found[14:19, 14:19].mean() > found[:3].mean() + 0.5


@pytest.mark.parametrize("form", ["csv", "relion", "cryosparc"])
def test_conversion_keeps_names_and_pixel_sizes(
    project: Path, tmp_path: Path, cryoglean: Program, form: str
) -> None:
    out = tmp_path / {"csv": "out.csv", "relion": "out", "cryosparc": "out.cs"}[form]
    ran = cryoglean("convert", "run", out, "--to", form)
    assert ran.code == 0, ran.err
    # Tables and coordinate files have no place for pixel sizes.
    found = sorted(read_picks(out), key=lambda part: part.path)
    assert_are_their_own(found, calibrated=form == "cryosparc")


def test_evaluation_compares_each_with_its_own_truth(
    project: Path, tmp_path: Path, cryoglean: Program
) -> None:
    write_picks(truth(), tmp_path / "truth.csv", format="csv")
    ran = cryoglean("evaluate", tmp_path / "truth.csv", "run", "--tolerance", 0.25)
    assert ran.code == 0, ran.err
    assert "4 micrographs, 44 particles, 44 picks" in ran.out
    assert "1.000" in ran.out


def test_programs_are_merged_micrograph_by_micrograph(
    project: Path, tmp_path: Path, cryoglean: Program
) -> None:
    write_picks(truth(number=3), tmp_path / "other.csv", format="csv")
    ran = cryoglean("merge", "run", tmp_path / "other.csv", "--min-votes", 2, "--out", tmp_path / "both.csv")
    assert ran.code == 0, ran.err
    both = [part for part in read_picks(tmp_path / "both.csv") if len(part)]
    assert_are_their_own(sorted(both, key=lambda part: part.path), PATHS[:3], calibrated=False)


def test_doctor_finds_nothing_wrong_with_them(project: Path, cryoglean: Program) -> None:
    ran = cryoglean("doctor", "micrographs.star", "--picks", "run")
    assert ran.code == 0, ran.err
    assert "could be" not in ran.out


def test_what_picks_of_a_bare_name_belong_to_is_not_guessed(
    project: Path, tmp_path: Path, cryoglean: Program
) -> None:
    (tmp_path / "m1.box").write_text("10 10 24 24\n")
    ran = cryoglean(
        "extract", tmp_path / "m1.box", "--micrographs", "MotionCorr", "--out", tmp_path / "out", "--box", 32
    )
    assert ran.code == 1
    assert f"m1 could be {project / PATHS[0]} or {project / PATHS[2]}" in ran.err


def test_a_project_that_was_moved_with_its_run_goes_on(
    project: Path, tmp_path: Path, cryoglean: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(project, tmp_path / "moved", copy_function=shutil.copy2)
    monkeypatch.chdir(tmp_path / "moved")
    before = Path("run/picks.csv").read_bytes()
    options = ("--diameter", 96, "--contrast", "dark", "--workers", 1)
    ran = cryoglean("pick", "micrographs.star", "--out", "run", *options)
    assert ran.code == 0, ran.err
    assert "4 done before" in ran.err
    assert Path("run/picks.csv").read_bytes() == before
