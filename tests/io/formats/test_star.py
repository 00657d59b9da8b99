"""STAR files: what is read is what is written, on real files and made-up ones."""

from pathlib import Path

import numpy as np
import pytest
from gemmi import cif
from hypothesis import given
from hypothesis import strategies as st

from cryoglean.errors import CoordinateError
from cryoglean.io.formats.star import Block, read_star, write_star
from cryoglean.io.formats.text import as_text

words = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0\"'"), max_size=12)


def written_and_read(blocks: list[Block], folder: Path) -> list[Block]:
    write_star(folder / "again.star", blocks)
    return read_star(folder / "again.star")


def assert_same(blocks: list[Block], others: list[Block]) -> None:
    assert [(b.name, b.loop, b.comment, list(b.columns)) for b in blocks] == [
        (b.name, b.loop, b.comment, list(b.columns)) for b in others
    ]
    for block, other in zip(blocks, others, strict=True):
        for label in block.columns:
            assert block.text(label).tolist() == other.text(label).tolist()


@given(
    names=st.lists(st.sampled_from(["", "particles", "twice"]), min_size=1, max_size=3),
    rows=st.lists(st.lists(words, min_size=3, max_size=3), max_size=6),
    loop=st.booleans(),
)
def test_any_words_survive(tmp_path_factory, *, names, rows, loop):
    rows = rows if loop else rows[:1] or [["a", "b", "c"]]
    columns = {
        label: as_text([row[i] for row in rows]) for i, label in enumerate(("rlnFirst", "second", "[odd]"))
    }
    blocks = [Block(name, columns, loop) for name in names]
    assert_same(blocks, written_and_read(blocks, tmp_path_factory.mktemp("star")))


@given(word=st.one_of(words, st.sampled_from(["data_1", "loop_", "_label", "#5", "it's", '6"', "", "x y"])))
def test_a_lone_word_is_never_taken_for_something_else(tmp_path_factory, word):
    blocks = [Block("", {"only": as_text([word, "end"])})]
    again = written_and_read(blocks, tmp_path_factory.mktemp("star"))
    assert again[0].text("only").tolist() == [word, "end"]


def test_numbers_keep_their_kind_and_nine_digits(tmp_path):
    columns = {"x": np.array([1 / 3, 4096.0]), "n": np.array([7, 2**40]), "s": as_text(["a", "0017"])}
    (block,) = written_and_read([Block("", columns)], tmp_path)
    np.testing.assert_allclose(block.floats("x"), columns["x"], rtol=1e-9)
    assert "." in block.text("x")[1]
    assert block.text("n").tolist() == ["7", str(2**40)]


def test_quotes_comments_and_trailing_space(tmp_path):
    path = tmp_path / "a.star"
    path.write_text(
        "# version 30001\n\ndata_optics # first\n\nloop_  \n_rlnA #1 [note]\n_rlnB #2\t\n"
        "'one two'  \"\"   \n# between\n it's 5\"   # tail\n\n\n"
        "# version 30002\n# second\ndata_\n_rlnC 'x # y'\n"
    )
    optics, other = read_star(path)
    assert optics.text("rlnA").tolist() == ["one two", "it's"]
    assert optics.text("rlnB").tolist() == ["", '5"']
    assert (optics.comment, other.comment) == ("version 30001", "version 30002\nsecond")
    assert other.text("rlnC").tolist() == ["x # y"]
    assert not other.loop


def test_windows_line_ends_and_byte_order_mark(tmp_path):
    path = tmp_path / "a.star"
    path.write_bytes(b"\xef\xbb\xbfdata_\r\nloop_\r\n_x\r\n1\r\n2\r\n")
    assert read_star(path)[0].floats("x").tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n", "not a STAR file"),
        ("data_\nloop_\n_x\n_y\n1 2\n3\n", "line 6: a row of 1 values under 2 labels"),
        ("data_\nloop_\n_x\n_y\n'1' 2\n'3 4'\n", "line 6: a row of 1 values under 2 labels"),
        ("data_\nloop_\n_x\n_x\n1 2\n", "line 4: the label _x stands twice"),
        ("data_\nloop_\n1 2\n", "line 3: values under a loop_ without labels"),
        ("data_\n_x\n", "line 2: wanted one label and one value"),
        ("data_\nloop_\n_x\n\0\n", "binary"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, message):
    path = tmp_path / "bad.star"
    path.write_text(text)
    with pytest.raises(CoordinateError, match=message) as caught:
        read_star(path)
    assert str(path) in str(caught.value)


def test_a_missing_value_is_nan_and_a_word_is_an_error(tmp_path):
    path = tmp_path / "a.star"
    path.write_text("data_\nloop_\n_x\n_y\n<NA> 1\n2 one\n")
    (block,) = read_star(path)
    np.testing.assert_array_equal(block.floats("x"), [np.nan, 2])
    with pytest.raises(CoordinateError, match="_y of row 2 is 'one'"):
        block.floats("y")
    with pytest.raises(CoordinateError, match="no column _z, only: _x, _y"):
        block.text("z")


def test_every_real_star_file_survives(shared, tmp_path):
    files = sorted((shared / "formats/starfile").glob("*.star"))
    assert len(files) > 10
    for file in files:
        blocks = read_star(file)
        assert blocks, file
        assert_same(blocks, written_and_read(blocks, tmp_path))


def test_utf_16_is_read_by_its_mark(tmp_path):
    path = tmp_path / "a.star"
    path.write_bytes("data_\r\nloop_\r\n_x\r\né.mrc\r\n".encode("utf-16"))
    assert read_star(path)[0].text("x").tolist() == ["é.mrc"]


def test_a_name_that_begins_with_an_underscore_is_no_label(tmp_path):
    path = tmp_path / "a.star"
    path.write_text("data_\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n_first.mrc 1\n_second.mrc 2\n")
    (block,) = read_star(path)
    assert block.text("rlnMicrographName").tolist() == ["_first.mrc", "_second.mrc"]
    assert block.text("rlnOpticsGroup").tolist() == ["1", "2"]


@given(rows=st.lists(st.lists(st.text("aB9._-#/@ é;[$", max_size=8), min_size=2, max_size=2), max_size=4))
def test_another_reader_finds_the_same_in_what_is_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("star") / "a.star"
    columns = {"a": as_text([row[0] for row in rows]), "b": as_text([row[1] for row in rows])}
    write_star(path, [Block("words", columns)])
    try:
        (block,) = cif.read_string(path.read_text(encoding="utf-8"))
    except ValueError:
        # Bare words beyond ASCII, and with a dollar before them, are none by the letter of CIF.
        assert any(not word.isascii() or word.startswith("$") for row in rows for word in row)
        return
    for label, values in columns.items():
        found = [word if cif.is_null(word) else cif.as_string(word) for word in block.find_loop(f"_{label}")]
        assert found == values.tolist()


ROWS = "data_\nloop_\n_a\n_b\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (ROWS + "Mikroskopie/Köln.mrc 1\n", ["Mikroskopie/Köln.mrc"]),
        (ROWS + "$grid.mrc 1\n", ["$grid.mrc"]),
        (ROWS + "_first.mrc 1\n", ["_first.mrc"]),
        (ROWS + "data_1.mrc 1\n", ["data_1.mrc"]),
        ("data_x\n_a 1\n\ndata_x\n_a 2\n", ["1"]),
    ],
)
def test_what_relion_writes_is_read_though_cif_forbids_it(tmp_path, text, wanted):
    """Why STAR files are not read by gemmi, which refuses every one of these."""
    path = tmp_path / "a.star"
    path.write_text(text, encoding="utf-8")
    assert read_star(path)[0].text("a").tolist() == wanted
    with pytest.raises((ValueError, RuntimeError), match=r"parse error|Wrong number|duplicate"):
        cif.read_file(str(path))


def test_a_word_that_is_lost_shifts_no_columns(tmp_path):
    """Why STAR files are not read by gemmi, which counts the words of the whole loop and not of a row."""
    path = tmp_path / "a.star"
    path.write_text(ROWS + "1 2\n3\n4 5\n6\n")
    with pytest.raises(CoordinateError, match="line 6: a row of 1 values under 2 labels"):
        read_star(path)
    assert list(cif.read_file(str(path))[0].find_loop("_a")) == ["1", "3", "5"]
