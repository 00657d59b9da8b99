"""The colours of pages and plots, on white and on dark ground."""

from __future__ import annotations

from typing import NamedTuple


class Shade(NamedTuple):
    """One colour on white and on dark ground, as CSS writes it."""

    light: str
    dark: str


PALETTE: dict[str, Shade] = {
    "ground": Shade("#ffffff", "#15181c"),
    "raised": Shade("#f5f7f9", "#1f242a"),
    "ink": Shade("#20262c", "#e4e8ec"),
    "faint": Shade("#5b6670", "#9aa5b0"),
    "line": Shade("#dfe3e8", "#343b43"),
    "pale": Shade("#c2cbd3", "#56616c"),
    # Blue, vermilion, green and purple are distinct for every kind of colour vision (Okabe and Ito, 2008,
    # Color Universal Design), vermilion a little darker, to be read as text; lighter ones of the same hue
    # stand out from a dark ground as much.
    "blue": Shade("#0072b2", "#56b4e9"),
    "vermilion": Shade("#c25000", "#f2894a"),
    "green": Shade("#009e73", "#3cc79b"),
    "purple": Shade("#a85b8a", "#d995be"),
    "caution": Shade("#fff4e8", "#38281a"),
}
LINES = ("blue", "vermilion", "green", "purple")
"""Colours of lines that are to be told apart, in this order."""
