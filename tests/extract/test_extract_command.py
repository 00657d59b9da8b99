"""`cryoglean extract` as a user runs it, and against RELION's own extraction."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from typer.testing import CliRunner

from cryoglean.cli.app import app
from cryoglean.io import write_mrc
from cryoglean.io.formats.dialects import read_picks, write_picks
from cryoglean.io.formats.star import read_star
from cryoglean.types import Picks

PIXEL = 1.5
XY = np.array([[150, 160], [150.2, 160.3], [150.5, 160.5], [150.9, 160.99], [10, 20], [335, 295], [100, 4.7]])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> Path:
    """A folder with one uneven micrograph and its picks, some at the border."""
    monkeypatch.chdir(tmp_path)
    y, x = np.indices((300, 340))
    image = rng.normal(100, 10, y.shape) + 0.09 * x - 0.07 * y
    write_mrc("mics/a.mrc", image.astype(np.float32), pixel_size=PIXEL)
    picks = Picks(XY, diameter=60.0, name="a", shape=(300, 340), pixel_size=PIXEL)
    write_picks([replace(picks, path="mics/a.mrc")], "picks", format="relion")
    return tmp_path


def _extract(*options: str, out: str = "out"):
    return CliRunner().invoke(app, ["extract", "picks", "--micrographs", "mics", "--out", out, *options])


def test_stacks_come_with_a_star_file_of_optics_groups(project: Path) -> None:
    result = _extract("--box", "64", "--scale", "32", "--kv", "200")
    assert result.exit_code == 0, result.output
    optics, particles = read_star(Path("out/particles.star"))
    assert optics.floats("rlnImagePixelSize").tolist() == [2 * PIXEL]
    assert optics.floats("rlnImageSize").tolist() == [32]
    assert optics.floats("rlnVoltage").tolist() == [200]
    assert particles.text("rlnImageName")[1] == "000002@out/a.mrcs"
    with mrcfile.open("out/a.mrcs") as stack:
        assert stack.data.shape == (len(XY), 32, 32)
        assert stack.is_image_stack()
        assert float(stack.voxel_size.x) == pytest.approx(2 * PIXEL)
    (again,) = read_picks(Path("out/particles.star"))
    np.testing.assert_allclose(again.xy, XY, atol=1e-5)
    assert again.pixel_size == PIXEL


@pytest.mark.parametrize(("angstrom", "pixels"), [(50 * PIXEL, 50), (50.4 * PIXEL, 50), (51.2 * PIXEL, 52)])
def test_a_box_in_angstrom_has_an_even_number_of_pixels(project: Path, angstrom: float, pixels: int) -> None:
    Path("box.toml").write_text(f"box_angstrom = {angstrom}")
    assert _extract("--config", "box.toml").exit_code == 0
    assert mrcfile.read("out/a.mrcs").shape[1:] == (pixels, pixels)


def test_the_box_follows_from_the_diameter(project: Path) -> None:
    assert _extract().exit_code == 0
    assert mrcfile.read("out/a.mrcs").shape[1:] == (60, 60)


def test_a_diameter_in_pixels_of_unknown_size_scales_with_the_size_that_is_given(project: Path) -> None:
    image = mrcfile.read("mics/a.mrc")
    write_mrc("mics/a.mrc", image, pixel_size=None)
    picks = Picks(XY, diameter=40.0, in_pixels=True, name="a", path="mics/a.mrc", shape=image.shape)
    shutil.rmtree("picks")
    write_picks([picks], "picks", format="relion")
    refused = _extract()
    assert refused.exit_code
    assert "its pixel size is not known (give it with --angpix)" in refused.output
    assert _extract("--angpix", str(PIXEL)).exit_code == 0
    assert mrcfile.read("out/a.mrcs").shape[1:] == (60, 60)
    write_mrc("mics/a.mrc", image, pixel_size=PIXEL)  # the header was mended
    assert _extract(out="mended").exit_code == 0
    assert mrcfile.read("mended/a.mrcs").shape[1:] == (60, 60)


def test_boxes_across_the_border_can_be_dropped(project: Path) -> None:
    result = _extract("--box", "64", "--border", "drop", "--float16")
    assert result.exit_code == 0
    assert "3 picks at or beyond the border were left out" in result.output
    stack = mrcfile.read("out/a.mrcs")
    assert (stack.shape[0], stack.dtype) == (4, np.float16)


def test_particles_left_dark_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    y, x = np.indices((200, 200))
    disc = -30 * (np.hypot(x - 100, y - 100) < 20) + np.random.default_rng(0).normal(0, 5, y.shape)
    write_mrc("mics/a.mrc", disc.astype(np.float32), pixel_size=PIXEL)
    picks = Picks([[100, 100]], diameter=60.0, name="a", pixel_size=PIXEL)
    write_picks([picks], "picks", format="relion")
    assert "are dark in the stacks" not in _extract().output
    assert "are dark in the stacks" in _extract("--no-invert").output


def test_an_odd_box_and_magnification_are_refused(project: Path) -> None:
    assert "even number" in str(_extract("--box", "63").exception)
    assert "only made smaller" in str(_extract("--box", "64", "--scale", "80").exception)
    assert not Path("out").exists()


def test_a_missing_micrograph_is_listed(project: Path) -> None:
    other = Picks(XY[:1], diameter=60.0, name="zzz9", pixel_size=PIXEL)
    write_picks([Picks(XY, diameter=60.0, name="a", pixel_size=PIXEL), other], "two/picks.csv")
    result = CliRunner().invoke(
        app, ["extract", "two", "--micrographs", "mics", "--out", "out", "--angpix", "1.5"]
    )
    assert result.exit_code == 3
    assert "the micrograph zzz9 is not among the micrographs" in result.output
    assert Path("out/particles.star").is_file()


_MICROGRAPHS_STAR = """# version 30001

data_optics

loop_
_rlnOpticsGroupName
_rlnOpticsGroup
_rlnMicrographPixelSize
_rlnVoltage
_rlnSphericalAberration
_rlnAmplitudeContrast
one 1 1.5 300 2.7 0.1

# version 30001

data_micrographs

loop_
_rlnMicrographName
_rlnOpticsGroup
mics/a.mrc 1
"""


@pytest.mark.external
@pytest.mark.skipif(shutil.which("relion_preprocess") is None, reason="relion_preprocess is not installed")
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("normalise = false\ninvert = false", ()),
        ("background_radius = 24\ninvert = false", ("--norm", "--bg_radius", "24")),
        (
            "background_radius = 24\nramp = false\ninvert = false",
            ("--norm", "--bg_radius", "24", "--no_ramp"),
        ),
        (
            "scale = 48\nbackground_radius = 18",
            ("--scale", "48", "--norm", "--bg_radius", "18", "--invert_contrast"),
        ),
    ],
    ids=["box", "normalised", "without ramp", "rescaled and inverted"],
)
def test_images_are_those_of_relions_extraction(project: Path, ours: str, theirs: tuple[str, ...]) -> None:
    Path("ours.toml").write_text(ours)
    Path("mics.star").write_text(_MICROGRAPHS_STAR)
    shutil.copytree("picks", "coords/mics")
    command = [
        "relion_preprocess",
        "--i",
        "mics.star",
        "--coord_dir",
        "coords/",
        "--coord_suffix",
        "_autopick.star",
    ]
    command += ["--part_dir", "job/", "--part_star", "job.star", "--extract", "--extract_size", "64", *theirs]
    subprocess.run(command, check=True, capture_output=True)
    assert _extract("--box", "64", "--config", "ours.toml").exit_code == 0
    expected, found = mrcfile.read("job/mics/a.mrcs"), mrcfile.read("out/a.mrcs")
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.external
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("relion_refine") is None, reason="relion_refine is not installed")
def test_relions_classification_runs_on_the_stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    y, x = np.indices((300, 300))
    xy = (
        np.stack(np.meshgrid(np.arange(40, 270, 44), np.arange(40, 270, 44)), -1).reshape(-1, 2).astype(float)
    )
    image = rng.normal(100, 5, y.shape)
    for cx, cy in xy:
        image -= 12 * (np.hypot(x - cx, y - cy) < 14)
    write_mrc("mics/a.mrc", image.astype(np.float32), pixel_size=PIXEL)
    write_picks([Picks(xy, diameter=42.0, name="a", pixel_size=PIXEL)], "picks", format="relion")
    assert _extract("--scale", "24").exit_code == 0
    Path("class").mkdir()
    command = "relion_refine --i out/particles.star --o class/run --K 1 --iter 2 --particle_diameter 55"
    flags = "--psi_step 90 --oversampling 0 --offset_range 2 --offset_step 1 --norm --scale"
    subprocess.run([*command.split(), *flags.split()], check=True, capture_output=True)
    average = mrcfile.read("class/run_it002_classes.mrcs").reshape(24, 24)
    assert average[10:15, 10:15].mean() > 3 * abs(average[:3].mean())
