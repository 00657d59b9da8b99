"""One self-contained HTML page of sections: readable in a browser, on paper, and without a network."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

import cryoglean
from cryoglean.io.writing import complete_or_absent
from cryoglean.report.drawing import Picture

_JPEG_QUALITY = 84

_STYLE = """
:root { --ink: #212529; --faint: #5c6670; --line: #dee2e6; --ground: #f6f8fa; --warn: #b54708 }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink);
       max-width: 76rem; margin: 0 auto; padding: 1.5rem 1.5rem 3rem }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere }
h2 { font-size: 1.3rem; margin: 2.4rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 1.4rem 0 .5rem }
p { margin: .4rem 0 .8rem; max-width: 62rem }
.faint, figcaption { color: var(--faint) }
figure { margin: 0 }
figcaption { font-size: .87rem; margin-top: .25rem; overflow-wrap: anywhere }
img, svg { display: block; width: 100%; height: auto }
img.plain { max-width: 32rem }
.tiles, .gallery, .plots { display: grid; gap: 1rem }
.tiles { grid-template-columns: repeat(auto-fill, minmax(8.6rem, 1fr)); gap: .7rem; margin: 1.2rem 0 }
.gallery { grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)) }
.plots { grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1.2rem 2rem;
         margin: 1rem 0; max-width: 68rem }
.tile { background: var(--ground); border-radius: 8px; padding: .7rem .9rem }
.tile b { display: block; font-size: 1.45rem; line-height: 1.25; font-weight: 600 }
.tile span { color: var(--faint); font-size: .87rem }
.notice { border-left: 4px solid var(--warn); background: #fff8f1; padding: .5rem .9rem; margin: .5rem 0;
          overflow-wrap: anywhere }
.table { overflow-x: auto; margin: .2rem 0 1.2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 600; color: var(--faint) }
td, th { padding: .28rem 1.1rem .28rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
th, table.figures td, table.settings td:first-child { white-space: nowrap }
td { overflow-wrap: anywhere }
table.settings td { overflow-wrap: break-word }
table.settings td:last-child { min-width: 16rem }
table.figures td + td, table.figures th + th { text-align: right }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace }
.zoom { display: block; position: relative; cursor: zoom-in }
.zoom input { position: absolute; opacity: 0 }
.zoom input:focus-visible + img { outline: 3px solid #0072b2 }
.zoom:has(:checked) { cursor: zoom-out }
@media screen {
  .plots > * { min-width: 0 }
  .gallery > :only-child { grid-column: 1 / -1; max-width: 44rem }
  figure:has(.zoom :checked) { grid-column: 1 / -1; max-width: 62rem }
}
@page { size: A4; margin: 14mm 12mm }
@media print {
  .screen, .zoom input { display: none }
  .table { overflow: visible }
  td, th { padding-right: .7rem }
  html { font-size: 12px }
  body { font-size: 1rem; padding: 0; max-width: none }
  h1, h2, h3 { break-after: avoid }
  .tiles { grid-template-columns: repeat(4, 1fr) }
  .gallery { grid-template-columns: repeat(3, 1fr); gap: .6rem }
  .gallery > :only-child { grid-column: 1 / span 2 }
  .plots { grid-template-columns: repeat(2, 1fr); gap: .8rem }
  section > p { break-after: avoid }
  figure, .plots > *, .tile, .notice, tr { break-inside: avoid }
}
"""


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Parameters
    ----------
    heading : str
        What it is about.
    body : str
        HTML.
    """

    heading: str
    body: str


def write_page(path: Path, title: str, *, lead: str, sections: Sequence[Section]) -> None:
    """Write a page that needs no other file and no network.

    Parameters
    ----------
    path : Path
        Where to.
    title : str
        Heading of the page.
    lead : str
        HTML between the heading and the first section.
    sections : sequence of Section
        In the order in which they are read.

    Raises
    ------
    OutputError
        The page cannot be written.
    """
    parts = [f"<h1>{escaped(title)}</h1>", lead]
    parts += [f"<section><h2>{escaped(one.heading)}</h2>\n{one.body}\n</section>" for one in sections]
    body = "\n".join(parts)
    page = (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{escaped(title)}</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<meta name='generator' content='cryoglean {cryoglean.__version__}'>"
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )
    with complete_or_absent(path) as partial:
        partial.write_text(page, encoding="utf-8")


def escaped(text: object) -> str:
    """Return text as HTML."""
    # File names may hold bytes of another encoding, which no page can.
    return html.escape(str(text).encode("utf-8", "replace").decode("utf-8"), quote=True)


def paragraph(text: str, kind: str = "") -> str:
    """Make a paragraph of HTML; `kind` is 'faint' for an explanation and 'notice' for what is wrong."""
    return f"<p class='{kind}'>{text}</p>" if kind else f"<p>{text}</p>"


def tiles(figures: Iterable[tuple[str, str]]) -> str:
    """Show figures in large print, each with what it is."""
    drawn = (
        f"<div class='tile'><b>{escaped(value)}</b><span>{escaped(what)}</span></div>"
        for value, what in figures
    )
    return f"<div class='tiles'>{''.join(drawn)}</div>"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, kind: str = "texts") -> str:
    """Make a table of 'texts', of 'settings', or of 'figures', which stand on the right."""
    head = "".join(f"<th>{escaped(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    # What does not fit into a narrow window is scrolled by itself, and not the page.
    return (
        f"<div class='table'><table class='{kind}'><thead><tr>{head}</tr></thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )


def figure(drawn: str, caption: str) -> str:
    """Put a caption under a picture or a plot."""
    return f"<figure>{drawn}<figcaption>{escaped(caption)}</figcaption></figure>"


def row_of(kind: str, figures: Iterable[str]) -> str:
    """Put figures side by side: 'gallery' for micrographs, 'plots' for plots."""
    return f"<div class='{kind}'>\n" + "\n".join(figures) + "\n</div>"


def photograph(picture: Picture, alternative: str) -> str:
    """Embed a picture of a micrograph, whose noise only JPEG makes small; a click enlarges it."""
    options = (
        cv2.IMWRITE_JPEG_QUALITY,
        _JPEG_QUALITY,
        # Thin coloured marks keep their colour only where it is stored for every pixel.
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    )
    embedded = _embedded(picture, alternative, suffix=".jpg", options=options)
    # A box to tick, which is not seen, enlarges without a script.
    return f"<label class='zoom'><input type='checkbox' aria-label='enlarge'>{embedded}</label>"


def drawing(picture: Picture, alternative: str) -> str:
    """Embed a picture of lines and letters, as it is."""
    return _embedded(picture, alternative, suffix=".png", options=(), kind="plain")


def _embedded(
    picture: Picture, alternative: str, *, suffix: str, options: Sequence[int], kind: str = ""
) -> str:
    encoded = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1].tobytes()
    height, width = picture.shape[:2]
    kind = f" class='{kind}'" if kind else ""
    return (
        f"<img{kind} alt='{escaped(alternative)}' width='{width}' height='{height}' "
        f"src='data:image/{'jpeg' if suffix == '.jpg' else 'png'};base64,"
        f"{base64.b64encode(encoded).decode('ascii')}'>"
    )
