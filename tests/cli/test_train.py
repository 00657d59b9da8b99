import json

import pytest
from typer.testing import CliRunner

from cryoglean.cli.app import app
from cryoglean.errors import UsageError

run = CliRunner()


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Make a few small tiles of made-up complexes, some in each split."""
    folder = tmp_path_factory.mktemp("tiles")
    settings = folder / "tiles.toml"
    settings.write_text(
        "[tiles]\nsize = 96\nviews = 8\nprocedural = 16\nshard = 12\nvalidation = 0.3\ntest = 0.3\n"
    )
    out = folder / "shards"
    done = run.invoke(app, ["simulate", "--tiles", "36", "--out", str(out), "--config", str(settings)])
    assert done.exit_code == 0, done.output
    return out


def train(shards, out, *more):
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    if "--config" not in more:
        settings = out.with_name(f"{out.name}.toml")
        settings.write_text("validate_every = 2\n")
        more = (*more, "--config", str(settings))
    return run.invoke(app, ["train", "--shards", str(shards), "--out", str(out), "--batch", "4", *more])


def test_trains_weights_that_pick_and_that_can_be_trained_on(shards, tmp_path):
    done = train(shards, tmp_path / "mine", "--epochs", "1", "--classifier-epochs", "1")
    assert done.exit_code == 0, done.output
    card = json.loads(run.invoke(app, ["models", str(tmp_path / "mine")]).output)
    assert card["name"] == "mine"
    assert card["command"].startswith("cryoglean")
    assert set(card["validation"]) >= {"average_precision", "calibration_error", "particle_iou"}
    record = tmp_path / "mine" / "training"
    assert len(list(record.glob("segmentation-*.png"))) > 0
    assert (record / "classification-metrics.csv").is_file()
    again = train(shards, tmp_path / "more", "--epochs", "1", "--from", str(tmp_path / "mine"))
    assert again.exit_code == 0, again.output
    card = json.loads(run.invoke(app, ["models", str(tmp_path / "more")]).output)
    assert card["origin"] == "mine"


def test_one_branch_is_a_smaller_network(shards, tmp_path):
    short = ("--epochs", "0.2", "--classifier-epochs", "0.2")
    for number in ("1", "2"):
        settings = tmp_path / "branches.toml"
        settings.write_text(f"validate_every = 2\n[architecture]\nbranches = {number}\n")
        done = train(shards, tmp_path / number, "--config", str(settings), *short)
        assert done.exit_code == 0, done.output
    small, large = ((tmp_path / n / "segmenter.onnx").stat().st_size for n in ("1", "2"))
    assert large - small > 100_000


def test_a_folder_without_shards_is_refused(tmp_path):
    result = train(tmp_path, tmp_path / "out")
    assert isinstance(result.exception, UsageError)
    assert "cryoglean simulate --tiles" in str(result.exception)


def test_the_shape_follows_from_the_weights_to_go_on_from(tmp_path):
    result = train(tmp_path, tmp_path / "out", "--from", "general", "--preset", "light")
    assert isinstance(result.exception, UsageError)
    assert "--from" in str(result.exception)


def test_a_shape_in_a_file_that_the_weights_have_not_is_refused(tmp_path):
    settings = tmp_path / "train.toml"
    settings.write_text("[architecture]\nparticle_px = 20.0\n")
    result = train(tmp_path, tmp_path / "out", "--from", "general", "--config", str(settings))
    assert isinstance(result.exception, UsageError)
    assert "[architecture]" in str(result.exception)
