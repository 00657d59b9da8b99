"""Thousands of damaged runs: each is read, or told in one sentence, and nothing beside it is touched."""

import os
import shutil
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from cryoglean.cli import main
from cryoglean.corrections import Corrections
from cryoglean.corrections.files import write_corrections
from cryoglean.corrections.types import Added, Deleted
from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.classes import make_classes
from cryoglean.engine.defocus import keep_ctf
from cryoglean.engine.register import read_jobs
from cryoglean.engine.settings import EngineConfig
from cryoglean.errors import CryogleanError
from cryoglean.io import write_mrc
from cryoglean.pickers.settings import PickConfig
from cryoglean.viewer.api import build_app
from cryoglean.viewer.guard import Keys
from cryoglean.viewer.viewed_run import ViewedRun
from tests.engine.session_files import draw_micrograph
from tests.fuzz.mutating import bytes_from, json_from

SECONDS = 60
"""Of one command, on a machine that does much else."""
PICK = ("pick", "data", "--out", "run", "--workers", "1", "--no-report")
COMMANDS = {
    "pick": (*PICK, "--diameter", "96", "--contrast", "dark", "--no-learn"),
    "learn": (*PICK, "--diameter", "96", "--contrast", "dark", "--method", "unsupervised"),
    "measure": (*PICK, "--method", "unsupervised", "--no-learn"),
    "select": ("select", "run", "--min-score", "0.3", "--no-report"),
    "report": ("report", "run"),
    "classes": ("classes", "run", "--no-report"),
    "convert": ("convert", "run", "out/picks.star", "--to", "relion-particles"),
    "extract": ("extract", "run", "--micrographs", "data", "--out", "out/cut"),
    "evaluate": ("evaluate", "truth.csv", "run", "--diameter", "96", "--angpix", "4", "--out", "out/scores"),
    "doctor": ("doctor", "data", "--picks", "run"),
}
OFTEN = ("select", "pick", "convert", "select", "view", "extract", "evaluate", "select", "view", "report")
SELDOM = ("learn", "measure", "classes", "doctor")


@pytest.fixture(scope="module")
def picked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three micrographs in ``data`` and their run, with all that a run may hold; and a file of somebody."""
    root = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        image = draw_micrograph(np.random.default_rng(seed), particles=9 + seed)
        write_mrc(root / "data" / f"m{seed}.mrc", image, pixel_size=4.0)
    (root / "truth.csv").write_text("micrograph,x,y,score,diameter,kind\nm1,50,50,1,96,particle\n")
    (root / "VICTIM.json").write_text("precious")
    (root / "ctf.star").write_text(
        "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnDefocusU\n_rlnDefocusV\ndata/m0.mrc 12000 11000\n"
    )
    with pytest.MonkeyPatch.context() as here:
        here.chdir(root)
        folder = RunFolder(Path("run"))
        paths = sorted(Path("data").iterdir())
        pick(Run(paths, folder, PickConfig(), EngineConfig(workers=1)), lambda _: None)
        keep_ctf(folder, read_jobs(folder), [Path("ctf.star")])
        made = Corrections(
            micrograph="m1",
            file=str(paths[1].absolute()),
            added=(Added(id="a", x=100.0, y=90.0),),
            deleted=(Deleted(x=10.0, y=12.0, score=0.5),),
        )
        write_corrections(folder.correction("m1"), made)
        make_classes(folder)
    return root


def damage(number: int, run: Path) -> str:
    """Damage one or two files of a run: their bytes, their values, or what they are; return what was done."""
    rng = np.random.default_rng(number)
    done = []
    for _ in range(rng.integers(1, 3)):
        files = sorted(path for path in run.rglob("*") if path.is_file() and not path.is_symlink())
        path = files[rng.integers(0, len(files))]
        kind = rng.integers(0, 12)
        done.append(f"{path} {kind}")
        raw = path.read_bytes()
        match kind:
            case 0:
                path.unlink()
            case 1:
                path.unlink()
                os.mkfifo(path)
            case 2:
                path.unlink()
                path.symlink_to(("/etc/passwd", path.name, "/dev/zero", "../../VICTIM.json")[number % 4])
            case 3:
                path.unlink()
                path.mkdir()
            case 4:
                other = files[rng.integers(0, len(files))]
                path.write_bytes(other.read_bytes())
            case 5 | 6 | 7 | 8 if path.suffix == ".json":
                path.write_bytes(
                    json_from(number, raw.decode("utf-8", "replace")).encode("utf-8", "surrogatepass")
                )
            case _:
                path.write_bytes(bytes_from(number, raw))
    return "; ".join(done)


def use(command: str, here: pytest.MonkeyPatch) -> None:
    """Give the program a command, or look at the run in the viewer; only clear errors may come of it."""
    if command == "view":
        look_at()
        return
    here.setattr("sys.argv", ["cryoglean", *COMMANDS[command]])
    with pytest.raises(SystemExit) as ended:
        main()
    assert int(ended.value.code or 0) in (0, 1, 2, 3)


def look_at() -> None:
    keys = Keys()
    try:
        run = ViewedRun(RunFolder(Path("run")))
    except CryogleanError:
        return
    with TestClient(
        build_app(run, keys),
        base_url="http://127.0.0.1:8000",
        headers={"authorization": f"Bearer {keys.token}"},
    ) as page:
        asked = ["run", "micrographs", "histograms", "changes", "classes", "proposals", "classes/1/average"]
        for number in range(3):
            asked += [f"micrographs/{number}/{what}" for what in ("picks", "levels", "thumbnail", "image")]
        for path in asked:
            assert page.get(f"/api/{path}").status_code < 500, path
        rejected = {"base_revision": 0, "operations": [{"op": "reject", "value": True}]}
        assert page.put("/api/micrographs/0/corrections", json=rejected).status_code < 500
        assert page.put("/api/threshold", json={"value": 0.4}).status_code < 500
        assert page.post("/api/export", json={"format": "relion-particles"}).status_code < 500


def content(root: Path) -> dict[str, bytes]:
    """Everything beside the run and what commands were told to write."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {
        name: path.read_bytes()
        for path in files
        if not (name := str(path.relative_to(root))).startswith(("run/", "out/", "whole/"))
    }


def use_damaged(count: int, root: Path, picked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = []
    shutil.copytree(picked, root, dirs_exist_ok=True)
    before = content(root)
    with pytest.MonkeyPatch.context() as here:
        here.chdir(root)
        here.setenv("CRYOGLEAN_DEBUG", "1")
        for number in range(count):
            shutil.rmtree("run")
            shutil.rmtree("out", ignore_errors=True)
            shutil.copytree(picked / "run", "run")
            done = damage(number, Path("run"))
            command = SELDOM[number // 10 % 4] if number % 10 == 9 else OFTEN[number % 10]
            started = time.monotonic()
            try:
                use(command, here)
                assert time.monotonic() - started < SECONDS
                assert content(root) == before
            except Exception as error:  # noqa: BLE001 - told below, with all others
                faults.append((number, command, done, place_of(error)))
                before = content(root)
            capsys.readouterr()
    assert not faults, f"{len(faults)} of {count}: " + "\n".join(map(str, faults[:20]))


def place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{error!r}"[:300] + f" {where}"


def test_a_whole_run_is_used_by_every_command(tmp_path, picked, capsys):
    shutil.copytree(picked, tmp_path, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as here:
        here.chdir(tmp_path)
        for command in dict.fromkeys((*OFTEN, *SELDOM)):
            use(command, here)
            assert "error" not in capsys.readouterr().err, command


def test_some_damaged_runs(tmp_path, picked, capsys):
    use_damaged(40, tmp_path, picked, capsys)


@pytest.mark.slow
@pytest.mark.fuzz
def test_thousands_of_damaged_runs(tmp_path, picked, capsys):
    use_damaged(2000, tmp_path, picked, capsys)
