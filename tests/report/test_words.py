"""Numbers of things in words."""

import pytest

from cryoglean.report.words import counted


@pytest.mark.parametrize(
    ("number", "nouns", "words"),
    [
        (0, ("pick",), "0 picks"),
        (1, ("pick",), "1 pick"),
        (12_000, ("pick",), "12,000 picks"),
        (1, ("class", "classes"), "1 class"),
        (8, ("class", "classes"), "8 classes"),
    ],
)
def test_things_are_counted(number: int, nouns: tuple[str, ...], words: str) -> None:
    assert counted(number, *nouns) == words
