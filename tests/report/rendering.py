"""Sections as a reader sees them."""

import re
import tempfile
from pathlib import Path

from cryoglean.report.page import Section, write_page

LEAD = Section("", "listing.html", {"tables": [], "nothing": ""})


def html_of(*sections: Section, title: str = "Title") -> str:
    """A page of these sections."""
    with tempfile.TemporaryDirectory() as folder:
        write_page(Path(folder) / "page.html", title, lead=LEAD, sections=sections)
        return (Path(folder) / "page.html").read_text(encoding="utf-8")


def text_of(*sections: Section) -> str:
    """The words of a page of these sections."""
    return words_of(html_of(*sections))


def words_of(page: str) -> str:
    """The words of a page, without pictures and elements."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL))
