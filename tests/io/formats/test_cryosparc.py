"""cryoSPARC data sets: fractions, uids and files that mean harm."""

import numpy as np
import pytest

from cryoglean.errors import CoordinateError
from cryoglean.io.formats import read_picks, write_picks
from cryoglean.io.formats.frames import FRACTIONS, onto
from cryoglean.types import Picks

LOCATION = [
    ("uid", "<u8"),
    ("location/micrograph_path", "S90"),
    ("location/micrograph_shape", "<u4", (2,)),
    ("location/center_x_frac", "<f4"),
    ("location/center_y_frac", "<f4"),
    ("location/micrograph_psize_A", "<f4"),
]
MICROGRAPH = b">J3/motioncorrected/000090334788266266069_18jam15b_0345_patch_aligned_doseweighted.mrc"


def located(uids, x, y):
    table = np.zeros(len(uids), LOCATION)
    table["uid"] = uids
    table["location/micrograph_path"] = MICROGRAPH
    table["location/micrograph_shape"] = (3710, 3838)
    table["location/center_x_frac"] = x
    table["location/center_y_frac"] = y
    table["location/micrograph_psize_A"] = 0.75
    return table


def save(path, table):
    with path.open("wb") as file:
        np.save(file, table, allow_pickle=True)


def test_fractions_are_of_columns_and_rows(tmp_path):
    save(tmp_path / "picks.cs", located([5], 0.5, 0.25))
    (picks,) = read_picks(tmp_path / "picks.cs")
    assert picks.xy.tolist() == [[1919, 927.5]]
    assert (picks.name, picks.shape, picks.pixel_size) == (
        "18jam15b_0345_patch_aligned_doseweighted",
        (3710, 3838),
        0.75,
    )


def test_places_come_from_the_passthrough_file_by_uid(tmp_path):
    particles = np.zeros(3, [("uid", "<u8"), ("alignments2D/class", "<u4")])
    particles["uid"] = [30, 10, 20]
    particles["alignments2D/class"] = [3, 1, 2]
    save(tmp_path / "J9_020_particles.cs", particles)
    save(tmp_path / "J9_passthrough_particles.cs", located([10, 20, 30, 40], [0.1, 0.2, 0.3, 0.4], 0))
    (picks,) = read_picks(tmp_path / "J9_020_particles.cs")
    np.testing.assert_allclose(picks.xy[:, 0], [0.3 * 3838, 0.1 * 3838, 0.2 * 3838], rtol=1e-6)
    assert picks.extra["uid"].tolist() == [30, 10, 20]
    assert picks.extra["alignments2D/class"].tolist() == [3, 1, 2]


def test_a_passthrough_file_of_other_particles_is_not_taken(tmp_path):
    save(tmp_path / "J9_particles.cs", np.zeros(1, [("uid", "<u8")]))
    save(tmp_path / "J8_passthrough_particles.cs", located([10, 20], 0.1, 0.1))
    with pytest.raises(CoordinateError, match="passthrough"):
        read_picks(tmp_path / "J9_particles.cs")


def test_uids_and_fields_are_kept_and_new_ones_do_not_repeat(tmp_path):
    save(tmp_path / "in.cs", located([2**63 + 1, 7], [0.5, 0.25], 0.5))
    write_picks(read_picks(tmp_path / "in.cs"), tmp_path / "out.cs")
    again = np.load(tmp_path / "out.cs", allow_pickle=False)
    assert again["uid"].tolist() == [2**63 + 1, 7]
    assert again["location/micrograph_path"].tolist() == [MICROGRAPH] * 2
    np.testing.assert_array_equal(again["location/center_x_frac"], np.float32([0.5, 0.25]))

    picks = [Picks(np.zeros((50, 2)), name=name, shape=(10, 20)) for name in ("a", "b")]
    write_picks(picks, tmp_path / "new.cs")
    made = np.load(tmp_path / "new.cs", allow_pickle=False)
    assert len(set(made["uid"].tolist())) == 100
    assert len(set(made["location/micrograph_uid"].tolist())) == 2
    write_picks(picks, tmp_path / "same.cs")
    assert (tmp_path / "new.cs").read_bytes() == (tmp_path / "same.cs").read_bytes()


def test_without_the_shape_of_the_micrograph_there_are_no_fractions(tmp_path):
    with pytest.raises(CoordinateError, match=r"shape of a is not known.*--micrographs"):
        write_picks([Picks(np.array([[1.0, 2.0]]), name="a")], tmp_path / "a.cs")


class Harm:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_pickled_objects_are_refused(tmp_path):
    table = np.zeros(1, [("uid", "<u8"), ("location/micrograph_path", "O")])
    table["location/micrograph_path"] = Harm()
    save(tmp_path / "harm.cs", table)
    with pytest.raises(CoordinateError, match="pickled"):
        read_picks(tmp_path / "harm.cs")


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def claim(dtype: str, rows: str) -> bytes:
    return header(f"{{'descr': {dtype}, 'fortran_order': False, 'shape': ({rows},), }}")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (claim("[('uid', '<u8')]", "10**15"), "not a cryoSPARC"),
        (claim("[('uid', '<u8')]", "1000000000000000"), "cut short: 1000000000000000 rows"),
        (claim("[('uid', '<u8')]", "-1"), "wanted one row"),
        (claim("'<f8'", "0"), "wanted one row"),
        (claim("[('uid', 'V0')]", "9"), "wanted one row"),
        (header("__import__('os').abort()"), "not a cryoSPARC"),
        (header("(" * 9000), "not a cryoSPARC"),
        (b"\x95CSDAT" + bytes(50), "compressed stream"),
        (b"\x93NUMPY\x09\x00", "not a cryoSPARC"),
        (b"", "not a cryoSPARC"),
        (b"\x80\x04harm", "not a cryoSPARC"),
    ],
)
def test_bad_headers(raw, message, tmp_path):
    path = tmp_path / "bad.cs"
    path.write_bytes(raw)
    with pytest.raises(CoordinateError, match=message):
        read_picks(path)


def test_fields_of_wrong_types(tmp_path):
    wrong = np.zeros(1, [*LOCATION[:3], ("location/center_x_frac", "S4"), *LOCATION[4:]])
    save(tmp_path / "wrong.cs", wrong)
    with pytest.raises(CoordinateError, match="center_x_frac holds"):
        read_picks(tmp_path / "wrong.cs")
    save(tmp_path / "lost.cs", np.zeros(1, LOCATION[3:]))
    with pytest.raises(CoordinateError, match="micrograph_path is missing"):
        read_picks(tmp_path / "lost.cs")
    save(tmp_path / "nan.cs", located([1], np.nan, 0))
    with pytest.raises(CoordinateError, match="row 1 has no place"):
        read_picks(tmp_path / "nan.cs")


OTHERS = [column for column in LOCATION if column[0] != "location/micrograph_shape"]


def without_shape(how):
    table = located([1, 2], [0.25, 0.5], [0.5, 0.75])
    if how == "zero":
        table["location/micrograph_shape"] = 0
        return table
    return np.array([tuple(row[name] for name, *_ in OTHERS) for row in table], OTHERS)


@pytest.mark.parametrize("how", ["zero", "missing"])
def test_fractions_of_a_micrograph_of_unknown_size_are_no_places(tmp_path, how):
    save(tmp_path / "a.cs", without_shape(how))
    with pytest.raises(CoordinateError, match=r"does not say how large .* is .*convert --micrographs"):
        read_picks(tmp_path / "a.cs")
    (picks,) = read_picks(tmp_path / "a.cs", fractions=True)
    assert picks.shape == FRACTIONS
    np.testing.assert_allclose(onto(picks, (500, 800)).xy, [[200, 250], [400, 375]], rtol=1e-6)
    with pytest.raises(CoordinateError, match="--micrographs"):
        write_picks([picks], tmp_path / "b.cs")


def test_a_row_without_the_shape_takes_that_of_the_other_rows_of_its_micrograph(tmp_path):
    table = located([1, 2, 3], 0.5, 0.5)
    table["location/micrograph_shape"][1] = 0
    save(tmp_path / "a.cs", table)
    (picks,) = read_picks(tmp_path / "a.cs")
    assert picks.xy.tolist() == [[1919, 1855]] * 3
    table["location/micrograph_shape"][2] = (100, 100)
    save(tmp_path / "a.cs", table)
    with pytest.raises(CoordinateError, match=r"says that .* has \(100, 100\)"):
        read_picks(tmp_path / "a.cs")


def test_fractions_are_of_the_micrograph_at_hand_whatever_its_binning(tmp_path):
    save(tmp_path / "a.cs", located([1], 0.5, 0.25))
    (picks,) = read_picks(tmp_path / "a.cs")
    binned = onto(picks, (927, 959))
    np.testing.assert_allclose(binned.xy, [[479.5, 231.75]])
    assert binned.shape == (927, 959)
    assert binned.pixel_size == pytest.approx(0.75 * 4, rel=1e-3)
    with pytest.raises(CoordinateError, match="has 3710×3838 pixels, and its picks are of one of 3838×3710"):
        onto(picks, (3838, 3710))


def test_exposures_are_told_from_particles(tmp_path):
    exposures = np.zeros(
        2, [("uid", "<u8"), ("micrograph_blob/path", "S40"), ("micrograph_blob/shape", "<u4", (2,))]
    )
    save(tmp_path / "J3_exposures.cs", exposures)
    with pytest.raises(CoordinateError, match="exposures: micrographs or movies, without particles"):
        read_picks(tmp_path / "J3_exposures.cs")
    save(tmp_path / "templates.cs", np.zeros(2, [("templates/path", "S9")]))
    with pytest.raises(CoordinateError, match="no particles: its fields are templates/path"):
        read_picks(tmp_path / "templates.cs")


def test_a_passthrough_file_finds_the_places_in_the_other_one(tmp_path):
    ctf = np.zeros(2, [("uid", "<u8"), ("ctf/df1_A", "<f4"), ("blob/psize_A", "<f4")])
    ctf["uid"], ctf["ctf/df1_A"] = [20, 10], [2, 1]
    save(tmp_path / "J9_passthrough_particles.cs", ctf)
    save(tmp_path / "J9_picked_particles.cs", located([10, 20], [0.1, 0.2], 0))
    (picks,) = read_picks(tmp_path / "J9_passthrough_particles.cs")
    np.testing.assert_allclose(picks.xy[:, 0], [0.2 * 3838, 0.1 * 3838], rtol=1e-6)
    assert picks.extra["ctf/df1_A"].tolist() == [2, 1]


GROUP = """created: 2024-05-01 10:00:00
group:
  description: All particles
  name: particles
  title: All particles
  type: particle
results:
  blob:
    metafile: '>J12_020_particles.cs'
    num_items: 2
    type: particle.blob
  location:
    metafile: ">../../J12_passthrough_particles.cs"
    num_items: 2
    type: particle.location
version: v4.4
"""


def test_a_group_of_results_says_where_its_fields_are(tmp_path):
    blob = np.zeros(2, [("uid", "<u8"), ("blob/idx", "<u4")])
    blob["uid"], blob["blob/idx"] = [20, 10], [2, 1]
    save(tmp_path / "J12_020_particles.cs", blob)
    save(tmp_path / "J12_passthrough_particles.cs", located([10, 20], [0.1, 0.2], 0))
    (tmp_path / "J12_particles.csg").write_text(GROUP)
    (picks,) = read_picks(tmp_path / "J12_particles.csg")
    np.testing.assert_allclose(picks.xy[:, 0], [0.1 * 3838, 0.2 * 3838], rtol=1e-6)
    assert picks.extra["blob/idx"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GROUP.replace("type: particle\n", "type: exposure\n"), "these are exposures"),
        (GROUP.replace("type: particle\n", "type: volume\n"), "a group of the type volume"),
        (GROUP, "No such file"),
        ("created: now\n", "not a cryoSPARC .csg file"),
        ("", "not a cryoSPARC .csg file"),
    ],
)
def test_groups_of_something_else_say_so(tmp_path, text, message):
    (tmp_path / "a.csg").write_text(text)
    with pytest.raises(CoordinateError, match=message):
        read_picks(tmp_path / "a.csg")
