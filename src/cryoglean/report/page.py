"""One self-contained HTML page about a scored run: figures, the curve, and pictures of the picks."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2

from cryoglean.evaluate import Evaluation
from cryoglean.io.writing import complete_or_absent
from cryoglean.report.curve_plot import draw_curves
from cryoglean.report.drawing import Picture

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse }
td, th { padding: .2rem .9rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
img { max-width: 100%; display: block; margin: .5rem 0 }
figure { margin: 0 0 2rem }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(26rem, 1fr)); gap: 1rem }
"""


def write_page(
    path: Path, title: str, *, sections: Mapping[str, Evaluation], pictures: Sequence[tuple[str, Picture]]
) -> None:
    """Write a page that needs no other file and no network.

    Parameters
    ----------
    path : Path
        Where to.
    title : str
        Heading of the page.
    sections : mapping of str to Evaluation
        What was scored, by the name of its section.
    pictures : sequence of (str, Picture)
        Caption and RGB picture of each micrograph to show.

    Raises
    ------
    OutputError
        The page cannot be written.
    """
    parts = [f"<h1>{html.escape(title)}</h1>"]
    for name, evaluation in sections.items():
        parts += [f"<h2>{html.escape(name)}</h2>", _table(evaluation), _image(draw_curves(evaluation), name)]
    parts.append("<h2>Micrographs</h2><div class='gallery'>")
    parts += [
        f"<figure>{_image(picture, caption)}<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, picture in pictures
    ]
    body = "\n".join([*parts, "</div>"])
    page = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )
    with complete_or_absent(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _table(evaluation: Evaluation) -> str:
    """Pooled figures of merit, a row for each matching distance."""
    heads = ("within", "precision", "recall", "F1", "worst F1", "average precision", "centring error")
    rows = []
    for merit, worst in zip(evaluation.pooled, evaluation.worst_f1, strict=True):
        average = "–" if merit.average_precision is None else f"{merit.average_precision:.3f}"
        offset = "–" if merit.median_offset_px is None else f"{merit.median_offset_px:.1f} px"
        figures = (merit.precision, merit.recall, merit.f1, worst)
        cells = [f"{merit.tolerance:g} diameters", *(f"{figure:.3f}" for figure in figures), average, offset]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in heads) + "</tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _image(picture: Picture, alternative: str) -> str:
    encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    data = base64.b64encode(encoded).decode("ascii")
    return f"<img alt='{html.escape(alternative, quote=True)}' src='data:image/png;base64,{data}'>"
