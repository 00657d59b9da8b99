"""Defocus and CTF fits of a run's micrographs: taken from STAR files, and kept."""

from pathlib import Path

import numpy as np
import pytest

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.defocus import keep_ctf, kept_ctf, kept_defocus
from cryoglean.engine.plan import plan_jobs
from cryoglean.errors import CoordinateError
from cryoglean.io.formats.optics import read_ctf
from cryoglean.io.formats.star import Block, write_star
from cryoglean.pickers.settings import PickConfig

OPTICS = {"rlnOpticsGroup": np.array([1]), "rlnVoltage": np.array([300.0])}


def write_optics(path: Path, names: list[str], defocus: list[float]) -> Path:
    """Write a file as CTF estimation leaves it, with 200 Å of astigmatism."""
    mean = np.array(defocus)
    rows = {"rlnMicrographName": np.array(names), "rlnDefocusU": mean + 100, "rlnDefocusV": mean - 100}
    write_star(path, [Block("optics", OPTICS), Block("micrographs", rows)])
    return path


def defocus_in(file: Path) -> dict[str, float]:
    return {name: fit.defocus for name, fit in read_ctf(file).items()}


def test_the_mean_of_both_principal_values_is_read(tmp_path: Path) -> None:
    file = write_optics(tmp_path / "ctf.star", ["a/mic1.mrc", "b/mic2.mrc"], [12_000.0, 8_000.0])
    assert defocus_in(file) == {"a/mic1.mrc": 12_000.0, "b/mic2.mrc": 8_000.0}


def test_of_particles_the_median_of_each_micrograph_is_taken(tmp_path: Path) -> None:
    names = ["mic2.mrc", "mic1.mrc", "mic2.mrc", "mic2.mrc"]
    file = write_optics(tmp_path / "particles.star", names, [1000.0, 5000.0, 3000.0, 2000.0])
    assert defocus_in(file) == {"mic1.mrc": 5000.0, "mic2.mrc": 2000.0}


def test_a_file_that_tells_no_defocus_gives_none(tmp_path: Path) -> None:
    rows = {"rlnMicrographName": np.array(["mic1.mrc"]), "rlnCtfMaxResolution": np.array([3.0])}
    write_star(tmp_path / "micrographs.star", [Block("micrographs", rows)])
    assert read_ctf(tmp_path / "micrographs.star") == {}


def test_a_word_for_a_defocus_is_an_error(tmp_path: Path) -> None:
    rows = {
        "rlnMicrographName": np.array(["mic1.mrc"]),
        "rlnDefocusU": np.array(["low"]),
        "rlnDefocusV": np.array(["1.0"]),
    }
    write_star(tmp_path / "ctf.star", [Block("micrographs", rows)])
    with pytest.raises(CoordinateError, match="_rlnDefocusU"):
        read_ctf(tmp_path / "ctf.star")


def test_names_pair_with_or_without_what_programs_add(tmp_path: Path, out: RunFolder) -> None:
    jobs = plan_jobs([Path("data/mic1_DW.mrc"), Path("data/mic2.mrc"), Path("data/mic3.mrc")])
    file = write_optics(tmp_path / "ctf.star", ["mic1.mrc", "mic2_DW.mrc", "else.mrc"], [1e4, 2e4, 3e4])
    assert keep_ctf(out, jobs, [file]).keys() == {"mic1_DW", "mic2"}
    assert kept_defocus(out) == {"mic1_DW": 1e4, "mic2": 2e4}


def test_what_was_known_stays_where_a_file_does_not_tell_it(tmp_path: Path, out: RunFolder) -> None:
    jobs = plan_jobs([Path("mic1.mrc"), Path("mic2.mrc")])
    keep_ctf(out, jobs, [write_optics(tmp_path / "one.star", ["mic1.mrc", "mic2.mrc"], [1e4, 2e4])])
    keep_ctf(out, jobs, [write_optics(tmp_path / "two.star", ["mic2.mrc"], [1.5e4])])
    assert keep_ctf(out, jobs, []) == {}
    assert kept_defocus(out) == {"mic1": 1e4, "mic2": 1.5e4}


def test_a_run_of_a_star_file_keeps_it(
    tmp_path: Path, session: list[Path], out: RunFolder, known: PickConfig
) -> None:
    file = write_optics(tmp_path / "ctf.star", [str(path) for path in session], [1e4] * len(session))
    assert kept_defocus(out) == {}
    pick(Run(session[:2], out, known, optics=[file]), report=lambda event: None)
    assert kept_defocus(out) == {"mic0000": 1e4, "mic0001": 1e4}


def test_how_good_the_fit_is_comes_along_where_the_file_has_it(tmp_path: Path, out: RunFolder) -> None:
    rows = {
        "rlnMicrographName": np.array(["mic1.mrc", "mic2.mrc"]),
        "rlnDefocusU": np.array([9000.0, 11_000.0]),
        "rlnDefocusV": np.array([9000.0, 11_000.0]),
        "rlnCtfMaxResolution": np.array([3.2, np.nan]),
    }
    write_star(tmp_path / "ctf.star", [Block("micrographs", rows)])
    keep_ctf(out, plan_jobs([Path("mic1.mrc"), Path("mic2.mrc")]), [tmp_path / "ctf.star"])
    first, second = kept_ctf(out).values()
    assert (first.defocus, first.resolution) == (9000.0, 3.2)
    assert np.isnan([first.figure_of_merit, second.resolution]).all()


def test_what_was_kept_by_the_version_before_is_read(out: RunFolder) -> None:
    out.root.mkdir()
    out.defocus.write_text("micrograph,defocus\nmic1,21000\n")
    assert kept_ctf(out)["mic1"].defocus == 21_000
    out.defocus.write_text("micrograph,defocus\nmic1,low\n")
    assert kept_ctf(out) == {}
    out.defocus.write_text("micrograph,a,b,c,d\nmic1,1,2,3,4\n")
    assert kept_ctf(out) == {}
