"""Names that programs have changed are brought together, and doubtful ones are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryoglean.io.formats.naming import distinct_names, natural_order, pair_micrographs, plain_name


@pytest.mark.parametrize(
    ("name", "micrograph"),
    [
        ("mic_001", "mic_001"),
        ("000090334788266266069_18jam15b_0345_ali_DW", "18jam15b_0345"),
        ("18jam15b_0345_patch_aligned_doseweighted", "18jam15b_0345_fractions"),
        ("012345678901234567890_FoilHole_353510_EER_patch_aligned_doseweighted", "FoilHole_353510_EER"),
        ("stack_0057_2x_SumCorr", "stack_0057_2x"),
        ("TcdA1-0018_frames_sum", "TcdA1-0018"),
        ("May08_03.05.02_autopick", "May08_03.05.02"),
        ("May08_03.05.02.mrc", "May08_03.05.02"),
        ("EXAMPLE_Falcon_2012_06_12-14_33_35_0", "Falcon_2012_06_12-14_33_35_0"),
        ("grid3_Falcon_2012_DW", "Falcon_2012_noDW"),
    ],
)
def test_what_programs_add_does_not_part_picks_and_micrographs(name, micrograph):
    others = ["mic_002", "Falcon_2012_06_12-14_33_35_1", "18jam15b_0346", "stack_0058_2x"]
    match = pair_micrographs([name], [*others, micrograph])
    assert match.pairs == {name: micrograph}
    assert match.without_picks == tuple(others)


def test_numbers_are_not_cut():
    match = pair_micrographs(["mic_1", "stack_0057"], ["mic_11", "stack_00571", "1stack_0057"])
    assert match.pairs == {}
    assert match.unmatched == ("mic_1", "stack_0057")


def test_an_exact_name_wins_over_a_like_one():
    match = pair_micrographs(["mic_a"], ["mic_a_DW", "mic_a"])
    assert match.pairs == {"mic_a": "mic_a"}


def test_two_that_would_do_are_none():
    match = pair_micrographs(["mic_a"], ["mic_a_DW", "mic_a_noDW"])
    assert match.pairs == {}
    assert match.ambiguous == {"mic_a": ("mic_a_DW", "mic_a_noDW")}
    match = pair_micrographs(["mic_a_DW", "mic_a_noDW"], ["mic_a"])
    assert match.pairs == {}
    assert set(match.ambiguous) == {"mic_a_DW", "mic_a_noDW"}


def test_a_name_that_is_only_an_addition_stays():
    assert plain_name("frames") == "frames"
    assert plain_name("x_DW_DW_aligned_mic") == "x"


names = st.lists(st.text("ab01_-.", min_size=1, max_size=8), max_size=6, unique=True)


@given(names=names, micrographs=names)
def test_every_name_is_accounted_for_once(names, micrographs):
    match = pair_micrographs(names, micrographs)
    assert len(set(match.pairs.values())) == len(match.pairs)
    assert sorted([*match.pairs, *match.unmatched, *match.ambiguous]) == sorted(names)
    assert sorted([*match.pairs.values(), *match.without_picks]) == sorted(micrographs)
    assert all(match.pairs.get(name, name) == name for name in set(names) & set(micrographs))


def test_micrographs_of_one_name_in_several_folders_are_kept_apart():
    paths = [
        "grid1/mic1.mrc",
        "grid2/mic1.mrc",
        "grid1/mic2.mrc",
        "old/grid2/mic1.tif",
        "grid1/mic1.tif",
        "mic3",
    ]
    assert distinct_names(paths) == {
        "grid1/mic1.mrc": "mic1",
        "grid2/mic1.mrc": "grid2_mic1",
        "grid1/mic2.mrc": "mic2",
        "old/grid2/mic1.tif": "old_grid2_mic1",
        "grid1/mic1.tif": "mic1_tif",
        "mic3": "mic3",
    }


@given(paths=st.lists(st.text("ab/_.", min_size=1, max_size=8), max_size=8))
def test_two_paths_never_share_a_name_and_names_do_not_depend_on_the_order(paths):
    named = distinct_names(paths)
    assert len(set(named.values())) == len(set(paths))
    assert distinct_names(paths[::-1]) == named


JOBS = ("MotionCorr/job002/Movies/m1.mrc", "MotionCorr/job003/Movies/m1.mrc")


@pytest.mark.parametrize("project", ["", "/data/project/"])
def test_folders_part_micrographs_of_one_name(project):
    micrographs = [project + path for path in JOBS]
    match = pair_micrographs(JOBS[::-1], micrographs)
    assert match.pairs == dict(zip(JOBS, micrographs, strict=True))
    assert match.elsewhere == ()


@pytest.mark.parametrize("name", ["m1", "m1.mrc", "m1_DW", "Movies/m1.mrc", "elsewhere/m1.mrc"])
def test_what_does_not_part_micrographs_of_one_name_is_refused_naming_them(name):
    match = pair_micrographs([name], JOBS)
    assert match.pairs == {}
    assert match.ambiguous == {name: JOBS}
    assert match.why_not(name) == f"the micrograph {name} could be {JOBS[0]} or {JOBS[1]}"


def test_one_whole_path_is_not_another_of_the_same_last_folders():
    match = pair_micrographs(["/a/job002/m1.mrc"], ["/b/job002/m1.mrc", "/a/job002/m1.mrc"])
    assert match.pairs == {"/a/job002/m1.mrc": "/a/job002/m1.mrc"}


def test_micrographs_that_were_moved_are_found_by_name_and_that_is_told():
    match = pair_micrographs(["/old/place/m1.mrc"], ["/new/m1.mrc", "/new/m2.mrc"])
    assert match.pairs == {"/old/place/m1.mrc": "/new/m1.mrc"}
    assert match.elsewhere == ("/old/place/m1.mrc",)


def test_two_picks_never_share_a_micrograph():
    match = pair_micrographs(JOBS, ["/new/m1.mrc"])
    assert match.pairs == {}
    assert match.why_not(JOBS[0]).endswith("could be /new/m1.mrc, but so could that of other picks")


@pytest.mark.parametrize(
    ("name", "micrograph"),
    [
        ("m1.mrc", "raw/m1.mrc"),
        ("raw/m1.tif", "raw/m1.tif"),
        ("m1.tif", "raw/m1.tif"),
        (">raw/m1.mrc", "raw/m1.mrc"),  # cryoSPARC's mark of paths within its project
        ("./raw/../raw/m1.tif", "raw/m1.tif"),
    ],
)
def test_the_suffix_parts_files_of_one_name_and_folder(name, micrograph):
    assert pair_micrographs([name], ["raw/m1.mrc", "raw/m1.tif"]).pairs == {name: micrograph}


@pytest.mark.parametrize("turned", [False, True])
def test_names_follow_from_the_set_of_micrographs_and_some_may_be_kept(turned):
    paths = JOBS[::-1] if turned else JOBS
    assert distinct_names(paths) == {JOBS[0]: "m1", JOBS[1]: "Movies_m1"}
    assert distinct_names(paths, kept={JOBS[1]: "m1"}) == {JOBS[1]: "m1", JOBS[0]: "Movies_m1"}


def test_numbers_of_any_length_are_put_in_order():
    names = ["a", "1" * 5000, "2" * 5000, "10", "0002", "2", "1"]
    assert sorted(names, key=natural_order) == ["1", "0002", "2", "10", "1" * 5000, "2" * 5000, "a"]
