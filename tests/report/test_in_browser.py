"""The report in a real browser: all in one file, at home in wide windows and narrow ones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cryoglean.engine import RunFolder
from cryoglean.io.formats import read_picks, write_picks
from cryoglean.report.palette import PALETTE
from tests.conftest import Outcome

pytestmark = pytest.mark.external


@pytest.fixture
def page_file(cryoglean: Callable[..., Outcome], run: RunFolder, tmp_path: Path) -> Path:
    """A report with every section; the truth is what was picked."""
    write_picks(read_picks(run.table), tmp_path / "truth.csv")
    assert cryoglean("report", run.root, "--truth", tmp_path / "truth.csv").code == 0
    return run.report


@contextmanager
def opened(browser: Any, file: Path, width: int, scheme: str = "light") -> Iterator[tuple[Any, list[str]]]:
    """The report in a window, and whatever it asked for."""
    asked: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page, asked
    page.close()


@pytest.mark.parametrize("width", [1400, 420])
def test_it_asks_for_nothing_and_fits_into_its_window(browser: Any, page_file: Path, width: int) -> None:
    with opened(browser, page_file, width) as (page, asked):
        assert [url for url in asked if not url.startswith("data:")] == [page_file.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") == width
        shown = page.evaluate("[...document.images].map(image => image.complete && image.naturalWidth > 0)")
        assert shown == [True] * 6  # Micrographs; plots are drawn, not shown.


def test_a_picture_is_enlarged_by_a_click_and_by_the_keyboard(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file, 1400) as (page, _):
        picture = page.locator("img").first
        small = picture.bounding_box()["width"]
        picture.click()
        assert picture.bounding_box()["width"] > 2 * small
        page.keyboard.press("Space")
        assert picture.bounding_box()["width"] == small


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_have_the_colours_of_the_page(browser: Any, page_file: Path, scheme: str) -> None:
    with opened(browser, page_file, 1400, scheme) as (page, _):
        ink = page.evaluate("getComputedStyle(document.body).color")
        words = "[...document.querySelectorAll('.plot text')].map(text => getComputedStyle(text).fill)"
        assert ink in set(page.evaluate(words))
    shade = getattr(PALETTE["ink"], scheme)
    assert ink == f"rgb({', '.join(str(int(shade[k : k + 2], 16)) for k in (1, 3, 5))})"


def test_a_section_is_reached_from_the_list_of_sections(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file, 1400) as (page, _):
        page.get_by_role("navigation").get_by_text("Contamination").click()
        page.wait_for_function(
            "Math.abs(document.getElementById('contamination').getBoundingClientRect().top) < 60 "
            "|| window.innerHeight + window.scrollY >= document.body.scrollHeight - 2"
        )
