"""Of pictures that show one field, a folder gives one, and says so."""

from pathlib import Path

import pytest

from cryoglean.io import expand_inputs
from cryoglean.io.versions import one_of_each_field


def taken(*names: str) -> tuple[list[str], list[str]]:
    notes: list[str] = []
    return [path.name for path in one_of_each_field([Path(name) for name in names], notes.append)], notes


@pytest.mark.parametrize(
    ("names", "one"),
    [
        (["x.mrc", "x_DW.mrc", "x_DWS.mrc", "x_PS.mrc"], "x_DW.mrc"),
        (["x.mrc", "x_noDW.mrc", "x_PS.mrc"], "x.mrc"),
        (["x_EVN.mrc", "x.mrc", "x_ODD.mrc"], "x.mrc"),
        (["x_ODD.mrc", "x_EVN.mrc"], "x_EVN.mrc"),
        (["x_DW_EVN.mrc", "x_DW_ODD.mrc", "x_DW.mrc"], "x_DW.mrc"),
        (["x_patch_aligned.mrc", "x_patch_aligned_doseweighted.mrc"], "x_patch_aligned_doseweighted.mrc"),
        (["x.mrc", "x_denoised.mrc", "x_lowpass.mrc"], "x.mrc"),
        (["x_fractions.tiff", "x.mrc"], "x.mrc"),
        (["x_PS.mrc", "x_ODD.mrc", "x_EVN.mrc"], "x_EVN.mrc"),
    ],
)
def test_of_several_versions_one_is_taken_whatever_their_order(names, one):
    for order in (names, names[::-1]):
        stays, notes = taken(*order)
        assert stays == [one]
        for name in names:
            assert any(name in note for note in notes)


def test_a_power_spectrum_is_called_one():
    _, notes = taken("x.mrc", "x_PS.mrc")
    assert notes == ["the power spectrum of a micrograph beside it is left out: x_PS.mrc"]


@pytest.mark.parametrize(
    "names",
    [
        ["x_1.mrc", "x_2.mrc", "x_12.mrc"],
        ["x_PS.mrc"],
        ["a/x.mrc", "b/x_DW.mrc"],
        ["x_EVN.mrc", "y_EVN.mrc"],
        ["000000000000000000001_x.mrc", "000000000000000000002_x.mrc"],
    ],
)
def test_other_fields_and_lone_pictures_stay(names):
    stays, notes = taken(*names)
    assert (stays, notes) == ([Path(name).name for name in names], [])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("x.mrc", "x_DW.mrc", "x_PS.mrc", "y_EVN.mrc", "y_ODD.mrc"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_folders_and_globs_give_one_version_and_files_that_are_named_all_stay(folder):
    notes: list[str] = []
    for given in (".", "*.mrc"):
        assert [one.name for one in expand_inputs([given], note=notes.append)] == ["x_DW.mrc", "y_EVN.mrc"]
    assert len(notes) == 4
    named = ["x.mrc", "x_DW.mrc", "x_PS.mrc"]
    assert [one.name for one in expand_inputs(named, note=notes.append)] == named
    assert [one.name for one in expand_inputs(["*_ODD.mrc"], note=notes.append)] == ["y_ODD.mrc"]
    assert len(notes) == 4


def test_who_looks_for_the_micrographs_of_picks_gets_all_versions(folder):
    assert len(expand_inputs(["."])) == 5


def test_pick_and_doctor_say_what_they_leave_out(folder, cryoglean):
    import numpy as np

    from cryoglean.io import write_mrc
    from tests.engine.session_files import draw_micrograph

    image = draw_micrograph(np.random.default_rng(0), particles=9)
    for path in folder.glob("*.mrc"):
        write_mrc(path, image, pixel_size=4.0)
    (folder / "y_EVN.mrc").unlink()
    said = cryoglean("pick", ".", "--out", "run", "--diameter", 96, "--no-report").err
    assert "x_PS.mrc" in said
    assert "power spectrum" in said
    assert "taken once, as x_DW.mrc; left out: x.mrc" in said
    assert {row.split(",")[0] for row in Path("run/picks.csv").read_text().split()[1:]} == {"x_DW", "y_ODD"}
    said = cryoglean("doctor", ".").out
    assert "versions\tone field in several versions" in said
