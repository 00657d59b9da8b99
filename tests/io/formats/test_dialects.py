"""What each dialect means, and that picks survive it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cryoglean.errors import CoordinateError, UsageError
from cryoglean.io.formats import DIALECTS, read_picks, write_picks
from cryoglean.io.formats.dialects import ManyInOne
from cryoglean.types import Picks

# How far a centre may move: boxes of EMAN are whole numbers, fractions of cryoSPARC float32, and a corner has
# nine digits whatever the centre is.
BLUR = {"eman": 0.5, "cryosparc": 4096 * 2**-24, "eman2": 1e-6, "cryolo": 1e-5}
WITHOUT_DIAMETER = {"eman", "eman2"}
names = st.text("abcXYZ0189.-_ é", min_size=1, max_size=12).filter(
    lambda name: name.strip() == name and not name.startswith((".", "-")) and "_" not in name[-1:]
)


@st.composite
def picks_of_one(draw, name: str) -> Picks:
    n = draw(st.integers(0, 6))
    width = draw(st.sampled_from([64, 101, 256]))
    floats = hnp.arrays(np.float64, n, elements=st.floats(0, 1, width=32))
    return Picks(
        draw(hnp.arrays(np.float64, (n, 2), elements=st.floats(-10, 4100, width=32))),
        score=draw(floats),
        diameter=np.full(n, 110.5),
        kind=draw(st.lists(st.sampled_from(["particle", "top", "side"]), min_size=n, max_size=n)),
        name=name,
        shape=(4096, 3838),
        pixel_size=draw(st.sampled_from([1.0, 0.8320000171661377, 2.5])),
        extra={
            "rlnDefocusU": draw(floats) * 20_000,
            "rlnCtfImage": np.array(draw(st.lists(st.text("a b'", max_size=5), min_size=n, max_size=n)), str),
            "box_width": np.full(n, width),
            "box_height": np.full(n, width),
        },
    )


@st.composite
def runs(draw) -> list[Picks]:
    called = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    return [draw(picks_of_one(name)) for name in called]


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_picks_survive_every_dialect(dialect, tmp_path_factory, data):
    given_picks = data.draw(runs())
    folder = tmp_path_factory.mktemp("run")
    write_picks(given_picks, folder, format=dialect)
    again = {picks.name: picks for picks in read_picks(folder, format=dialect)}

    flat = isinstance(DIALECTS[dialect], ManyInOne)
    expected = [picks for picks in given_picks if len(picks) or not flat]
    assert set(again) == {picks.name for picks in expected}
    for picks in expected:
        other = again[picks.name]
        np.testing.assert_allclose(other.xy, picks.xy, rtol=1e-8, atol=BLUR.get(dialect, 0) + 1e-9)
        np.testing.assert_allclose(other.score, picks.score, rtol=1e-6)
        if dialect not in WITHOUT_DIAMETER and len(picks):
            # crYOLO has the diameter in pixels, and no pixel size.
            scale = picks.pixel_size if dialect == "cryolo" else 1
            np.testing.assert_allclose(other.diameter * scale, picks.diameter, rtol=1e-6)
        if dialect not in {"eman", "eman2", "cryolo"}:
            assert other.kind.tolist() == picks.kind.tolist()


@pytest.mark.parametrize("dialect", sorted(set(DIALECTS) - {"eman", "eman2", "parquet"}))
def test_unknown_columns_survive(dialect, tmp_path):
    extra = {
        "rlnDefocusU": np.array([12000.5, np.nan]),
        "myNote": np.array(["a b", "it's"]),
        "order": np.array([7, 2**40]),
        "grid": np.array(["0017", "12_5"]),
    }
    xy = np.array([[10.0, 20.0], [30.0, 40.0]])
    picks = Picks(xy, name="m", shape=(100, 200), diameter=20.0, pixel_size=1.0, extra=extra)
    write_picks([picks], tmp_path / "run", format=dialect)
    (again,) = read_picks(tmp_path / "run", format=dialect)
    np.testing.assert_array_equal(again.extra["rlnDefocusU"], extra["rlnDefocusU"])
    for label in ("myNote", "order", "grid"):
        assert again.extra[label].tolist() == extra[label].tolist()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_empty_result_is_a_valid_file(dialect, tmp_path):
    files = write_picks([Picks(np.empty((0, 2)), name="blank")], tmp_path / "run", format=dialect)
    assert all(file.exists() for file in files)
    again = read_picks(tmp_path / "run", format=dialect)
    assert sum(map(len, again)) == 0
    if not isinstance(DIALECTS[dialect], ManyInOne):
        assert [picks.name for picks in again] == ["blank"]


@pytest.mark.parametrize("dialect", ["relion", "eman", "cryolo", "csv", "tsv"])
def test_a_file_without_a_byte_holds_no_picks(dialect, tmp_path):
    path = tmp_path / f"m{DIALECTS[dialect].suffix}"
    path.touch()
    (picks,) = read_picks(path, format=dialect)
    assert (len(picks), picks.name) == (0, "m")


def test_relion_coordinates_are_those_of_its_own_autopicking(tmp_path):
    picks = Picks(np.array([[839.125024, 19.979167]]), score=np.array([0.624705]), name="mic")
    (path, listing) = write_picks([picks], tmp_path, format="relion")
    assert (path.name, listing.name) == ("mic_autopick.star", "autopick.star")
    labels = [line.split()[0] for line in path.read_text().splitlines() if line.startswith("_")]
    assert labels == [
        "_rlnCoordinateX",
        "_rlnCoordinateY",
        "_rlnAutopickFigureOfMerit",
        "_rlnClassNumber",
        "_rlnAnglePsi",
    ]
    row = path.read_text().split("\n")[-3].split()
    np.testing.assert_allclose([float(word) for word in row], [839.125024, 19.979167, 0.624705, 0, 0])
    text = listing.read_text()
    assert "data_coordinate_files" in text
    assert f"mic.mrc {path}" in text


def test_relion_list_names_files_from_the_project_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = {"a": "MotionCorr/job002/Movies/a.mrc", "b": ""}
    picks = [Picks(np.array([[1.0, 2.0]]), name=name, path=path) for name, path in paths.items()]
    write_picks(picks, "External/job003/autopick.star")
    text = Path("External/job003/autopick.star").read_text()
    assert "MotionCorr/job002/Movies/a.mrc External/job003/a_autopick.star\n" in text
    monkeypatch.chdir("/")
    again = read_picks(tmp_path / "External/job003/autopick.star")
    assert [p.name for p in again] == ["a", "b"]
    assert [p.path for p in again] == ["MotionCorr/job002/Movies/a.mrc", "b.mrc"]


@pytest.mark.parametrize("entry", ["autopick.star", "../autopick.star", "missing_autopick.star"])
def test_a_list_that_lists_itself_or_nothing_is_an_error(entry, tmp_path):
    path = tmp_path / "autopick.star"
    labels = "_rlnMicrographName\n_rlnMicrographCoordinates"
    path.write_text(f"data_coordinate_files\nloop_\n{labels}\nm.mrc {entry}\n")
    with pytest.raises(CoordinateError, match=r"itself a list|not there"):
        read_picks(path)


def test_relion_3_suffix_file(tmp_path):
    job = tmp_path / "AutoPick/job006"
    write_picks([Picks(np.array([[5.0, 6.0]]), name="mic1")], job / "Movies/mic1_autopick.star")
    (job / "coords_suffix_autopick.star").write_text("CtfFind/job003/micrographs_ctf.star\n")
    (picks,) = read_picks(job / "coords_suffix_autopick.star")
    assert picks.name == "mic1"
    assert picks.xy.tolist() == [[5, 6]]


def test_particles_of_several_pixel_sizes_are_in_several_optics_groups(tmp_path):
    picks = [
        Picks(
            np.array([[1.0, 2.0], [3.0, 4.0]]),
            name="a",
            pixel_size=0.8,
            extra={"rlnVoltage": np.full(2, 300.0)},
        ),
        Picks(np.array([[5.0, 6.0]]), name="b", pixel_size=1.1, extra={"rlnVoltage": np.full(1, 200.0)}),
    ]
    (path,) = write_picks(picks, tmp_path / "particles.star", format="relion-particles")
    text = path.read_text()
    assert text.index("data_optics") < text.index("data_particles")
    again = read_picks(path)
    assert [(p.name, p.pixel_size, len(p)) for p in again] == [("a", 0.8, 2), ("b", 1.1, 1)]
    assert again[1].extra["rlnVoltage"].tolist() == [200]
    assert [p.extra["rlnOpticsGroupName"][0] for p in again] == ["opticsGroup1", "opticsGroup2"]


def test_relion_3_0_has_the_pixel_size_in_magnification_and_detector_pixel(tmp_path):
    picks = Picks(np.array([[1.0, 2.0]]), name="a", pixel_size=1.338)
    (path,) = write_picks([picks], tmp_path / "particles.star", format="relion-3.0")
    assert "data_optics" not in path.read_text()
    (again,) = read_picks(path)
    np.testing.assert_allclose(again.pixel_size, 1.338)


def test_a_particle_of_an_optics_group_that_is_not_there_is_an_error(tmp_path):
    path = tmp_path / "particles.star"
    write_picks([Picks(np.array([[1.0, 2.0]]), name="a")], path, format="relion-particles")
    path.write_text(path.read_text().replace("a.mrc 1\n", "a.mrc 9\n"))
    with pytest.raises(CoordinateError, match="optics group '9'"):
        read_picks(path)


def test_eman_boxes_are_given_by_their_corner(tmp_path):
    path = tmp_path / "mic.box"
    path.write_text("3222\t2238\t180\t180\t6.3771067\n2674\t-30\t180\t180\t5.0976233\n")
    (picks,) = read_picks(path)
    assert picks.xy.tolist() == [[3312, 2328], [2764, 60]]
    assert picks.score.tolist() == [6.3771067, 5.0976233]
    write_picks([picks], tmp_path / "again.box")
    assert (tmp_path / "again.box").read_text() == path.read_text()


def test_marks_of_boxes_set_by_hand_are_not_scores(tmp_path):
    path = tmp_path / "mic.box"
    path.write_text("10 20 40 40 -3\n110 20 40 40 -3\n")
    (picks,) = read_picks(path)
    assert picks.score.tolist() == [1, 1]
    assert picks.extra["tag"].tolist() == [-3, -3]


@pytest.mark.parametrize("dialect", ["eman", "cryolo"])
def test_a_box_without_size_is_an_error_that_says_what_to_do(dialect, tmp_path):
    with pytest.raises(CoordinateError, match="--box-size"):
        write_picks([Picks(np.array([[1.0, 2.0]]), name="a")], tmp_path, format=dialect)
    assert not list(tmp_path.iterdir())


def test_eman2_info_keeps_what_else_is_known_of_the_micrograph(tmp_path):
    path = tmp_path / "info/mic_info.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"quality": 5, "boxes": [[9.5, 8, "manual"]], "apix_unbin": 1.77}))
    (picks,) = read_picks(path)
    assert (picks.name, picks.pixel_size, picks.xy.tolist()) == ("mic", 1.77, [[9.5, 8]])
    write_picks([replace(picks, xy=picks.xy + 1, score=np.array([0.5]))], path)
    info = json.loads(path.read_text())
    assert info == {"quality": 5, "apix_unbin": 1.77, "boxes": [[10.5, 9, "manual", 0.5]]}


def test_old_cbox_rows(tmp_path):
    path = tmp_path / "mic.cbox"
    path.write_text("100\t200\t220\t220\t0.75\t232\t222\n")
    (picks,) = read_picks(path, pixel_size=2.0)
    assert picks.xy.tolist() == [[210, 310]]
    assert (picks.score[0], picks.diameter[0], picks.diameter_px[0]) == (0.75, 454, 227)


def test_cbox_writes_na_for_what_is_not_known(tmp_path):
    picks = Picks(
        np.array([[210.0, 310.0]]),
        score=np.array([0.5]),
        diameter=np.array([200.0]),
        name="m",
        pixel_size=1.0,
    )
    (path,) = write_picks([picks], tmp_path, format="cryolo")
    text = path.read_text()
    assert "_cbox_format_version" in text
    row = text.split("_Angle #11\n")[1].split("\n")[0].split()
    assert [float(word) for word in row if word != "<NA>"] == [110, 210, 200, 200, 200, 200, 0.5]
    assert row.count("<NA>") == 4
    assert "data_cryolo_include\n\nloop_\n_slice_index #1\n" in text


def test_topaz_table(tmp_path):
    picks = [Picks(np.array([[10.0, 20.0]]), score=np.array([-1.5]), name="mic.001")]
    (path,) = write_picks(picks, tmp_path / "picks.txt")
    assert path.read_text().split("\n")[0] == "image_name\tx_coord\ty_coord\tscore"
    (again,) = read_picks(path)
    assert (again.name, again.score[0]) == ("mic.001", -1.5)


def test_our_table(tmp_path):
    kind = np.array(["top"])
    picks = Picks(np.array([[10.0, 20.0]]), score=np.array([0.5]), diameter=150.0, kind=kind, name="m")
    (path,) = write_picks([picks], tmp_path / "picks.csv")
    header, row, _ = path.read_text().split("\n")
    assert header == "micrograph,x,y,score,diameter,kind"
    assert row == "m,10.0000000,20.0000000,0.500000000,150.000000,top"


def test_tables_of_others_by_their_headers(tmp_path):
    path = tmp_path / "mic_7.csv"
    path.write_text("X-Coordinate,Y-Coordinate,Diameter,Angle-Psi\n3752,693,108,256.2\n")
    (picks,) = read_picks(path, pixel_size=1.5)
    assert (picks.name, picks.xy.tolist()) == ("mic_7", [[3752, 693]])
    assert picks.diameter_px.tolist() == [108]
    path.write_text('# made by hand\nmicrograph,x,y\n"Movies/a, b.mrc",1,2\n')
    (picks,) = read_picks(path)
    assert picks.name == "a, b"
    assert picks.path == "Movies/a, b.mrc"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "wanted a header with the columns x and y, got: a, b"),
        ("x,y\n1,2,3\n", "line 2"),
        ("x,y\n1,2\n\n3\n", "line 4"),
        ('x,y\n"1,2\n', "line 2"),
        ("x,y\n1,two\n", "y of row 1 is 'two'"),
        ("x,y\n1,\n", "row 1 has no place"),
        ("x,y\n1,1e300\n", "row 1 has no place"),
        ("x,y,y\n1,2,3\n", "two columns are called 'y'"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(text, message, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(CoordinateError, match=message):
        read_picks(path)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(CoordinateError, match=r"cryoglean\[parquet\]"):
        write_picks([], tmp_path / "picks.parquet")


def test_folders(tmp_path):
    with pytest.raises(CoordinateError, match="no coordinate files"):
        read_picks(tmp_path)
    write_picks(
        [Picks(np.array([[10.0, 20.0]]), name="a", diameter=5.0, pixel_size=1.0)], tmp_path, format="eman"
    )
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [picks.name for picks in read_picks(tmp_path)] == ["a"]
    write_picks([Picks(np.array([[10.0, 20.0]]), name="a")], tmp_path, format="csv")
    with pytest.raises(CoordinateError, match=r"files of several formats: \.box \.csv"):
        read_picks(tmp_path)
    assert len(read_picks(tmp_path, format="csv")) == 1


@pytest.mark.parametrize("dialect", ["relion-particles", "relion-3.0", "csv", "cryosparc"])
def test_micrographs_of_one_name_in_two_folders_are_not_thrown_together(dialect, tmp_path):
    places = ("grid1/mic.mrc", "grid2/mic.mrc")
    picks = [
        Picks(np.array([[x, 2.0]]), name="mic", shape=(9, 9), path=place) for x, place in enumerate(places)
    ]
    if dialect == "csv":
        (tmp_path / "picks.csv").write_text(
            "micrograph,x,y\n" + "".join(f"{p},{i},2\n" for i, p in enumerate(places))
        )
    else:
        write_picks(picks, tmp_path, format=dialect)
    again = read_picks(tmp_path, format=dialect)
    assert [(one.name, round(one.xy[0, 0], 5)) for one in again] == [("mic", 0), ("grid2_mic", 1)]


def test_files_of_one_name_in_two_folders_are_told_apart_and_never_overwritten(tmp_path):
    for x, folder in enumerate(("grid1", "grid2")):
        write_picks(
            [Picks(np.array([[x, 2.0]]), name="mic", diameter=4.0, pixel_size=1.0)],
            tmp_path / folder,
            format="eman",
        )
    assert [one.name for one in read_picks(tmp_path)] == ["mic", "grid2_mic"]
    same = [Picks(np.array([[1.0, 2.0]]), name="mic", diameter=4.0, pixel_size=1.0)] * 2
    with pytest.raises(CoordinateError, match="two micrographs are called mic"):
        write_picks(same, tmp_path / "new", format="eman")


def test_a_row_without_micrograph_is_an_error(tmp_path):
    (tmp_path / "picks.csv").write_text("micrograph,x,y\na,1,2\n,3,4\n")
    with pytest.raises(CoordinateError, match="row 2 names no micrograph"):
        read_picks(tmp_path / "picks.csv")


def test_formats_that_are_none(tmp_path):
    with pytest.raises(UsageError, match="no format is called 'imod'"):
        read_picks(tmp_path / "a.star", format="imod")
    with pytest.raises(UsageError, match="does not tell the format"):
        read_picks(tmp_path / "a.mod")
    with pytest.raises(UsageError, match="pixel size must be a positive"):
        read_picks(tmp_path / "a.star", pixel_size=-1)
    two = [Picks(np.array([[1.0, 2.0]]), name=name, diameter=5.0, pixel_size=1.0) for name in "ab"]
    with pytest.raises(UsageError, match="holds one micrograph, got 2"):
        write_picks(two, tmp_path / "both.box")
    with pytest.raises(CoordinateError, match="cannot be read"):
        read_picks(tmp_path / "not_there.star")
