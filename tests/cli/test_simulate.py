"""`cryoglean simulate` as a user runs it."""

import json

import pytest


def test_micrographs_come_with_their_truth(tmp_path, cryoglean):
    done = cryoglean(
        "simulate", "--out", tmp_path, "--procedural", "barrel", "--size", 200, 220, "--seed", 3,
        "--pixel-size", 5, 5, "--contamination", 0,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "1 micrographs of barrel-3" in done.out
    told = json.loads((tmp_path / "conditions" / "sim_0001.json").read_text())
    assert told["conditions"]["size"] == [200, 220]
    assert told["contamination"] == []
    for name in (
        "micrographs/sim_0001.mrc",
        "coordinates/sim_0001.star",
        "labels/sim_0001.mrc",
        "particles.star",
    ):
        assert (tmp_path / name).is_file()


def test_settings_come_from_a_file_too_and_tiles_from_the_same(tmp_path, cryoglean):
    settings = tmp_path / "settings.toml"
    settings.write_text(
        "contamination = 0\n[optics]\nbfactor = 90\n[tiles]\nsize = 64\nviews = 4\nprocedural = 7\n"
    )
    done = cryoglean("simulate", "--out", tmp_path / "shards", "--tiles", 8, "--config", settings)
    assert done.code == 0, done.err
    plan = json.loads((tmp_path / "shards" / "plan.json").read_text())
    assert plan["config"]["optics"]["bfactor"]["low"] == 90
    assert plan["config"]["tiles"]["size"] == 64
    assert (tmp_path / "shards" / "tiles.csv").is_file()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--dose", 0, 10], 2, "--dose"),
        (["--defocus", 20000, 10000], 2, "lies above the high end"),
        (["--tiles", 4, "--procedural", "rod"], 2, "--procedural makes no sense with --tiles"),
        (["--tiles", 4, "--size", 100, 100], 2, "--size and --pixel-size follow from the particle"),
        (["--structures", "."], 2, "--structures needs --tiles"),
        (["--structure", "nowhere.pdb"], 1, "nowhere.pdb: there is no such file"),
        (["--size", 16, 16], 2, "choose a larger size or pixel size"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path, cryoglean, words, code, message):
    done = cryoglean("simulate", "--out", tmp_path / "out", *words)
    assert done.code == code
    assert message in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert not list((tmp_path / "out").rglob("*.*"))
