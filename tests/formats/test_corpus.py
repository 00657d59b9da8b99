"""Real files of other programs: what is in them is known, and nothing of it is lost on the way through."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from cryoglean.errors import CoordinateError
from cryoglean.io.formats import DIALECTS, read_picks, write_picks
from cryoglean.io.formats.cryosparc import original_name, read_fields
from cryoglean.io.formats.star import read_star
from cryoglean.types import Picks

#: File, dialect, micrographs, picks, first centre, first score, pixel size.
COORDINATES = [
    ("eman_box/Falcon_2012_06_12-15_17_31_0.box", "eman", 1, 732, (3312, 2328), 6.3771067, None),
    ("eman_box/Falcon_2012_06_12-16_44_07_0.box", "eman", 1, 772, (2396, 1356), 6.336093, None),
    (
        "napari-boxmanager/TcdA1-0018_frames_sum.cbox",
        "cryolo",
        1,
        120,
        (3810.3671875, 3984.455551147461),
        0.6578449010848999,
        None,
    ),
    (
        "napari-boxmanager/ActLifeact_03211.cbox",
        "cryolo",
        1,
        16,
        (55.987737909516682, 911.738627145086),
        1,
        None,
    ),
    ("SWE4S-Cryo-2D-Class-Generation/stack_0005_2x_SumCorr.csv", "csv", 1, 68, (2786, 1862), 1, None),
    ("SWE4S-Cryo-2D-Class-Generation/predictions.csv", "csv", 1, 0, None, None, None),
    (
        "ASPIRE-Python/sample_particles_relion30.star",
        "relion-3.0",
        1,
        17,
        (2158.111921, 3073.912046),
        1.065473,
        None,
    ),
    (
        "ASPIRE-Python/sample_particles_relion31.star",
        "relion-particles",
        1,
        17,
        (2158.111921, 3073.912046),
        1.065473,
        0.885,
    ),
    ("cryodrgn/relion31.star", "relion-particles", 1, 5, (3277, 983), 1, 1.403),
    ("cryodrgn/relion31.v2.star", "relion-particles", 1, 5, (3277, 983), 1, 1.403),
    (
        "cryodrgn/relion31.6opticsgroups.star",
        "relion-particles",
        139,
        139,
        (2417.658855, 1078.795983),
        0.081146,
        1.035,
    ),
    ("cryodrgn/relion5.star", "relion-particles", 2, 17, (1736, 228), 16.459581, 0.89),
    ("cryodrgn/FinalRefinement-OriginalParticles-PfCRT.star", "relion-3.0", 3, 5, (323, 3210), 1, None),
    ("cryodrgn/sta_testing.star", "relion-3.0", 39, 219, (1722.254, 3483.084), 1, None),
    ("scipion-em-esrf/input_particles.star", "relion-particles", 16, 2021, (501, 863), 1, 1),
    ("cryosparc-tools/4k_dataset.cs", "cryosparc", 0, 0, None, None, 1),
]
IDS = [row[0] for row in COORDINATES]


def assert_same(picks: list[Picks], others: list[Picks]) -> None:
    assert [(p.name, len(p)) for p in picks] == [(p.name, len(p)) for p in others]
    for one, other in zip(picks, others, strict=True):
        np.testing.assert_allclose(other.xy, one.xy, rtol=1e-8)
        np.testing.assert_allclose(other.score, one.score, rtol=1e-8)
        assert other.pixel_size == (None if one.pixel_size is None else pytest.approx(one.pixel_size))
        for label, values in one.extra.items():
            if values.dtype.kind in "iuf":
                np.testing.assert_allclose(other.extra[label], values, rtol=1e-8, err_msg=label)
            else:
                assert other.extra[label].tolist() == values.tolist()


@pytest.mark.parametrize(
    ("name", "dialect", "micrographs", "n", "first", "score", "pixel_size"), COORDINATES, ids=IDS
)
def test_what_is_in_real_files(shared, *, name, dialect, micrographs, n, first, score, pixel_size):
    picks = read_picks(shared / "formats" / name, format=dialect)
    assert (len(picks), sum(map(len, picks))) == (micrographs, n)
    if n:
        np.testing.assert_allclose(picks[0].xy[0], first, rtol=1e-9)
        np.testing.assert_allclose(picks[0].score[0], score)
        assert picks[0].pixel_size == (None if pixel_size is None else pytest.approx(pixel_size, rel=1e-6))


@pytest.mark.parametrize(
    ("name", "dialect"), [row[:2] for row in COORDINATES if row[3]], ids=IDS[:5] + IDS[6:-1]
)
def test_real_files_survive_their_own_dialect(shared, tmp_path, name, dialect):
    picks = read_picks(shared / "formats" / name, format=dialect)
    path = tmp_path / name.rsplit("/")[-1]
    write_picks(picks, path, format=dialect)
    assert_same(picks, read_picks(path, format=dialect))


@pytest.mark.parametrize(
    ("name", "dialect"), [row[:2] for row in COORDINATES if row[3]], ids=IDS[:5] + IDS[6:-1]
)
@pytest.mark.parametrize("through", ["relion", "relion-particles", "csv", "tsv", "topaz", "cryolo", "eman2"])
def test_no_particle_is_shifted_by_the_way_through_another_dialect(
    shared, tmp_path, *, name, dialect, through
):
    picks = read_picks(shared / "formats" / name, format=dialect)
    sized = [
        replace(
            Picks(p.xy, score=p.score, name=p.name, pixel_size=p.pixel_size, extra=p.extra),
            diameter=np.full(len(p), 100.0),
            in_pixels=p.pixel_size is None,
        )
        for p in picks
    ]
    write_picks(sized, tmp_path / "there", format=through)
    back = {p.name: p for p in read_picks(tmp_path / "there", format=through)}
    for one in picks:
        np.testing.assert_allclose(back[one.name].xy, one.xy, atol=2e-6)
        np.testing.assert_allclose(back[one.name].score, one.score, rtol=1e-8)


def test_optics_groups_of_real_particles_survive(shared, tmp_path):
    path = tmp_path / "again.star"
    original = shared / "formats/cryodrgn/relion31.6opticsgroups.star"
    write_picks(read_picks(original), path, format="relion-particles")
    optics, particles = read_star(original)
    optics_again, particles_again = read_star(path)
    assert len(optics_again) == len(optics) == 6
    for table, again, key in (
        (optics, optics_again, "rlnVoltage"),
        (particles, particles_again, "rlnDefocusU"),
    ):
        assert set(table.columns) <= set(again.columns) | {"rlnOpticsGroup"}
        assert sorted(again.floats(key)) == pytest.approx(sorted(table.floats(key)), rel=1e-8)
    pixel = dict(zip(optics.text("rlnOpticsGroup"), optics.floats("rlnMicrographPixelSize"), strict=True))
    expected = sorted(pixel[group] for group in particles.text("rlnOpticsGroup"))
    assert sorted(p.pixel_size for p in read_picks(path)) == expected


def test_filaments_keep_their_number(shared):
    (picks,) = read_picks(shared / "formats/napari-boxmanager/ActLifeact_02885.cbox")
    assert len(picks) == 223
    assert sorted(set(picks.extra["filamentid"])) == list(range(len(set(picks.extra["filamentid"]))))
    assert "Angle" not in picks.extra


def test_real_particles_without_places_get_them_from_a_passthrough_file(shared, tmp_path):
    particles = shared / "formats/cryodrgn/cryosparc_P12_J24_001_particles.cs"
    with pytest.raises(CoordinateError, match="passthrough"):
        read_picks(particles)
    fields = read_fields(particles)
    places = np.random.default_rng(0).permutation(len(fields["uid"]))
    xy = np.random.default_rng(1).uniform(0, 3000, (len(places), 2))
    located = Picks(xy[places], name="m", shape=(3000, 3100), extra={"uid": fields["uid"][places]})
    shutil.copy(particles, tmp_path)
    write_picks([located], tmp_path / "cryosparc_P12_J24_passthrough_particles.cs")
    (picks,) = read_picks(tmp_path / particles.name)
    np.testing.assert_allclose(picks.xy, xy, atol=1e-3)
    assert picks.extra["uid"].tolist() == fields["uid"].tolist()
    np.testing.assert_array_equal(picks.extra["alignments3D/pose"], fields["alignments3D/pose"])


def test_names_in_real_data_sets_lose_the_uid(shared):
    fields = read_fields(shared / "formats/cryodrgn/cryosparc_J2_particles_exported.cs")
    assert original_name(fields["blob/path"][0].decode()) == "18jam15b_0345_ali_DW"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cryosparc-tools/job096_run_data.star", "Git LFS pointer"),
        ("ASPIRE-Python/sample.star", "line 20: a row of 5 values under 4 labels"),
        ("starfile/default_pipeline.star", "no block with _rlnCoordinateX"),
        ("starfile/rln3.1_data_style.star", "several blocks, data_block_2 and data_block_3"),
        ("ASPIRE-Python/sample.mrcs", "does not tell"),
    ],
)
def test_real_files_that_are_no_picks_say_so(shared, name, message):
    with pytest.raises(Exception, match=message):
        read_picks(shared / "formats" / name)


def test_no_real_file_is_read_by_a_wrong_dialect_without_a_word(shared):
    """Every file under every dialect: picks or a `CoordinateError`, nothing else."""
    for path in sorted((shared / "formats").glob("*/*")):
        if path.suffix in (".mrc", ".mrcs"):
            continue
        for dialect in DIALECTS:
            try:
                picks = read_picks(path, format=dialect)
            except CoordinateError:
                continue
            assert all(np.isfinite(part.xy).all() for part in picks)
