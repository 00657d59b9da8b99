"""Files of other programs that look like something else: read by what they mean, or told by their name."""

import json

import numpy as np
import pytest

from cryoglean.errors import CoordinateError
from cryoglean.io import micrograph_name
from cryoglean.io.formats import read_picks
from cryoglean.io.formats.helices import FILAMENT

CBOX = "loop_\n_CoordinateX #1\n_CoordinateY #2\n_CoordinateZ #3\n_filamentid #4\n_Width #5\n_Height #6\n"


def written(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_vertices_of_filaments_before_the_boxes_are_no_picks(tmp_path):
    vertices = "100.0 200.0 <NA> 0.0 60.0 60.0\n400.0 200.0 <NA> 0.0 60.0 60.0\n"
    boxes = "".join(f"{x}.0 200.0 <NA> 0.0 60.0 60.0\n" for x in (100, 150, 200))
    for order in ("vertices first", "boxes first"):
        blocks = [f"data_filament_vertices\n\n{CBOX}{vertices}\n", f"data_cryolo\n\n{CBOX}{boxes}\n"]
        text = "data_global\n\n_cbox_format_version 1.0\n\n"
        text += "".join(blocks if order == "vertices first" else reversed(blocks))
        (picks,) = read_picks(written(tmp_path / "fil.cbox", text))
        assert picks.xy.tolist() == [[130, 230], [180, 230], [230, 230]]


OPTICS = "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnTomoTiltSeriesPixelSize\n1 1.35\n\n"
PARTICLES = "data_particles\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n"
TOMOGRAMS = {
    "relion5.star": OPTICS
    + "data_particles\n\nloop_\n_rlnTomoName\n_rlnCoordinateX\n_rlnCoordinateY\nTS_1 1 2\n",
    "centred.star": "data_particles\n\nloop_\n_rlnCenteredCoordinateXAngst\n_rlnCenteredCoordinateYAngst\n"
    "_rlnCenteredCoordinateZAngst\n1 2 3\n",
    "relion3.star": PARTICLES + "1 2 3\n",
    "tomo.cbox": f"data_cryolo\n\n{CBOX}1 2 30 0 60 60\n",
    "tomo.csv": "x,y,z\n1,2,3\n",
    "tomo.tsv": "x_coord\ty_coord\tz_coord\n1\t2\t3\n",
    "tomo_info.json": json.dumps({"boxes_3d": [[1, 2, 3, "manual", 0.5, 0]]}),
}


@pytest.mark.parametrize("name", TOMOGRAMS)
def test_particles_of_tomograms_are_called_so(tmp_path, name):
    with pytest.raises(CoordinateError, match="3-D particles of tomograms"):
        read_picks(written(tmp_path / name, TOMOGRAMS[name]))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.star", PARTICLES + "1 2 0.0\n"),
        ("a.cbox", f"data_cryolo\n\n{CBOX}-29 -28 <NA> 0 60 60\n"),
        ("a.csv", "x,y,z\n1,2,0\n"),
        ("a.tsv", "x\ty\tz\n1\t2\t\n"),
    ],
)
def test_a_third_coordinate_that_says_nothing_does_no_harm(tmp_path, name, text):
    (picks,) = read_picks(written(tmp_path / name, text))
    assert picks.xy.tolist() == [[1, 2]]


def test_ends_of_helices_are_no_particles(tmp_path):
    ends = "10\t20\t40\t40\t-1\n110\t20\t40\t40\t-2\n10\t90\t40\t40\t-1\n110\t90\t40\t40\t-2\n"
    with pytest.raises(CoordinateError, match="4 ends of helices, where no particles lie"):
        read_picks(written(tmp_path / "mic.box", ends))


SEGMENTS = (
    "#micrograph: Micrographs/mic7.hdf\n#segment length: 256\n#segment width: 128\n"
    "#helix: (10, 20),(90, 20),40\n30.5\t20.0\n60.5\t20.0\n#helix: (10, 80),(90, 80),40\n30.0\t80.0\n"
)


@pytest.mark.parametrize("name", ["mic7_boxes.txt", "mic7_ptcl_coords.box"])
def test_segments_of_helices_are_read_with_their_helix(tmp_path, name):
    (picks,) = read_picks(written(tmp_path / name, SEGMENTS), pixel_size=2.0)
    assert picks.name == "mic7"
    assert picks.xy.tolist() == [[30.5, 20], [60.5, 20], [30, 80]]
    assert picks.extra[FILAMENT].tolist() == [1, 1, 2]
    assert picks.extra["box_width"].tolist() == [128] * 3


def test_a_line_of_segments_that_is_none_is_named(tmp_path):
    with pytest.raises(CoordinateError, match="line 5 is '1 2 3', wanted x and y"):
        read_picks(written(tmp_path / "a.txt", SEGMENTS[: SEGMENTS.index("30.5")] + "1 2 3\n"))


VIA = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"


def region(number, **shape):
    quoted = json.dumps(shape).replace('"', '""')
    return f'm.png,9,"{{}}",5,{number},"{quoted}","{{}}"\n'


REGIONS = [
    (region(0, name="rect", x=10, y=20, width=30, height=50), (25, 45), 40),
    (region(1, name="circle", cx=7, cy=8.5, r=4), (7, 8.5), 8),
    (region(2, name="ellipse", cx=7, cy=8, rx=4, ry=6, theta=0.1), (7, 8), 10),
    (region(3, name="point", cx=1, cy=2), (1, 2), np.nan),
    (region(4, name="polygon", all_points_x=[0, 10, 5], all_points_y=[0, 0, 20]), (5, 10), 15),
]


@pytest.mark.parametrize("hash_", ["", "#"])
def test_regions_of_the_image_annotator_are_picks(tmp_path, hash_):
    empty = 'blank.png,9,"{}",0,0,"{}","{}"\n'
    text = hash_ + VIA + empty + "".join(line for line, *_ in REGIONS)
    (picks,) = read_picks(written(tmp_path / "via.csv", text))
    assert picks.name == "m"
    assert picks.xy.tolist() == [list(place) for _, place, _ in REGIONS]
    np.testing.assert_array_equal(picks.diameter, [diameter for *_, diameter in REGIONS])
    assert picks.in_pixels


@pytest.mark.parametrize(
    "shape",
    [
        {"name": "polyline", "all_points_x": [1], "all_points_y": [1]},
        {"name": "circle", "cx": "a", "cy": 1, "r": 1},
    ],
)
def test_a_region_of_no_shape_is_named(tmp_path, shape):
    with pytest.raises(CoordinateError, match="row 2 marks"):
        read_picks(written(tmp_path / "via.csv", VIA + REGIONS[0][0] + region(1, **shape)))


def test_the_image_annotator_3_is_called_by_its_name(tmp_path):
    text = "# Exported using VGG Image Annotator\nmetadata_id,file_list,flags,temporal_coordinates,"
    text += 'spatial_coordinates,metadata\n1,"[""a.png""]",0,"[]","[2,1,2,3,4]","{}"\n'
    with pytest.raises(CoordinateError, match="VGG Image Annotator 3"):
        read_picks(written(tmp_path / "via.csv", text))


def test_names_that_begin_with_a_hash_are_no_comments(tmp_path):
    text = "# made by hand\n#x,y\nmicrograph,x,y\n#1.mrc,1,2\n# a comment\n'#2',3,4\n"
    first, second = read_picks(written(tmp_path / "a.csv", text))
    assert (first.name, second.name) == ("#1", "'#2'")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_ends(tmp_path, end):
    text = end.join(["micrograph,x,y", '"a, b.mrc",1,2', "c.mrc,3,4", ""])
    assert [one.name for one in read_picks(written(tmp_path / "a.csv", text))] == ["a, b", "c"]
    star = end.join(["data_", "loop_", "_rlnCoordinateX", "_rlnCoordinateY", "1 2", ""])
    assert read_picks(written(tmp_path / "a.star", star))[0].xy.tolist() == [[1, 2]]
    box = end.join(["10 20 40 40", "30 40 40 40", ""])
    assert len(read_picks(written(tmp_path / "a.box", box))[0]) == 2


@pytest.mark.parametrize("name", ["a.star", "a.csv", "a.box", "a.cbox", "a.txt", "a.json"])
def test_nul_is_told_with_its_place(tmp_path, name):
    with pytest.raises(CoordinateError, match="byte 4 is NUL"):
        read_picks(written(tmp_path / name, b"data\0\n"))


def test_images_of_a_stack_are_told_apart_by_their_number(tmp_path):
    text = "data_\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n"
    text += "000001@Runs/000123_Import/mics.mrcs 1 2\n000002@Runs/000123_Import/mics.mrcs 3 4\n"
    first, second = read_picks(written(tmp_path / "a.star", text))
    assert (first.name, second.name) == ("mics_000001", "mics_000002")
    assert micrograph_name("user@host.mrc") == "user@host"
    assert micrograph_name("/data/000002@2.mrc") == "000002@2"
