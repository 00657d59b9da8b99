"""Names of every kind: what is written is read back, or is refused before anything is written."""

import csv
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cryoglean.errors import CoordinateError
from cryoglean.io.formats import DIALECTS, read_picks, write_picks
from cryoglean.io.formats.dialects import ManyInOne
from cryoglean.io.spreadsheets import no_formula, plain, write_table
from cryoglean.types import Picks

#: Any character that a file's name may have.
characters = st.characters(codec="utf-8", exclude_characters="/\0")
names = st.text(characters, min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 120
)
ODD = [
    *("#1", "=1+1", "-5", "+a", "@x", "'=1", "''-x", " a ", '"', "'", "a,b", "_a", "data_1", "loop_", "$a"),
    *("a\tb", "a b", "é", "\u2028", "\x85", "\xa0", "\x0b", "\x1c", "a#b", ";", "<NA>", "nan", "None", "1"),
    *("0017", "1e5", "a\nb", "\r", "\\", "a.star", "x.mrc.gz", "2@a", "%s", "{}", "*", "[a]", "-", "--", "~"),
    *("1_autopick", "a_info", "a\ufeff", ".hidden", "._a", "a.", "..."),
]
SETTINGS = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def of(name: str, folder: str) -> Picks:
    """Picks of a micrograph of a name."""
    xy = np.array([[10.0, 20.0], [30.0, 40.0]])
    return Picks(xy, name=name, diameter=20.0, shape=(100, 200), pixel_size=2.0, path=f"{folder}{name}.mrc")


def survive(dialect: str, name: str, folder: Path) -> None:
    """Write picks of two micrographs, and read them, unless the name cannot be kept."""
    picks = [of(name, "first/"), of(name, "second/")]
    cannot_be_kept = any(mark in name for mark in "\n\r") or ("'" in name and '"' in name)
    try:
        write_picks(picks, folder, format=dialect)
    except CoordinateError:
        # There is no way to write these in STAR, nor some of them in a table.
        if not cannot_be_kept:
            raise
        return
    again = read_picks(folder, format=dialect)
    assert len(again) == 2
    assert len({one.name for one in again}) == 2
    for one, other in zip(picks, again, strict=True):
        np.testing.assert_allclose(other.xy, one.xy, atol=1e-4)
        if isinstance(DIALECTS[dialect], ManyInOne) or dialect == "relion":
            assert other.micrograph == one.path


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ODD)
def test_odd_names_survive_every_dialect(tmp_path, dialect, name):
    survive(dialect, name, tmp_path / "out")


@pytest.mark.parametrize("dialect", DIALECTS)
@SETTINGS
@given(name=names)
def test_any_name_survives_every_dialect(tmp_path_factory, dialect, name):
    survive(dialect, name, tmp_path_factory.mktemp("any") / "out")


@SETTINGS
@given(word=st.text(characters, max_size=12))
@example("'")
@example("''=x")
@example("-1e5")
@example("=1")
@example("a;=1")
@example("a;'=1,-5;-5")
@example("\t=1")
def test_a_word_is_the_same_after_it_stood_in_a_table(word):
    assert plain(no_formula(word)) == word


@pytest.mark.parametrize(
    "word", ["=1+1", "+cmd|' C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "'=1", "-", "+", "＝1", "a;=1", "a\t=1"]
)
def test_no_word_starts_a_formula(tmp_path, word):
    picks = replace(of("m", ""), name=word, path="", extra={word: np.array([word, "b"])})
    write_picks([picks], tmp_path / "a.csv")
    write_picks([picks], tmp_path / "a.tsv")
    write_table(tmp_path / "b.csv", ["micrograph", word], [[word, 1.5]])
    for file, separator in product(("a.csv", "a.tsv", "b.csv"), ",;\t"):
        with (tmp_path / file).open(newline="", encoding="utf-8") as opened:
            cells = [cell for row in csv.reader(opened, delimiter=separator) for cell in row]
        assert not [cell for cell in cells if cell[:1] in "=+-@\t\r＝" and cell], cells
    (again,) = read_picks(tmp_path / "a.csv")
    assert (again.name, again.extra[word].tolist()) == (word, [word, "b"])


def test_numbers_are_no_formulas(tmp_path):
    write_table(tmp_path / "a.csv", ["x"], [["-1.5"], ["+2e-3"], [-0.5]])
    assert (tmp_path / "a.csv").read_text().split() == ["x", "-1.5", "+2e-3", "-0.5"]
