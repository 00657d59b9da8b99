"""`cryoglean train` with a user's own micrographs, as it is typed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cryoglean.cli.app import app
from cryoglean.dataset.shards import find_shards
from cryoglean.errors import UsageError
from cryoglean.networks.weights import read_weights
from tests.labels.conftest import data_set  # noqa: F401 - a fixture
from tests.labels.refined import DataSet, write_relion_3_1
from tests.training.conftest import shards  # noqa: F401 - a fixture

run = CliRunner()

BRIEF = "batch = 4\nthreads = 1\n[fine_tuning]\nsteps = 2\nclassifier_steps = 2\nvalidate_every = 1\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--picks", "a.star", "--micrographs", "m"], "--picks needs --from"),
        (["--corrections", "run"], "--from general"),
        (["--from", "general", "--corrections", "run", "--real", "tiles"], "name one of them"),
        (["--from", "general", "--picks", "a.star"], "needs --micrographs"),
        (["--from", "general", "--corrections", "run", "--diameter", "90"], "only with --picks"),
        (["--from", "general", "--corrections", "run", "--incomplete"], "only with --picks or --real"),
        (["--shards", "s", "--minutes", "3"], "only with --corrections"),
        (["--from", "general", "--corrections", "run", "--epochs", "3"], "fine_tuning"),
        (["--from", "general", "--corrections", "run", "--preset", "light"], "--preset follows"),
        ([], "name what to learn from"),
    ],
)
def test_options_that_do_not_go_together_are_refused(given: list[str], said: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    result = run.invoke(app, ["train", "--out", str(tmp_path / "out"), *given])
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)
    assert not (tmp_path / "out").exists()


def learn(tmp_path: Path, shards: Path, *more: object) -> list[dict[str, object]]:  # noqa: F811
    """Learn in a few steps, and return what it told."""
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    settings = tmp_path / "brief.toml"
    settings.write_text(BRIEF)
    given = ["--from", "general", "--out", tmp_path / "mine", "--shards", shards, "--config", settings, *more]
    done = run.invoke(app, ["train", "--json-lines", *map(str, given)])
    assert done.exit_code == 0, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_particles_of_a_refinement_are_learnt_from(
    data_set: DataSet,  # noqa: F811
    shards: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    particles = write_relion_3_1(data_set, tmp_path / "run_data.star")
    about = ["--micrographs", data_set.micrographs, "--diameter", data_set.structure.diameter]
    told = learn(tmp_path, shards, "--picks", particles, *about)
    stages = list(dict.fromkeys(one["stage"] for one in told[:-1]))
    assert stages[0] == "reading micrographs"
    assert stages[-3:] == [
        "fine-tuning the segmentation network",
        "fine-tuning the classification network",
        "measuring",
    ]
    assert told[-1]["event"] == "result"
    card = read_weights(tmp_path / "mine").card
    assert card.held_back["after"] == told[-1]["after"]
    assert f"{sum(len(one.truth) for one in data_set.simulated)} particles in 2 micrographs" in card.data


def test_tiles_of_a_refinement_are_learnt_from(
    data_set: DataSet,  # noqa: F811
    shards: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    particles = write_relion_3_1(data_set, tmp_path / "run_data.star")
    settings = tmp_path / "labels.toml"
    settings.write_text("[cutting]\ntile = 96\n")
    given = [particles, "--map", data_set.map, "--micrographs", data_set.micrographs, "--tiles"]
    made = run.invoke(
        app, ["labels", *map(str, given), "--out", str(tmp_path / "labels"), "--config", str(settings)]
    )
    assert made.exit_code == 0, made.output
    tiles = tmp_path / "labels" / "tiles"
    told = learn(tmp_path, shards, "--real", tiles)
    assert told[-1]["event"] == "result"
    assert "2 micrographs" in read_weights(tmp_path / "mine").card.data
    (tmp_path / "one").mkdir()
    (split,) = [one for one in ("train", "validation", "test") if find_shards(tiles, one)]
    find_shards(tiles, split)[0].unlink()
    refused = run.invoke(
        app, ["train", "--from", "general", "--out", str(tmp_path / "b"), "--real", str(tiles)]
    )
    assert isinstance(refused.exception, UsageError)
    assert "one micrograph alone" in str(refused.exception)
