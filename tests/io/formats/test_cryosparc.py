"""cryoSPARC data sets: fractions, uids and files that mean harm."""

import numpy as np
import pytest

from cryoglean.errors import CoordinateError
from cryoglean.io.formats import read_picks, write_picks
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
    with pytest.raises(CoordinateError, match="micrograph_shape is missing"):
        read_picks(tmp_path / "lost.cs")
    save(tmp_path / "nan.cs", located([1], np.nan, 0))
    with pytest.raises(CoordinateError, match="row 1 has no place"):
        read_picks(tmp_path / "nan.cs")
