"""The page about the simulator tells the ranges that the code has, and shows every effect."""

from pathlib import Path

import pytest

from cryoglean.dataset.contamination import KINDS
from cryoglean.settings import Config, Range
from cryoglean.simulate.settings import SimulationConfig

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"


def documented_ranges() -> list[str]:
    """Rows of the page's table: name, range, how it is drawn, how often, meaning."""
    config, rows = SimulationConfig(), []
    for name, info in SimulationConfig.model_fields.items():
        section = getattr(config, name)
        if isinstance(section, tuple) and name != "size":
            rows.append(row(name, Range(low=section[0], high=section[1]), info.description))
        elif isinstance(section, Config):
            fields = type(section).model_fields.items()
            wanted = [(key, getattr(section, key), field.description) for key, field in fields]
            rows += [row(f"{name}.{key}", v, text) for key, v, text in wanted if isinstance(v, Range)]
    return rows


def row(name: str, wanted: Range, meaning: str) -> str:
    meaning = meaning.replace(": lowest and highest", "")
    how = "log" if wanted.log else "even"
    often = "always" if wanted.chance == 1 else f"{100 * wanted.chance:g} %"
    return f"| `{name}` | {wanted.low:g} to {wanted.high:g} | {how} | {often} | {meaning} |"


@pytest.mark.parametrize("expected", documented_ranges())
def test_the_page_tells_each_range(expected):
    assert expected in PAGE.read_text(encoding="utf-8")


def test_the_page_shows_every_picture_and_kind():
    text = PAGE.read_text(encoding="utf-8")
    pictures = sorted((PAGE.parent / "images" / "simulator").glob("*.png"))
    assert pictures
    for picture in pictures:
        assert f"](images/simulator/{picture.name})" in text
    for kind in KINDS:
        assert f"`{kind}`" in text
    assert sum(picture.stat().st_size for picture in pictures) < 1.5e6
