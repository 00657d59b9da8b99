"""Pages: self-contained, and nothing that a file is called can break them.

Of `page`, its templates, and `palette`.
"""

import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from cryoglean.errors import OutputError
from cryoglean.report.page import Section, Table, grey_image, percent, photograph, plot, with_code, write_page
from cryoglean.report.palette import PALETTE
from cryoglean.report.plots import Axis, histogram
from tests.report.rendering import html_of, text_of

TABLE = "listing.html"


def listing(heading: str, *cells: str) -> Section:
    """A section with a table of one row."""
    return Section(heading, TABLE, {"tables": [{"table": Table(cells, [cells]), "more": 0}], "nothing": ""})


def test_a_page_needs_no_other_file(tmp_path: Path) -> None:
    bars = histogram([0, 1], [1], x=Axis("score"), y=Axis("picks"))
    values = {"plots": [plot(bars, "Scores.")], "candidates": 1, "picks": 1, "threshold": None}
    values |= {"near": 0, "precision": None, "probabilities": True}
    page = html_of(Section("Scores", "scores.html", values))
    assert page.count("<svg ") == 1
    assert "<script" not in page
    assert "@import" not in page
    # Name spaces are named like addresses, and nobody looks there.
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", page)


def test_names_are_escaped_wherever_they_stand() -> None:
    # After the quotes stands a byte in no encoding, as old file systems have them.
    name = "a<b>&'\"\udcff.mrc"
    section = listing(name, name)
    page = html_of(Section(name, TABLE, section.values, notices=(name,)), title=name)
    assert page.count("a&lt;b&gt;&amp;&#39;&#34;?.mrc") == 7
    assert "<b>" not in page


def test_a_notice_stands_at_the_head_and_leads_to_its_section() -> None:
    sections = [listing("One", "x"), Section("Two, at last", TABLE, listing("", "y").values, ("Look!",))]
    page = html_of(*sections)
    assert page.index("Look!") < page.index("<h2>One</h2>")
    assert page.count("Look!") == 1
    assert '<a href="#two-at-last">More</a>' in page
    assert '<section id="two-at-last">' in page


def test_commands_are_set_as_code_and_escaped() -> None:
    assert with_code("try `a <b>` & `c`") == "try <code>a &lt;b&gt;</code> &amp; <code>c</code>"


def test_a_photograph_and_a_grey_image_are_the_pictures(rng: np.random.Generator) -> None:
    colour = np.full((20, 30, 3), (200, 30, 90), np.uint8)
    grey = rng.integers(0, 256, (12, 8)).astype(np.uint8)
    for embedded, picture in ((photograph(colour, "red"), colour), (grey_image(grey, "grey"), grey)):
        encoded = base64.b64decode(embedded.source.partition(",")[2])
        decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
        assert (embedded.height, embedded.width) == picture.shape[:2] == decoded.shape[:2]
        shown = decoded[..., ::-1] if picture.ndim == 3 else decoded
        assert np.abs(shown.astype(int) - picture).max() <= (3 if picture.ndim == 3 else 0)


def test_every_colour_of_a_plot_has_another_on_dark_ground() -> None:
    page = html_of(listing("One", "x"))
    dark = page[page.index("prefers-color-scheme: dark") :]
    for shade in PALETTE.values():
        assert f'.plot [style*="fill: {shade.light}"] {{ fill: {shade.dark} !important }}' in dark


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "0%"), (0.003, "0.3%"), (0.0996, "10%"), (0.12, "12%"), (1.0, "100%")]
)
def test_small_shares_keep_a_digit(share: float, words: str) -> None:
    assert percent(share) == words


def test_a_list_says_when_there_is_nothing() -> None:
    assert "All is well." in text_of(Section("List", TABLE, {"tables": [], "nothing": "All is well."}))


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"page\.html"):
        write_page(tmp_path / "file" / "page.html", "Title", lead=listing("", "x"), sections=[])
