import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cryoglean.engine import Run, RunFolder, pick, watch
from cryoglean.engine.events import Ended, Learning, Measured, Waiting
from cryoglean.engine.settings import EngineConfig, WatchConfig
from cryoglean.engine.watching import Arrivals
from cryoglean.engine.work import Outcome
from cryoglean.io.formats import read_picks
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import MicrographFile
from tests.engine.session_files import left_by

QUICK = WatchConfig(settle=0.3, every=0.05, patience=0.5)
ONE = EngineConfig(workers=1)


class Watching:
    """A watch in another thread."""

    def __init__(self, run: Run, folder: Path, config: WatchConfig) -> None:
        self.told: list[object] = []
        self.stop = threading.Event()
        self.ended: list[Ended] = []
        self._thread = threading.Thread(
            target=lambda: self.ended.append(
                watch(run, [str(folder)], config, report=self.told.append, stop=self.stop)
            )
        )
        self._thread.start()

    def outcomes(self) -> list[Outcome]:
        return [event for event in self.told if isinstance(event, Outcome)]

    def wait_for(self, number: int, within: float = 30) -> None:
        until = time.monotonic() + within
        while len(self.outcomes()) < number:
            assert time.monotonic() < until, f"{len(self.outcomes())} of {number} came"
            time.sleep(0.02)

    def finish(self) -> Ended:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.ended[0]


@contextmanager
def watching(run: Run, folder: Path, config: WatchConfig = QUICK) -> Iterator[Watching]:
    shift = Watching(run, folder, config)
    try:
        yield shift
    finally:
        shift.stop.set()
        shift.finish()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "live").mkdir()
    return tmp_path / "live"


def test_micrographs_are_picked_as_they_come(
    folder: Path, drawn: list[Path], out: RunFolder, known: PickConfig, tmp_path: Path
) -> None:
    with watching(Run([], out, known, ONE), folder) as shift:
        for number, path in enumerate(drawn[:3], 1):
            (folder / path.name).write_bytes(path.read_bytes())
            shift.wait_for(number)
            assert out.star(path.stem).exists()
    assert shift.ended[0].summary.done == 3
    other = RunFolder(tmp_path / "other")
    pick(Run(sorted(folder.iterdir()), other, known, ONE), lambda _: None)
    assert left_by(out.root) == left_by(other.root)


def test_a_file_is_not_touched_before_it_is_complete(
    folder: Path, drawn: list[Path], out: RunFolder, known: PickConfig
) -> None:
    data = drawn[0].read_bytes()
    with watching(Run([], out, known, ONE), folder) as shift, (folder / "slow.mrc").open("wb", 0) as file:
        for part in range(8):
            file.write(data[part * len(data) // 8 : (part + 1) * len(data) // 8])
            time.sleep(0.1)
            assert shift.outcomes() == []
        shift.wait_for(1)
    assert shift.outcomes()[0].error is None


def test_a_file_that_came_broken_is_picked_when_it_is_whole(
    folder: Path, drawn: list[Path], out: RunFolder, known: PickConfig
) -> None:
    with watching(Run([], out, known, ONE), folder) as shift:
        (folder / "mic.mrc").write_bytes(drawn[0].read_bytes()[:5000])
        shift.wait_for(1)
        (folder / "mic.mrc").write_bytes(drawn[0].read_bytes())
        shift.wait_for(2)
    assert [outcome.error is None for outcome in shift.outcomes()] == [False, True]
    assert (shift.ended[0].summary.done, shift.ended[0].summary.failed) == (1, 0)


def test_a_file_that_is_replaced_is_picked_anew(
    folder: Path, drawn: list[Path], out: RunFolder, known: PickConfig
) -> None:
    with watching(Run([], out, known, ONE), folder) as shift:
        for number, path in enumerate((drawn[0], drawn[4]), 1):
            (folder / "mic.mrc").write_bytes(path.read_bytes())
            shift.wait_for(number)
    assert [outcome.picks for outcome in shift.outcomes()] == [9, 13]


def test_the_particles_are_measured_when_some_have_come(
    folder: Path, drawn: list[Path], out: RunFolder
) -> None:
    with watching(Run([], out, PickConfig(), ONE), folder) as shift:
        for path in drawn:
            (folder / path.name).write_bytes(path.read_bytes())
        shift.wait_for(len(drawn))
    measured = [event.size for event in shift.told if isinstance(event, Measured)]
    assert len(measured) == 1
    assert measured[0].diameter is not None


def test_a_stop_file_ends_it_and_it_goes_on_when_started_again(
    folder: Path, drawn: list[Path], out: RunFolder, known: PickConfig
) -> None:
    run = Run([], out, known, ONE)
    (folder / "mic00.mrc").write_bytes(drawn[0].read_bytes())
    first = Watching(run, folder, QUICK)
    first.wait_for(1)
    (out.root / "STOP").touch()
    assert first.finish().summary.done == 1
    (folder / "mic01.mrc").write_bytes(drawn[1].read_bytes())
    with watching(run, folder) as second:
        second.wait_for(1)
        time.sleep(0.3)
    assert [outcome.name for outcome in second.outcomes()] == ["mic01"]
    assert {picks.name for picks in read_picks(out.star_list)} == {"mic00", "mic01"}


def test_it_ends_by_itself_when_nothing_comes(
    folder: Path, drawn: list[Path], out: RunFolder, known: PickConfig
) -> None:
    (folder / "mic00.mrc").write_bytes(drawn[0].read_bytes())
    config = WatchConfig(settle=0.1, every=0.05, idle=1 / 60)
    ended = Watching(Run([], out, known, ONE), folder, config).finish()
    assert ended.summary.done == 1


def test_an_input_that_is_not_there_yet_is_told_and_keeps_no_other_waiting(
    folder: Path, drawn: list[Path], out: RunFolder, known: PickConfig, tmp_path: Path
) -> None:
    (folder / "mic00.mrc").write_bytes(drawn[0].read_bytes())
    late, told, stop = tmp_path / "late", [], threading.Event()

    def report(event: object) -> None:
        told.append(event)
        if isinstance(event, Outcome):
            if late.exists():
                stop.set()
            late.mkdir(exist_ok=True)
            (late / "mic01.mrc").write_bytes(drawn[1].read_bytes())

    watch(Run([], out, known, ONE), [str(folder), str(late)], QUICK, report=report, stop=stop)
    assert [event.name for event in told if isinstance(event, Outcome)] == ["mic00", "mic01"]
    first, *_, last = [event.reasons for event in told if isinstance(event, Waiting)]
    assert [f"{late}: there is no such file or folder" in reason for reason in first] == [True]
    assert last == ()


def test_names_stay_when_others_come_before_them(
    folder: Path, drawn: list[Path], out: RunFolder, known: PickConfig
) -> None:
    run = Run([], out, known, ONE)
    (folder / "b").mkdir()
    (folder / "b" / "mic.mrc").write_bytes(drawn[0].read_bytes())
    with watching(run, folder) as first:
        first.wait_for(1)
    (folder / "a").mkdir()
    (folder / "a" / "mic.mrc").write_bytes(drawn[1].read_bytes())
    with watching(run, folder) as second:
        second.wait_for(1)
    assert [outcome.name for outcome in second.outcomes()] == ["a_mic"]
    assert [picks.name for picks in read_picks(out.table)][:1] == ["mic"]


def paths_of(files: list[MicrographFile]) -> list[Path]:
    return [one.path for one in files]


def test_a_changed_file_is_complete_again(folder: Path, drawn: list[Path]) -> None:
    arrivals = Arrivals([str(folder)], settle=0.0)
    assert arrivals.look() == []
    path = folder / "mic.mrc"
    path.write_bytes(drawn[0].read_bytes())
    assert (paths_of(arrivals.look()), arrivals.look()) == ([path], [])
    path.write_bytes(drawn[1].read_bytes()[:-4])
    assert (paths_of(arrivals.look()), paths_of(arrivals.complete)) == ([path], [path])


def test_it_locks_its_folder(folder: Path, drawn: list[Path], out: RunFolder, known: PickConfig) -> None:
    from cryoglean.errors import OutputError

    (folder / "mic00.mrc").write_bytes(drawn[0].read_bytes())
    with watching(Run([], out, known, ONE), folder) as shift:
        shift.wait_for(1)
        with pytest.raises(OutputError, match="is working in this folder"):
            pick(Run([folder / "mic00.mrc"], out, known, ONE), lambda _: None)


def test_it_learns_once_enough_has_come_and_picking_goes_on_with_that(
    folder: Path, drawn: list[Path], out: RunFolder
) -> None:
    learns = PickConfig(diameter=96.0, contrast="dark")
    with watching(Run([], out, learns, ONE), folder) as shift:
        (folder / drawn[0].name).write_bytes(drawn[0].read_bytes())
        shift.wait_for(1)
        for number, path in enumerate([*drawn[1:], drawn[4], drawn[5]], 1):
            (folder / f"mic{number:02d}.mrc").write_bytes(path.read_bytes())
        until = time.monotonic() + 60
        while not any(event.learned.threshold for event in shift.told if isinstance(event, Learning)):
            assert time.monotonic() < until, "it has not learned"
            time.sleep(0.05)
    first, *_, last = [event.learned for event in shift.told if isinstance(event, Learning)]
    assert "too few to learn from" in first.reason
    assert last.threshold is not None
    assert shift.ended[0].summary.learning == "learned"
    before = out.model.read_bytes()
    ended = pick(Run(sorted(folder.iterdir()), out, learns, ONE), lambda _: None)
    assert ended.summary.learning == "learned"
    assert out.model.read_bytes() == before
