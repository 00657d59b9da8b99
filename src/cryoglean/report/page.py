"""One self-contained HTML page of sections: readable in a browser, on paper, and without a network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

import cryoglean
from cryoglean.io.writing import complete_or_absent
from cryoglean.report.drawing import Picture
from cryoglean.report.palette import PALETTE
from cryoglean.report.plots import as_svg
from cryoglean.report.words import counted

_JPEG_QUALITY = 84


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Parameters
    ----------
    heading : str
        What it is about.
    template : str
        The file in ``templates/`` that shows it.
    values : mapping of str to object
        What the template shows, by the names that it uses; text is escaped there.
    notices : tuple of str
        What the reader should know first: shown at the head of the page, with a way to the section.
    """

    heading: str
    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Name of the section in addresses within the page."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.heading.lower()).split())


@dataclass(frozen=True)
class Table:
    """A table.

    Parameters
    ----------
    heads : sequence of str
        Headings of the columns.
    rows : sequence of sequence
        The cells.
    kind : {'texts', 'figures', 'settings'}
        Of figures, all but the first column stand on the right.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]
    kind: str = "texts"


@dataclass(frozen=True)
class Plot:
    """A plot and what is written below.

    Parameters
    ----------
    svg : Markup
        The ``<svg>`` element.
    description : str
        What it shows, for those who cannot see it.
    caption : str
        What is written below.
    """

    svg: Markup
    description: str
    caption: str


@dataclass(frozen=True)
class Embedded:
    """A picture within the page.

    Parameters
    ----------
    source : str
        The picture itself, as a data address.
    width, height : int
        Pixels.
    description : str
        What it shows, for those who cannot see it.
    """

    source: str
    width: int
    height: int
    description: str


def write_page(path: Path, title: str, *, lead: Section, sections: Sequence[Section]) -> None:
    """Write a page that needs no other file and no network.

    Parameters
    ----------
    path : Path
        Where to.
    title : str
        Heading of the page.
    lead : Section
        What stands between the heading and the first section; it has no heading of its own.
    sections : sequence of Section
        In the order in which they are read.

    Raises
    ------
    OutputError
        The page cannot be written.
    """
    page = (
        _environment()
        .get_template("page.html")
        .render(title=title, version=cryoglean.__version__, palette=PALETTE, lead=lead, sections=sections)
    )
    with complete_or_absent(path) as partial:
        # File names may hold bytes of another encoding, which no page can.
        partial.write_text(page, encoding="utf-8", errors="replace")


def plot(figure: Figure, caption: str) -> Plot:
    """Put a caption under a plot."""
    axes = figure.axes[0]
    return Plot(Markup(as_svg(figure)), f"{axes.get_ylabel()} against {axes.get_xlabel()}", caption)


def photograph(picture: Picture, description: str) -> Embedded:
    """Embed a picture of a micrograph, whose noise only JPEG makes small."""
    options = (
        cv2.IMWRITE_JPEG_QUALITY,
        _JPEG_QUALITY,
        # Thin coloured marks keep their colour only where it is stored for every pixel.
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    )
    encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1].tobytes()
    height, width = picture.shape[:2]
    return Embedded(_address("jpeg", encoded), width, height, description)


def grey_image(picture: Picture, description: str) -> Embedded:
    """Embed a small grey image, (ny, nx), as it is."""
    encoded = cv2.imencode(".png", picture)[1].tobytes()
    height, width = picture.shape
    return Embedded(_address("png", encoded), width, height, description)


def _address(kind: str, encoded: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode('ascii')}"


def _environment() -> Environment:
    pages = Environment(
        loader=PackageLoader("cryoglean.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    pages.filters |= {
        "counted": counted,
        "thousands": "{:,}".format,
        "percent": percent,
        "with_code": with_code,
        "rendered": lambda one: Markup(pages.get_template(one.template).render(one.values)),
    }
    return pages


def percent(share: float) -> str:
    """Write a share: 0.3%, 12%."""
    return f"{share:.1%}" if 0 < share < 0.0995 else f"{share:.0%}"


def with_code(text: str) -> Markup:
    """Set what stands between backticks as code."""
    parts = text.split("`")
    code = (Markup("<code>{}</code>").format(part) if k % 2 else escape(part) for k, part in enumerate(parts))
    return Markup("").join(code)
