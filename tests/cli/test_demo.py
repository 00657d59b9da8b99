from collections.abc import Callable
from pathlib import Path

from tests.conftest import Outcome


def test_the_demo_shows_the_whole_way(cryoglean: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = cryoglean("demo", "--out", tmp_path, "--count", 1)
    assert outcome.code == 0
    assert outcome.out.count("within 0.5 diameters") == 2
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 2
    assert page.count("precision against recall") == 2
    for sample in ("cage", "barrel"):
        assert f'<a href="{sample}/run/report.html">' in page
        assert "Against the truth" in (tmp_path / sample / "run" / "report.html").read_text(encoding="utf-8")
