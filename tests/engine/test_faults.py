"""Whatever happens to files, workers and machines: the rest is done, and a second start makes it whole."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.settings import EngineConfig
from cryoglean.engine.work import Outcome
from cryoglean.io import expand_inputs, read_micrograph
from cryoglean.io.formats import read_picks
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Micrograph, ParticleSize, Picks
from tests.engine.killing import KillOnce, kill_always
from tests.engine.session_files import ignore, left_by, partials

KNOWN = ("--diameter", "96", "--contrast", "dark", "--no-learn")


def command(folder: Path, out: Path, *more: str, verb: str = "pick") -> list[str]:
    start = "import sys; from cryoglean.cli import main; sys.argv[0] = 'cryoglean'; main()"
    return [sys.executable, "-c", start, verb, str(folder), "--out", str(out), *KNOWN, *more]


def as_a_user(arguments: list[str]) -> list[str]:
    """Have a command respect permissions, as all do but those of root."""
    if os.geteuid() != 0:
        return arguments
    if shutil.which("setpriv") is None:
        pytest.skip("root may read and write everything, and setpriv is not there")
    privileges = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={privileges}", f"--inh-caps={privileges}", *arguments]


def spoil(path: Path, how: str) -> None:
    """Do something to a micrograph that happens to micrographs."""
    data = path.read_bytes()
    match how:
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
        case "empty":
            path.write_bytes(b"")
        case "corrupt":
            path.write_bytes(bytes(np.random.default_rng(0).integers(0, 256, len(data), np.uint8)))
        case "constant":
            path.write_bytes(data[:1024] + bytes(len(data) - 1024))
        case "gone":
            path.unlink()
        case "no file":
            path.unlink()
            path.mkdir()
        case "circular link":
            path.unlink()
            path.symlink_to(path)
        case "forbidden":
            path.chmod(0)


FAULTS = ["truncated", "empty", "corrupt", "constant", "gone", "no file", "circular link"]
if os.geteuid() != 0:
    FAULTS.append("forbidden")


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_files_are_told_and_the_rest_is_done(
    many: Callable[[int], list[Path]], out: RunFolder, known: PickConfig, workers: int
) -> None:
    paths = many(len(FAULTS) + 6)
    for path, how in zip(paths, FAULTS, strict=False):
        spoil(path, how)
    ended = pick(Run(paths, out, known, EngineConfig(workers=workers)), ignore)
    assert (ended.summary.done, ended.summary.failed, ended.summary.missing) == (6, len(FAULTS), 0)
    told = {outcome.name: outcome.error for outcome in ended.summary.failures}
    assert set(told) == {path.stem for path in paths[: len(FAULTS)]}
    assert "cut off" in told["mic0000"]
    assert "empty" in told["mic0001"]
    assert "no such file" in told["mic0004"]
    stored = json.loads(out.summary.read_text())["failures"]
    assert [(entry["micrograph"], entry["error"]) for entry in stored] == list(told.items())
    assert {picks.name for picks in read_picks(out.star_list)} == {path.stem for path in paths[len(FAULTS) :]}


def test_a_mended_file_is_picked_at_the_next_start(
    session: list[Path], out: RunFolder, known: PickConfig
) -> None:
    run = Run(session, out, known, EngineConfig(workers=1))
    whole = session[2].read_bytes()
    spoil(session[2], "truncated")
    assert pick(run, ignore).summary.failed == 1
    session[2].write_bytes(whole)
    ended = pick(run, ignore)
    assert (ended.jobs, ended.summary.done, ended.summary.failed) == (1, 6, 0)


def test_a_file_that_vanishes_while_others_are_picked(
    session: list[Path], out: RunFolder, known: PickConfig
) -> None:
    def report(event: object) -> None:
        if isinstance(event, Outcome):
            session[-1].unlink(missing_ok=True)

    ended = pick(Run(session, out, known, EngineConfig(workers=1)), report)
    assert [(outcome.name, ended.summary.done) for outcome in ended.summary.failures] == [("mic0005", 5)]


def test_a_file_that_is_still_being_written_is_told(
    session: list[Path], out: RunFolder, known: PickConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path, **options: float | None) -> object:
        micrograph = read_micrograph(path, **options)
        with Path(path).open("ab") as file:
            file.write(b"more")
        return micrograph

    monkeypatch.setattr("cryoglean.engine.session.read_micrograph", read)
    ended = pick(Run(session[:1], out, known, EngineConfig(workers=1)), ignore)
    assert "was changed while it was read" in ended.summary.failures[0].error


def test_a_defect_in_the_picker_costs_one_micrograph(
    session: list[Path], out: RunFolder, known: PickConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cryoglean.engine import work

    named = known.changed(method="unsupervised")
    real = work.build_picker(named)

    class OnceDefective:
        measure_size = real.measure_size

        def find(self, micrograph: Micrograph, size: ParticleSize) -> Picks:
            return {}["no such key"] if micrograph.name == "mic0001" else real.find(micrograph, size)

    monkeypatch.setattr(work, "build_picker", lambda config: OnceDefective())
    ended = pick(Run(session, out, named, EngineConfig(workers=1)), ignore)
    assert (ended.summary.done, ended.summary.failed) == (5, 1)
    assert "please report it: KeyError in test_faults.py" in ended.summary.failures[0].error


def test_a_worker_that_is_killed_costs_nothing(
    many: Callable[[int], list[Path]], tmp_path: Path, known: PickConfig
) -> None:
    paths = many(8)
    quiet, disturbed = RunFolder(tmp_path / "quiet"), RunFolder(tmp_path / "disturbed")
    run = Run(paths, quiet, known, EngineConfig(workers=2))
    pick(replace(run, engine=EngineConfig(workers=1)), ignore)
    ended = pick(replace(run, folder=disturbed, draw=KillOnce(tmp_path / "killed", "mic0003")), ignore)
    assert (tmp_path / "killed").exists()
    assert (ended.jobs, ended.failed) == (8, 0)
    assert left_by(disturbed.root) == left_by(quiet.root)


def test_a_micrograph_that_kills_its_worker_every_time_is_given_up(
    many: Callable[[int], list[Path]], out: RunFolder, known: PickConfig
) -> None:
    ended = pick(Run(many(7), out, known, EngineConfig(workers=2), draw=kill_always), ignore)
    assert [outcome.name for outcome in ended.summary.failures] == ["mic0002"]
    assert "died, 3 times" in ended.summary.failures[0].error
    assert ended.summary.done == 6


@pytest.fixture
def undisturbed(many: Callable[[int], list[Path]], tmp_path: Path, known: PickConfig) -> Iterator[dict]:
    """What a run of ten micrographs leaves when nothing happens."""
    folder = RunFolder(tmp_path / "undisturbed")
    pick(Run(many(10), folder, known, EngineConfig(workers=1)), ignore)
    return left_by(folder.root)


def family(process: subprocess.Popen) -> list[psutil.Process]:
    """Processes that a run has started and that are still there."""
    return psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []


def kill_and_wait(process: subprocess.Popen) -> None:
    """Kill a run the hard way, and see that its workers end by themselves."""
    workers = family(process)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == [], "workers outlived their run"


def started_and_killed(arguments: list[str], after: float) -> None:
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    time.sleep(after)
    kill_and_wait(process)


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_at_random_moments_loses_nothing(
    undisturbed: dict, tmp_path: Path, times: int
) -> None:
    rng = np.random.default_rng(4)
    out = tmp_path / "killed"
    arguments = command(tmp_path / "data", out, "--workers", "2", "--quiet")
    for _ in range(times):
        started_and_killed(arguments, after=rng.uniform(0.8, 3.5))
    assert subprocess.run(arguments, check=False).returncode == 0
    assert left_by(out) == undisturbed
    assert partials(out) == []


@pytest.mark.slow
def test_a_run_that_measures_and_learns_and_is_killed_at_random_moments_loses_nothing(
    many: Callable[[int], list[Path]], tmp_path: Path
) -> None:
    rng = np.random.default_rng(7)
    many(10)

    def arguments(out: Path) -> list[str]:
        named = command(tmp_path / "data", out, "--workers", "2", "--quiet", "--no-report")
        return [word for word in named if word not in KNOWN]

    def learned_by(out: Path) -> dict[str, object]:
        names = ("particle_size.json", "learning.json", "model.npz", "register.json")
        return left_by(out) | {name: (out / name).read_bytes() for name in names}

    quiet, killed = tmp_path / "quiet", tmp_path / "killed"
    clock = time.monotonic()
    assert subprocess.run(arguments(quiet), check=False).returncode == 0
    whole = time.monotonic() - clock
    for _ in range(12):
        started_and_killed(arguments(killed), after=rng.uniform(0.3, 1.2) * whole)
    assert subprocess.run(arguments(killed), check=False).returncode == 0
    assert json.loads((killed / "learning.json").read_text())["threshold"] is not None
    assert learned_by(killed) == learned_by(quiet)
    assert partials(killed) == []


@pytest.mark.slow
def test_a_watch_that_is_killed_at_random_moments_goes_on(undisturbed: dict, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    out = tmp_path / "killed"
    (tmp_path / "live.toml").write_text("[watching]\nsettle = 0\nevery = 0.05")
    live = ("--config", str(tmp_path / "live.toml"), "--idle", "0.05")
    arguments = command(tmp_path / "data", out, "--workers", "2", "--quiet", *live, verb="watch")
    for _ in range(5):
        started_and_killed(arguments, after=rng.uniform(0.8, 3.5))
    assert subprocess.run(arguments, check=False).returncode == 0
    assert left_by(out) == undisturbed
    assert partials(out) == []


@pytest.mark.slow
def test_workers_that_are_killed_at_random_moments_lose_nothing(undisturbed: dict, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    out = tmp_path / "killed"
    process = subprocess.Popen(command(tmp_path / "data", out, "--workers", "2", "--quiet"))
    for _ in range(20):
        time.sleep(rng.uniform(0.1, 0.6))
        # Those that have ended by themselves meanwhile are not to be killed any more.
        with suppress(psutil.NoSuchProcess):
            workers = [child for child in family(process) if child.children() == []]
            if workers:
                workers[rng.integers(len(workers))].kill()
    process.wait(120)
    assert subprocess.run(command(tmp_path / "data", out, "--quiet"), check=False).returncode == 0
    assert left_by(out) == undisturbed


@pytest.mark.slow
def test_the_process_that_starts_the_workers_is_killed_meanwhile(undisturbed: dict, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    process = subprocess.Popen(command(tmp_path / "data", out, "--workers", "2", "--quiet"))
    servers: list[psutil.Process] = []
    while not servers:
        assert process.poll() is None
        with suppress(psutil.NoSuchProcess):
            servers = [child for child in family(process) if "forkserver" in " ".join(child.cmdline())]
    servers[0].kill()
    assert process.wait(120) == 0
    assert left_by(out) == undisturbed


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_ends_a_run_within_seconds(
    undisturbed: dict, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "stopped"
    arguments = command(tmp_path / "data", out, "--workers", "2", "--json-lines")
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # A run that ends before any outcome ends the lines too, and must not leave the test waiting.
    assert any('"outcome"' in line for line in process.stdout)
    sent = time.monotonic()
    process.send_signal(number)
    _, told = process.communicate(timeout=20)
    assert time.monotonic() - sent < 10
    if process.returncode:
        assert process.returncode == 128 + number
        assert "stopped; run the same command again to resume" in told
    assert partials(out) == []
    assert subprocess.run(arguments, check=False, capture_output=True).returncode == 0
    assert left_by(out) == undisturbed


def test_a_full_disk_is_told_and_leaves_nothing_half_written(undisturbed: dict, tmp_path: Path) -> None:
    # A limit on the size of files ends a write in its midst, as a full disk does.
    out = tmp_path / "full"
    arguments = command(tmp_path / "data", out, "--workers", "1", "--quiet")
    smallest = min(path.stat().st_size for path in (tmp_path / "undisturbed" / "jobs").iterdir())

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (smallest - 100, resource.RLIM_INFINITY))

    ended = subprocess.run(arguments, check=False, capture_output=True, text=True, preexec_fn=limit)
    assert ended.returncode == 1
    assert "cannot be written" in ended.stderr
    assert "free some space" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert partials(out) == []
    assert list(out.glob("jobs/*")) == []
    assert subprocess.run(arguments, check=False).returncode == 0
    assert left_by(out) == undisturbed


@pytest.mark.slow
def test_a_small_file_system_that_fills_up(undisturbed: dict, tmp_path: Path) -> None:
    out = tmp_path / "small"
    out.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=28k", "tmpfs", out], check=False)
    if mounted.returncode:
        pytest.skip("may not mount a file system")
    try:
        arguments = command(tmp_path / "data", out, "--workers", "2", "--quiet")
        ended = subprocess.run(arguments, check=False, capture_output=True, text=True)
        assert (ended.returncode, partials(out)) == (1, [])
        assert "No space left on device (free some space)" in ended.stderr
        subprocess.run(["mount", "-o", "remount,size=10m", out], check=True)
        assert subprocess.run(arguments, check=False).returncode == 0
        assert left_by(out) == undisturbed
    finally:
        subprocess.run(["umount", out], check=True)


@pytest.mark.slow
def test_inputs_that_may_only_be_read(undisturbed: dict, tmp_path: Path) -> None:
    out, data = tmp_path / "run", tmp_path / "data"
    for path in (*data.iterdir(), data):
        path.chmod(0o555)
    try:
        assert subprocess.run(as_a_user(command(data, out, "--quiet")), check=False).returncode == 0
        beside = subprocess.run(
            as_a_user(command(data, data / "run")), check=False, capture_output=True, text=True
        )
    finally:
        data.chmod(0o755)
    assert left_by(out) == undisturbed
    assert (beside.returncode, (data / "run").exists()) == (1, False)
    assert "Permission denied" in beside.stderr
    assert "Traceback" not in beside.stderr


@pytest.mark.slow
def test_one_of_two_hundred(many: Callable[[int], list[Path]], tmp_path: Path) -> None:
    paths = many(200)
    faults = [*FAULTS, "forbidden"] if os.geteuid() == 0 else FAULTS
    for path, how in zip(paths[10::20], faults, strict=False):
        spoil(path, how)
    process = subprocess.Popen(
        as_a_user(command(paths[0].parent, tmp_path / "run", "--workers", "2", "--json-lines")),
        stdout=subprocess.PIPE,
        text=True,
    )
    told = []
    for line in process.stdout:
        told.append(json.loads(line))
        if told[-1]["event"] == "outcome":
            paths[-1].unlink(missing_ok=True)  # It vanishes while others are picked.
    assert process.wait() == 3
    # A folder and a link that leads nowhere are no files, and are not even looked for.
    found = [how for how in faults if how not in ("gone", "no file", "circular link")]
    failed = {Path(event["path"]).name: event["error"] for event in told if event.get("error")}
    assert len(failed) == len(found) + 1
    assert "no such file" in failed[paths[-1].name]
    assert "may not be read" in failed[paths[10 + 20 * faults.index("forbidden")].name]
    assert len(read_picks(tmp_path / "run" / "autopick.star")) == 200 - len(faults) - 1
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert {Path(failure["path"]).name for failure in summary["failures"]} == set(failed)


def test_ten_thousand_names(drawn: list[Path], tmp_path: Path, out: RunFolder, known: PickConfig) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"a rather long name of a micrograph {number:05d}.mrc").hardlink_to(drawn[0])
    paths = expand_inputs([str(folder)])
    assert pick(Run(paths, out, known, EngineConfig(workers=1, shard="2/5000")), ignore).jobs == 2
    assert sorted(path.stem[-5:] for path in out.jobs.iterdir()) == ["00001", "05001"]
