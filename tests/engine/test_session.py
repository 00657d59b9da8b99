import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from cryoglean.engine import Run, RunFolder, pick, reselect
from cryoglean.engine.events import Ended, Started
from cryoglean.engine.ledger import Record, rounded
from cryoglean.engine.records import read_record
from cryoglean.engine.results import read_config
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.work import Outcome, file_results
from cryoglean.errors import FileError, NewerError, OutputError, UsageError
from cryoglean.io import read_micrograph
from cryoglean.io.formats import read_picks
from cryoglean.pickers import build_picker, find_alone
from cryoglean.pickers.settings import PickConfig
from cryoglean.report.overlay_file import write_overlay
from cryoglean.select import select
from cryoglean.select.settings import SelectConfig
from cryoglean.types import MicrographFile
from tests.engine.session_files import ignore, left_by, partials

ONE = EngineConfig(workers=1)


class Told(list):
    """Listens to a run."""

    __call__ = list.append

    @property
    def outcomes(self) -> list[Outcome]:
        return [event for event in self if isinstance(event, Outcome)]

    @property
    def worked_on(self) -> set[str]:
        return {outcome.name for outcome in self.outcomes}


@pytest.fixture
def run(session: list[Path], out: RunFolder, known: PickConfig) -> Run:
    return Run(session, out, known, ONE)


def again(run: Run, **changed: object) -> Told:
    """Start a run once more, and return what it told."""
    told = Told()
    pick(replace(run, **changed), told)
    return told


def test_what_a_run_leaves_is_what_picker_and_selection_give(run: Run) -> None:
    summary = pick(run, ignore).summary
    listed = {picks.name: picks for picks in read_picks(run.folder.star_list)}
    table = {picks.name: picks for picks in read_picks(run.folder.table)}
    config = read_config(run.folder.config)
    for path in run.micrographs:
        candidates = find_alone(
            build_picker(config),
            read_micrograph(path),
            diameter=config.diameter,
            contrast=config.known_contrast,
        )
        picks = select(rounded(candidates), SelectConfig(min_score=0.5))
        for left in (listed[path.stem], table[path.stem]):
            np.testing.assert_array_equal(left.xy, picks.xy)
            np.testing.assert_array_equal(left.score, picks.score)
            np.testing.assert_allclose(left.diameter, 96.0)
        kept = read_record(run.folder.record(path.stem)).candidates
        assert len(kept) == len(candidates) > len(picks)
    assert summary.picks == sum(len(picks) for picks in listed.values()) == 6 * 9 + sum(range(6))
    assert json.loads(run.folder.summary.read_text())["state"] == "complete"
    assert run.folder.table.read_text().startswith("micrograph,x,y,score,diameter,kind\n")


def test_a_second_start_has_nothing_to_do(run: Run) -> None:
    pick(run, ignore)
    left, records = (
        left_by(run.folder.root),
        sorted(p.stat().st_mtime_ns for p in run.folder.jobs.iterdir()),
    )
    told = again(run)
    assert told.outcomes == []
    assert next(e for e in told if isinstance(e, Started)).kept == len(run.micrographs)
    assert left_by(run.folder.root) == left
    assert sorted(p.stat().st_mtime_ns for p in run.folder.jobs.iterdir()) == records


def test_only_what_is_missing_changed_or_damaged_is_done_again(run: Run) -> None:
    pick(run, ignore)
    undisturbed = left_by(run.folder.root)
    run.folder.record("mic0001").unlink()
    run.folder.record("mic0002").write_text('{"micrograph": "mic00')
    os.utime(run.micrographs[3], ns=(1, 1))
    run.folder.star("mic0004").unlink()
    run.folder.table.unlink()
    assert again(run).worked_on == {"mic0001", "mic0002", "mic0003"}
    assert left_by(run.folder.root) == undisturbed


def test_a_new_micrograph_is_added_and_one_that_is_named_no_more_left_out(
    run: Run, drawn: list[Path]
) -> None:
    pick(replace(run, micrographs=run.micrographs[:5]), ignore)
    assert again(run).worked_on == {"mic0005"}
    again(run, micrographs=run.micrographs[1:])
    assert {picks.name for picks in read_picks(run.folder.table)} == {
        path.stem for path in run.micrographs[1:]
    }


def test_a_changed_search_is_done_again(run: Run) -> None:
    pick(run, ignore)
    changed = run.config.changed(diameter=90.0)
    assert len(again(run, config=changed).outcomes) == len(run.micrographs)
    assert read_config(run.folder.config).diameter == 90.0


def test_a_changed_threshold_touches_no_micrograph(run: Run) -> None:
    pick(run, ignore)
    shutil.rmtree(run.micrographs[0].parent)
    scores = np.concatenate([picks.score for picks in read_picks(run.folder.table)])
    median = float(np.median(scores))
    told = again(run, config=run.config.changed(min_score=median))
    assert told.outcomes == []
    kept = np.concatenate([picks.score for picks in read_picks(run.folder.star_list)])
    np.testing.assert_array_equal(np.sort(kept), np.sort(scores[scores >= median]))


def test_selecting_anew_is_the_same_as_picking_with_that_threshold(run: Run, tmp_path: Path) -> None:
    pick(run, ignore)
    before = left_by(run.folder.root)
    summary = reselect(run.folder, SelectConfig(min_score=0.05, border=0.4))
    direct = RunFolder(tmp_path / "direct")
    config = run.config.changed(min_score=0.05, border=0.4)
    assert pick(replace(run, folder=direct, config=config), ignore).summary.picks == summary.picks
    assert left_by(run.folder.root) == left_by(direct.root) != before
    reselect(run.folder, SelectConfig(min_score=0.5, border=0.0))
    assert left_by(run.folder.root) == before


def test_selecting_anew_keeps_what_is_not_said(run: Run) -> None:
    pick(replace(run, config=run.config.changed(max_picks=4)), ignore)
    summary = reselect(run.folder, SelectConfig(min_score=0.0))
    assert summary.picks == 4 * len(run.micrographs)


def test_selecting_anew_that_is_interrupted_is_made_up_for(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pick(run, ignore)
    config = run.config.changed(min_score=0.05)
    undisturbed = replace(run, folder=RunFolder(tmp_path / "undisturbed"), config=config)
    pick(undisturbed, ignore)
    twice = iter([file_results, file_results])

    def end_after_two(record: Record, folder: RunFolder) -> None:
        next(twice)(record, folder)

    with monkeypatch.context() as patch:
        patch.setattr("cryoglean.engine.results.file_results", end_after_two)
        with pytest.raises(StopIteration):
            reselect(run.folder, SelectConfig(min_score=0.05))
    assert json.loads(run.folder.summary.read_text())["state"] == "unfinished"
    reselect(run.folder, SelectConfig())
    assert json.loads(run.folder.summary.read_text())["state"] == "complete"
    assert left_by(run.folder.root) == left_by(undisturbed.folder.root)


def test_selecting_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="name the folder that `cryoglean pick --out` wrote"):
        reselect(RunFolder(tmp_path), SelectConfig())


def test_what_a_newer_version_has_done_is_left_alone(session: list[Path], out: RunFolder) -> None:
    run = Run(session, out, PickConfig(diameter=96, contrast="dark"), ONE)
    pick(run, ignore)
    record = out.record("mic0002")
    stored = json.loads(record.read_text())
    record.write_text(json.dumps(stored | {"version": "9.0", "config": stored["config"] | {"new": 1}}))
    before = {path: path.read_bytes() for path in out.root.rglob("*") if path.is_file()}
    for change in (lambda: pick(run, ignore), lambda: reselect(out, SelectConfig(min_score=0.9))):
        with pytest.raises(NewerError, match=r"mic0002.json: was written by version 9.0"):
            change()
        after = {path: path.read_bytes() for path in out.root.rglob("*") if path.is_file()}
        assert {path: after[path] for path in before if path != out.lock} == {
            path: before[path] for path in before if path != out.lock
        }


def test_the_measured_diameter_is_used_for_all_and_kept(session: list[Path], out: RunFolder) -> None:
    run = Run(session, out, PickConfig(), ONE)
    pick(run, ignore)
    diameter = read_config(out.config).diameter
    for path in session:
        assert set(read_record(out.record(path.stem)).candidates.diameter) == {diameter}
    session[0].write_bytes(session[5].read_bytes())
    assert again(run).worked_on == {"mic0000"}
    assert read_config(out.config).diameter == diameter


def test_the_resolved_configuration_gives_the_same_picks(session: list[Path], tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    pick(Run(session, first, PickConfig(), ONE), ignore)
    pick(Run(session, second, read_config(first.config), ONE), ignore)
    assert left_by(second.root) == left_by(first.root)


def test_equal_names_from_two_folders_both_stay(run: Run, tmp_path: Path) -> None:
    (tmp_path / "grid2").mkdir()
    twin = tmp_path / "grid2" / "mic0000.mrc"
    twin.write_bytes(run.micrographs[5].read_bytes())
    pick(replace(run, micrographs=[*run.micrographs, twin]), ignore)
    table = {picks.name: len(picks) for picks in read_picks(run.folder.table)}
    assert (table["mic0000"], table["grid2_mic0000"]) == (9, 14)
    assert len(read_picks(run.folder.star_list)) == 7


def test_names_with_spaces_and_of_any_script(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "grid 1, Müßig"
    folder.mkdir()
    odd = folder / '粒子 µ, "1" #2.mrc'
    odd.write_bytes(run.micrographs[2].read_bytes())
    pick(
        replace(run, micrographs=[odd, run.micrographs[0]], folder=RunFolder(tmp_path / "mein Lauf")), ignore
    )
    listed = {picks.name: len(picks) for picks in read_picks(tmp_path / "mein Lauf" / "picks.csv")}
    assert listed == {odd.stem: 11, "mic0000": 9}


def test_shards_leave_together_what_one_run_leaves(run: Run, tmp_path: Path) -> None:
    pick(run, ignore)
    shards = RunFolder(tmp_path / "shards")
    for number in (2, 1, 3):
        part = replace(run, folder=shards, engine=EngineConfig(workers=1, shard=f"{number}/3"))
        assert pick(part, ignore).jobs == 2
    assert not shards.table.exists()
    summary = reselect(shards, SelectConfig())
    assert (summary.done, summary.missing) == (6, 0)
    assert left_by(shards.root) == left_by(run.folder.root)


def test_shards_that_have_not_run_are_told(run: Run) -> None:
    pick(replace(run, engine=EngineConfig(workers=1, shard="1/3")), ignore)
    assert reselect(run.folder, SelectConfig()).missing == 4
    assert json.loads(run.folder.summary.read_text())["state"] == "incomplete"


def test_a_whole_run_waits_for_no_shard_and_no_shard_for_it(run: Run) -> None:
    def start_another(event: object) -> None:
        if isinstance(event, Started):
            with pytest.raises(OutputError, match="is working in this folder"):
                pick(run, ignore)

    pick(replace(run, engine=EngineConfig(workers=1, shard="1/3")), start_another)


def test_a_stop_signal_ends_it_and_the_next_start_goes_on(run: Run, tmp_path: Path) -> None:
    undisturbed = replace(run, folder=RunFolder(tmp_path / "undisturbed"))
    pick(undisturbed, ignore)
    stop, told = Event(), Told()

    def report(event: object) -> None:
        told.append(event)
        if len(told.outcomes) == 2:
            stop.set()

    ended = pick(run, report, stop)
    assert (ended.stopped, ended.jobs, ended.summary) == (True, 2, None)
    assert not run.folder.table.exists()
    assert json.loads(run.folder.summary.read_text())["state"] == "unfinished"
    assert len(again(run).outcomes) == 4
    assert left_by(run.folder.root) == left_by(undisturbed.folder.root)


def test_overlays_are_drawn_and_drawn_again_when_picks_change(run: Run) -> None:
    drawn = replace(run, draw=write_overlay)
    pick(drawn, ignore)
    assert read_micrograph(run.folder.overlay("mic0000")).shape[0] > 200
    run.folder.overlay("mic0003").unlink()
    assert again(drawn).worked_on == {"mic0003"}
    reselect(run.folder, SelectConfig(min_score=0.9))
    assert not run.folder.overlay("mic0000").exists()


def test_what_was_left_half_written_is_swept_away(run: Run) -> None:
    run.folder.jobs.mkdir(parents=True)
    (run.folder.jobs / ".123.partial.mic0000.json").write_text("{")
    pick(run, ignore)
    assert partials(run.folder.root) == []


def test_inputs_are_not_written_to(run: Run) -> None:
    folder = run.micrographs[0].parent
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    state = folder.stat().st_mtime_ns
    pick(replace(run, config=PickConfig()), ignore)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == before
    assert folder.stat().st_mtime_ns == state


def test_weights_that_are_not_there_are_refused_before_anything_is_written(run: Run) -> None:
    with pytest.raises(UsageError, match="no weights named 'other'"):
        pick(replace(run, config=PickConfig(method="network", weights="other")), ignore)
    assert not run.folder.root.exists()


def test_a_run_of_one_file_reads_it_once(
    session: list[Path], out: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def counted(file: MicrographFile, **options: float | None) -> object:
        read.append(file.path)
        return read_micrograph(file, **options)

    monkeypatch.setattr("cryoglean.engine.session.read_micrograph", counted)
    pick(Run(session[:1], out, PickConfig(), ONE), ignore)
    assert read == [session[0]]


def test_the_method_of_the_paper_runs_too(run: Run) -> None:
    ended = pick(replace(run, config=PickConfig(method="paper", diameter=96.0)), ignore)
    assert ended.summary.done == 6
    assert read_config(run.folder.config).method.name == "paper"


def test_an_empty_micrograph_gives_an_empty_file(out: RunFolder, tmp_path: Path, known: PickConfig) -> None:
    from cryoglean.io import write_mrc
    from tests.engine.session_files import draw_micrograph

    write_mrc(tmp_path / "empty.mrc", draw_micrograph(np.random.default_rng(9), particles=0), pixel_size=4.0)
    ended = pick(Run([tmp_path / "empty.mrc"], out, PickConfig(), ONE), ignore)
    assert (ended.summary.done, ended.summary.picks) == (1, 0)
    assert len(read_picks(out.star("empty"))[0]) == 0
    assert out.table.read_text() == "micrograph,x,y,score,diameter,kind\n"


@pytest.mark.parametrize("method", ["unsupervised", "network", "paper"])
def test_the_number_of_threads_changes_nothing(
    session: list[Path], tmp_path: Path, method: str, known: PickConfig
) -> None:
    left = []
    for threads in (1, 4):
        folder = RunFolder(tmp_path / str(threads))
        config = known.changed(method=method)
        pick(Run(session[:2], folder, config, EngineConfig(workers=threads)), ignore)
        left.append(left_by(folder.root))
    assert left[0] == left[1]


@pytest.mark.parametrize("workers", [2, 3])
def test_the_number_of_workers_changes_nothing(
    many: Callable[[int], list[Path]], tmp_path: Path, workers: int, known: PickConfig
) -> None:
    paths = many(6)
    plain, spread = RunFolder(tmp_path / "plain"), RunFolder(tmp_path / "spread")
    pick(Run(paths, plain, PickConfig(), ONE), ignore)
    ended: Ended = pick(Run(paths, spread, PickConfig(), EngineConfig(workers=workers)), ignore)
    assert ended.jobs == 6
    assert left_by(spread.root) == left_by(plain.root)
