"""What a user has corrected holds, whatever writes results, and however often."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from cryoglean.corrections import Added, Corrections, Deleted, Moved, write_corrections
from cryoglean.engine import Run, RunFolder, pick, reselect, watch
from cryoglean.engine.records import read_record
from cryoglean.engine.settings import EngineConfig, WatchConfig
from cryoglean.io.formats import read_picks
from cryoglean.pickers.settings import PickConfig
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Picks
from tests.engine.session_files import ignore, left_by

ONE = EngineConfig(workers=1)
CORRECTED, REJECTED, UNTOUCHED = "mic0000", "mic0001", "mic0002"


@pytest.fixture
def run(session: list[Path], out: RunFolder, known: PickConfig) -> Run:
    run = Run(session, out, known, ONE)
    pick(run, ignore)
    return run


def correct(folder: RunFolder) -> Corrections:
    """Delete the best pick of one micrograph, move the second, add one, and reject another micrograph."""
    best, second = picks_in(folder.star(CORRECTED)).xy[:2].tolist()
    made = Corrections(
        micrograph=CORRECTED,
        added=(Added(id="a", x=100.5, y=199),),
        deleted=(Deleted(x=best[0], y=best[1]),),
        moved=(Moved(from_x=second[0], from_y=second[1], x=second[0] + 1, y=second[1]),),
    )
    write_corrections(folder.correction(CORRECTED), made)
    write_corrections(folder.correction(REJECTED), Corrections(micrograph=REJECTED, rejected=True))
    return made


def picks_in(star: Path) -> Picks:
    return read_picks(star)[0]


def require_corrected(folder: RunFolder, made: Corrections) -> None:
    """Look into everything that a run leaves."""
    star, table = picks_in(folder.star(CORRECTED)), {one.name: one for one in read_picks(folder.table)}
    for picks in (star, table[CORRECTED]):
        places = set(map(tuple, picks.xy.tolist()))
        assert (made.added[0].x, made.added[0].y) in places
        assert (made.moved[0].x, made.moved[0].y) in places
        assert (made.moved[0].from_x, made.moved[0].from_y) not in places
        assert (made.deleted[0].x, made.deleted[0].y) not in places
    assert len(picks_in(folder.star(REJECTED))) == 0
    assert REJECTED not in table
    listed = [one.name for one in read_picks(folder.star_list)]
    assert CORRECTED in listed
    assert REJECTED not in listed
    summary = json.loads(folder.summary.read_text())
    assert summary["picks"] == sum(map(len, table.values()))
    assert summary["rejected"] == 1
    assert summary["done"] == summary["micrographs"]


def test_selecting_picking_and_shards_apply_them(run: Run) -> None:
    before = picks_in(run.folder.star(UNTOUCHED))
    made = correct(run.folder)
    reselect(run.folder, SelectConfig())
    require_corrected(run.folder, made)
    np.testing.assert_array_equal(picks_in(run.folder.star(UNTOUCHED)).xy, before.xy)
    left = left_by(run.folder.root)
    assert pick(run, ignore).jobs == 0
    assert left_by(run.folder.root) == left
    # All jobs anew, in other processes, after everything but the corrections is lost.
    for record in run.folder.jobs.iterdir():
        record.unlink()
    assert pick(replace(run, engine=EngineConfig(workers=2)), ignore).jobs == len(run.micrographs)
    assert left_by(run.folder.root) == left


def test_they_hold_at_other_thresholds_and_after_another_search(run: Run) -> None:
    made = correct(run.folder)
    for min_score in (0.05, 0.999, 0.5):
        reselect(run.folder, SelectConfig(min_score=min_score))
        require_corrected(run.folder, made)
    changed = replace(run, config=run.config.changed(diameter=90.0))
    assert pick(changed, ignore).jobs == len(run.micrographs)
    places = picks_in(run.folder.star(CORRECTED)).xy
    deleted, moved = made.deleted[0], made.moved[0]
    # 90 Å are 22.5 pixels; candidates lie a little elsewhere now.
    assert np.hypot(*(places - (deleted.x, deleted.y)).T).min() > 22.5 / 4
    assert np.hypot(*(places - (moved.from_x, moved.from_y)).T).min() == pytest.approx(1.0)
    assert read_record(run.folder.record(CORRECTED)).config.diameter == 90.0


def test_watching_applies_them(session: list[Path], out: RunFolder, known: PickConfig) -> None:
    run = Run([], out, known, ONE)
    watched = WatchConfig(settle=0, every=0.01, idle=0.002)
    folder = [str(session[0].parent)]
    watch(run, folder, watched, report=ignore, stop=Event())
    made = correct(out)
    watch(run, folder, watched, report=ignore, stop=Event())
    require_corrected(out, made)


def test_what_is_taken_back_leaves_no_trace(run: Run) -> None:
    before = left_by(run.folder.root)
    correct(run.folder)
    reselect(run.folder, SelectConfig())
    assert left_by(run.folder.root) != before
    write_corrections(run.folder.correction(CORRECTED), Corrections(micrograph=CORRECTED, revision=9))
    # A user may as well remove the file.
    run.folder.correction(REJECTED).unlink()
    reselect(run.folder, SelectConfig())
    assert left_by(run.folder.root) == before


def test_rejected_micrographs_do_not_count_among_the_others(
    many: Callable[[int], list[Path]], out: RunFolder, known: PickConfig
) -> None:
    run = Run(many(10), out, known.changed(max_picks=9), ONE)
    assert pick(run, ignore).summary.outliers == ()
    write_corrections(out.correction("mic0003"), Corrections(micrograph="mic0003", rejected=True))
    summary = reselect(out, SelectConfig())
    assert summary.outliers == ()
    assert summary.median_picks == 9
    assert (summary.done, summary.rejected) == (10, 1)


def test_corrections_that_cannot_be_read_are_told_and_kept(run: Run) -> None:
    correct(run.folder)
    spoiled = run.folder.correction(CORRECTED)
    spoiled.write_text('{"micrograph": "mic0000", "added": [{')
    summary = reselect(run.folder, SelectConfig())
    assert [failure.name for failure in summary.failures] == [CORRECTED]
    assert str(spoiled) in str(summary.failures[0].error)
    assert len(picks_in(run.folder.star(UNTOUCHED)))
    run.folder.record(CORRECTED).unlink()
    assert [failure.name for failure in pick(run, ignore).summary.failures] == [CORRECTED]
    assert spoiled.read_text() == '{"micrograph": "mic0000", "added": [{'
    made = correct_again(run)
    require_corrected(run.folder, made)


def correct_again(run: Run) -> Corrections:
    """Mend the corrections, and pick what failed."""
    run.folder.correction(CORRECTED).unlink()
    assert pick(run, ignore).summary.failures == ()
    made = correct(run.folder)
    reselect(run.folder, SelectConfig())
    return made
