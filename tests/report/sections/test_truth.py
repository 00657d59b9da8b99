"""Picks beside the truth, as the report shows them."""

from dataclasses import replace

import numpy as np

from cryoglean.evaluate import evaluate
from cryoglean.report.sections.truth import Comparison, truth
from cryoglean.types import Picks
from tests.report.rendering import text_of


def picks_of(name: str, number: int, *, kind: str = "particle") -> Picks:
    return Picks(
        40.0 * np.arange(2 * number).reshape(-1, 2), diameter=20.0, kind=np.full(number, kind), name=name
    )


def test_figures_are_those_of_the_evaluation() -> None:
    true = [picks_of("a", 4), picks_of("b", 4)]
    shifted = replace(true[1], xy=np.add(true[1].xy, (3, 0)))
    evaluation = evaluate(true, [true[0][:2], shifted], diameter_px=20)
    text = text_of(truth(evaluation))
    assert "8 true particles in 2 micrographs, 6 picks" in text
    assert "0.5 diameters 1.000 0.750 0.857 0.667 – 3.0 px 0" in text
    assert text.index("a 0.667 1.000 0.500") < text.index("b 1.000 1.000 1.000")


def test_micrographs_with_half_of_the_story_are_told() -> None:
    evaluation = evaluate(
        [picks_of("a", 4), picks_of("b", 2)], [picks_of("a", 4), picks_of("c", 3)], diameter_px=20
    )
    text = text_of(truth(evaluation))
    assert "1 micrograph without picks of their own (b): all their particles count as missed." in text
    assert "1 micrograph without truth (c) are left out." in text


def test_kinds_are_listed_where_there_are_several() -> None:
    true = [picks_of("a", 4, kind="top"), picks_of("b", 3, kind="side")]
    text = text_of(truth(evaluate(true, [true[0]], diameter_px=20)))
    assert "top 4 4 4" in text
    assert "side 3 0 0" in text


def test_the_merit_of_a_micrograph_is_known_by_its_name() -> None:
    true = [picks_of("a", 4)]
    comparison = Comparison({"a": true[0]}, evaluate(true, true, diameter_px=20))
    assert comparison.merit_of("a").f1 == 1
    assert comparison.merit_of("b") is None
