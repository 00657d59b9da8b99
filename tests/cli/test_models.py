import json

from typer.testing import CliRunner

from cryoglean.cli.app import app
from cryoglean.errors import UsageError

run = CliRunner()


def test_lists_the_weights_with_their_figures():
    result = run.invoke(app, ["models"])
    assert result.exit_code == 0
    assert result.output.startswith("general: threshold ")
    assert "average precision" in result.output


def test_prints_cards_as_json():
    cards = json.loads(run.invoke(app, ["models", "--json"]).output)
    assert [card["name"] for card in cards] == ["general"]
    assert 0 < cards[0]["threshold"] < 1
    assert set(cards[0]["families"]) == {"train", "validation", "test"}


def test_shows_one_card():
    assert json.loads(run.invoke(app, ["models", "general"]).output)["name"] == "general"


def test_unknown_weights_are_an_error():
    result = run.invoke(app, ["models", "nonesuch"])
    assert isinstance(result.exception, UsageError)
    assert "general" in str(result.exception)
