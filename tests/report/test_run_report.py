"""The report of a run says what the run left, whatever became of it.

Of `run_report`, `pdf`, and the sections `micrographs` and `listings`; `evaluation_files` and the section
`sample` are tested by the commands that use them, in `tests.cli.test_evaluate` and `tests.cli.test_demo`.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cryoglean.corrections import Corrections, write_corrections
from cryoglean.engine import Run, RunFolder, pick, reselect
from cryoglean.engine.classes import make_classes
from cryoglean.io.formats import read_picks, write_picks
from cryoglean.report.run_report import write_report
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Picks
from tests.conftest import Outcome
from tests.report.conftest import HERE, KNOWN
from tests.report.rendering import words_of

Program = Callable[..., Outcome]


def text_of(folder: RunFolder) -> str:
    """The words of a report, without pictures and elements."""
    return words_of(write_report(folder).read_text(encoding="utf-8"))


def test_a_report_shows_nine_of_many(run: RunFolder) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 6  # Two of each of eight.
    assert page.index("<b>mic7</b>16 picks") < page.index("The worst") < page.index("<b>mic0</b>9 picks")


def test_failures_are_listed_with_their_reasons(paths: list[Path], tmp_path: Path) -> None:
    paths[2].write_bytes(b"")
    run = RunFolder(tmp_path / "run")
    pick(Run(paths, run, KNOWN, HERE), report=lambda event: None)
    text = text_of(run)
    assert "1 micrograph failed." in text
    assert f"{paths[2]} the file is empty (copy or transfer the file again)" in text


def test_lists_end_where_nobody_would_read_on(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryoglean.report.sections.listings._MAX_LISTED", 3)
    for path in paths[:5]:
        path.write_bytes(b"")
    run = RunFolder(tmp_path / "run")
    pick(Run(paths, run, KNOWN, HERE), report=lambda event: None)
    text = text_of(run)
    assert text.count("the file is empty") == 3
    assert "2 more are in summary.json." in text


def test_a_run_where_all_failed_has_a_report(paths: list[Path], tmp_path: Path) -> None:
    paths[0].write_bytes(b"")
    run = RunFolder(tmp_path / "run")
    pick(Run(paths[:1], run, KNOWN, HERE), report=lambda event: None)
    assert "No micrograph is done." in text_of(run)


def test_micrographs_without_picks_are_told(paths: list[Path], run: RunFolder) -> None:
    reselect(run, SelectConfig(min_score=2.0))
    text = text_of(run)
    assert "mic0 0 picks" in text
    assert "Nothing was picked. What to try: all" in text
    assert "score below the threshold of 2, the best of them" in text


def test_the_head_says_how_the_run_was_picked_and_what_to_expect(run: RunFolder) -> None:
    text = text_of(run)
    assert "particles measure 96 Å (24 pixels of 4 Å), as given; they are dark" in text
    assert "method unsupervised, threshold 0.5" in text
    assert "expected precision" in text


def test_a_micrograph_that_is_gone_costs_its_picture_alone(paths: list[Path], run: RunFolder) -> None:
    paths[7].unlink()
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 5
    assert "there is no such file" in page


def test_an_unfinished_run_says_so(paths: list[Path], run: RunFolder) -> None:
    run.record("mic4").unlink()
    assert "1 micrograph not done yet" in text_of(run)


def test_time_and_defocus_are_shown_where_they_are_known(
    cryoglean: Program, paths: list[Path], run: RunFolder, tmp_path: Path
) -> None:
    assert "The defocus is not known." in text_of(run)
    for number, path in enumerate(paths):
        os.utime(path, (0, 1_700_000_000 + 1800 * number))
    star = tmp_path / "ctf.star"
    rows = "\n".join(
        f"data/{path.name} {10_000 + 1000 * k} {9000 + 1000 * k}" for k, path in enumerate(paths)
    )
    head = "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnDefocusU\n_rlnDefocusV\n"
    star.write_text(head + rows + "\n")
    pick(Run(paths, run, KNOWN, HERE), report=lambda event: None)
    assert cryoglean("report", run.root, "--defocus", star).code == 0
    page = run.report.read_text(encoding="utf-8")
    assert "hours after the first file" in page
    assert "defocus, µm" in page
    assert "defocus 1.65\N{NO-BREAK SPACE}µm" in page


def test_a_file_that_tells_no_defocus_is_refused(cryoglean: Program, run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "other.star").write_text("data_\n\nloop_\n_rlnMicrographName\nelse.mrc\n")
    # What the run knows from another file does not help this one.
    run.defocus.write_text("micrograph,defocus\nmic0,21000\n")
    outcome = cryoglean("report", run.root, "--defocus", tmp_path / "other.star")
    assert outcome.code == 1
    assert "has the defocus of no micrograph of this run" in outcome.err


def test_truth_adds_merit_and_a_curve(cryoglean: Program, run: RunFolder, tmp_path: Path) -> None:
    true = [one[: len(one) - 1] for one in read_picks(run.table)]
    write_picks(true, tmp_path / "truth.csv")
    outcome = cryoglean("report", run.root, "--truth", tmp_path / "truth.csv")
    assert outcome.code == 0
    page = run.report.read_text(encoding="utf-8")
    particles = sum(map(len, true))
    assert f"{particles} true particles in 8 micrographs, {particles + 8} picks" in page
    assert f"<td>{particles / (particles + 8):.3f}</td><td>1.000</td>" in page
    assert "precision against recall" in page
    assert (run.evaluation / "precision_recall.csv").is_file()


def test_truth_about_other_micrographs_is_refused(cryoglean: Program, run: RunFolder, tmp_path: Path) -> None:
    write_picks([Picks(np.ones((1, 2)), name="else")], tmp_path / "truth.csv")
    outcome = cryoglean("report", run.root, "--truth", tmp_path / "truth.csv")
    assert outcome.code == 2
    assert "no micrograph has both truth and picks" in outcome.err


def test_a_folder_that_is_no_run_is_refused(cryoglean: Program, tmp_path: Path) -> None:
    outcome = cryoglean("report", tmp_path)
    assert outcome.code == 1
    assert "name the folder that `cryoglean pick --out` wrote" in outcome.err


def test_pick_and_select_write_the_report(cryoglean: Program, paths: list[Path], tmp_path: Path) -> None:
    out, known = tmp_path / "run", ("--diameter", 96, "--contrast", "dark", "--no-learn", "--workers", 1)
    assert not (out / "report.html").exists()
    assert f"report: {out / 'report.html'}" in cryoglean("pick", *paths, "--out", out, *known).err
    before = (out / "report.html").read_text(encoding="utf-8")
    cryoglean("select", out, "--min-score", 0.9999, "--no-report")
    assert (out / "report.html").read_text(encoding="utf-8") == before
    cryoglean("select", out, "--min-score", 0.9999)
    assert "threshold 0.9999" in (out / "report.html").read_text(encoding="utf-8")


def test_a_pdf_is_written_beside_it(cryoglean: Program, run: RunFolder) -> None:
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("WeasyPrint, or the Pango library that it sets text with, is not there")
    assert cryoglean("report", run.root, "--pdf").code == 0
    assert run.report.with_suffix(".pdf").read_bytes().startswith(b"%PDF-")


def test_where_nothing_prints_the_remedy_is_told(
    cryoglean: Program, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    outcome = cryoglean("report", run.root, "--pdf")
    assert outcome.code == 1
    assert "pip install 'cryoglean[pdf]'" in outcome.err
    assert run.report.is_file()


def test_the_same_run_gives_the_same_bytes(run: RunFolder) -> None:
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_a_rejected_micrograph_is_told_and_not_shown(run: RunFolder) -> None:
    write_corrections(run.correction("mic7"), Corrections(micrograph="mic7", rejected=True))
    text = text_of(run)
    assert "1 micrograph rejected by the user" in text
    assert "mic7" not in text


def test_class_averages_are_shown_where_there_are_some(run: RunFolder) -> None:
    assert "Class averages" not in text_of(run)
    made = make_classes(run)
    assert made is not None
    text = text_of(run)
    assert f"Averages of {made.total} picks" in text
    assert "former picks" not in text
    reselect(run, SelectConfig(max_picks=5))
    assert "The class averages are of former picks of this run." in text_of(run)
