"""What a run's numbers say of it as a whole, and what to try where next to nothing was picked."""

from dataclasses import replace
from pathlib import Path

import pytest

from cryoglean.engine import RunFolder
from cryoglean.engine.learning import Learned, learned_of, write_learned
from cryoglean.engine.results import told_of
from cryoglean.engine.size import MeasuredSize, resolve, write_size
from cryoglean.engine.summary import Summary, sum_up
from cryoglean.engine.work import Outcome
from cryoglean.pickers.settings import PickConfig

ONE = Outcome(
    "mic",
    Path("mic.mrc"),
    picks=100,
    mean_score=0.9,
    candidates=400,
    best_score=0.99,
    expected_particles=120.0,
    contaminated=4,
    pixel_size=1.5,
)
SIZE = {"diameter": 112.6, "contrast": "dark"}
NETWORK = PickConfig(method="network", min_score=0.69, **SIZE)
ASKED = SIZE | {"angpix": None, "contamination": True}
NOT_ASKED = {"method": "auto", "weights": "general", "diameter": None, "contrast": "auto", "angpix": None}


def summed(folder: RunFolder, config: PickConfig = NETWORK, **changed: object) -> Summary:
    outcomes = [replace(ONE, name=f"mic{k}", **changed) for k in range(3)]
    return told_of(folder, sum_up(outcomes, missing=0), config)


def test_precision_and_recall_to_expect_follow_from_the_scores(out: RunFolder) -> None:
    summary = summed(out)
    assert (summary.expected_precision, summary.expected_recall) == (0.9, 0.75)
    # Corrections may leave more picks than candidates.
    assert summed(out, expected_particles=80.0).expected_recall == 1.0
    nothing = summed(out, picks=0, mean_score=None, expected_particles=0.0)
    assert (nothing.expected_precision, nothing.expected_recall) == (None, None)
    assert summed(out, PickConfig(method="paper", **SIZE)).expected_precision is None


def test_what_the_size_rests_on(out: RunFolder) -> None:
    assert summed(out).size_source == "given"
    measured = MeasuredSize(NOT_ASKED, 112.6, "dark", 1.5, ("mic.mrc",), source="networks")
    write_size(out.size, measured)
    assert summed(out, resolve(PickConfig(), measured)).size_source == "networks"
    # What an earlier start measured lies unused.
    assert summed(out, NETWORK.changed(diameter=120.0)).size_source == "given"
    assert summed(out, PickConfig(method="network")).size_source is None


def test_what_came_of_learning(out: RunFolder) -> None:
    learned_config = PickConfig(**SIZE)
    assert summed(out).learning == "not tried"
    write_learned(out, Learned(ASKED, ("mic.mrc",), "only 18 candidates"), None)
    summary = summed(out)
    assert (summary.learning, summary.learning_reason) == ("first opinion stays", "only 18 candidates")
    assert learned_of(out, NETWORK.changed(learn=False)) is None
    assert learned_of(out, NETWORK.changed(diameter=120.0)) is None
    assert learned_of(out, learned_config) is None


def test_much_contamination_is_told_with_the_remedy(out: RunFolder) -> None:
    assert summed(out).notices == ()
    (notice,) = summed(out, contaminated=32).notices
    assert notice.startswith("8.0% of all candidates were refused as contamination")
    assert "`--no-contamination`" in notice


def test_what_contradicts_the_user_is_told_as_long_as_he_says_it(out: RunFolder) -> None:
    said = NOT_ASKED | {"diameter": 11.4}
    write_size(out.size, MeasuredSize(said, 11.4, "dark", 1.5, ("mic.mrc",), contradictions=("was it nm?",)))
    assert summed(out, NETWORK.changed(diameter=11.4)).notices == ("was it nm?",)
    assert summed(out, NETWORK.changed(diameter=114.0)).notices == ()
    assert summed(out, NETWORK.changed(diameter=11.4, contrast="bright")).notices == ("was it nm?",)
    assert summed(out, NETWORK.changed(diameter=11.4, angpix=2.0)).notices == ()


def test_who_has_picks_needs_no_advice(out: RunFolder) -> None:
    assert summed(out).advice == ()
    assert told_of(out, sum_up([replace(ONE, error="is empty")], missing=0), NETWORK).advice == ()


@pytest.mark.parametrize(
    ("config", "changed", "first"),
    [
        (NETWORK, {"contaminated": 300}, "75% of the candidates were refused as contamination"),
        (
            NETWORK,
            {"best_score": 0.5},
            "all 1,200 candidates score below the threshold of 0.69, the best of them 0.5: look at them "
            "with `cryoglean select --min-score 0.2`",
        ),
        (PickConfig(method="network", min_score=0.69), {}, "the particles' size was not found"),
        (NETWORK, {}, "is the diameter of 113 Å (75 pixels of 1.5 Å) that of the whole particle?"),
    ],
)
def test_where_nothing_was_picked_the_likeliest_remedy_comes_first(
    out: RunFolder, config: PickConfig, changed: dict[str, object], first: str
) -> None:
    summary = summed(out, config, **({"picks": 1, "mean_score": 0.9} | changed))
    assert summary.advice[0].startswith(first)
    assert summary.advice[-1] == "try another method, `--method unsupervised`"


def test_pixel_size_and_contrast_are_doubted_where_they_may_be_wrong(out: RunFolder) -> None:
    unknown = summed(out, picks=0, mean_score=None, pixel_size=None).advice
    assert any("lengths are in pixels: give `--angpix`" in text for text in unknown)
    bright = NETWORK.changed(contrast="bright", angpix=2.0)
    advice = summed(out, bright, picks=0, mean_score=None).advice
    assert "is the pixel size of 2 Å that of these files, after binning?" in advice
    assert "particles were taken to be bright: if they are not, try `--contrast dark`" in advice
