"""The folder of a run may come from anybody: what the verbs that read and write it do then."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from cryoglean.engine import Run, RunFolder, pick
from cryoglean.engine.settings import EngineConfig
from cryoglean.io import write_mrc
from cryoglean.pickers.settings import PickConfig
from tests.engine.session_files import draw_micrograph

KNOWN = ("--diameter", "96", "--contrast", "dark", "--no-learn", "--workers", "1")
FOLDERS = (
    *("picks", "jobs", "corrections", "overlays", "classes", "evaluation", "weights"),
    *(".view", ".view/thumbnails"),
)
VERBS = {
    "pick": ("pick", "data", "--out", "run", *KNOWN),
    "watch": ("watch", "data", "--out", "run", "--idle", "1", *KNOWN),
    "select": ("select", "run", "--min-score", "0.3"),
    "classes": ("classes", "run"),
    "report": ("report", "run", "--truth", "run/picks.csv"),
    "view": ("view", "run", "--no-browser"),
}


@pytest.fixture(scope="module")
def picked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two micrographs in ``data``, and a run of them."""
    root = tmp_path_factory.mktemp("strangers")
    for seed in range(2):
        image = draw_micrograph(np.random.default_rng(seed), particles=9 + seed)
        write_mrc(root / "data" / f"m{seed}.mrc", image, pixel_size=4.0)
    config = PickConfig(diameter=96.0, contrast="dark", learn=False)
    paths = sorted((root / "data").iterdir())
    pick(Run(paths, RunFolder(root / "run"), config, EngineConfig(workers=1)), lambda _: None)
    return root


@pytest.fixture
def run(picked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(picked, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return Path("run")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", FOLDERS)
def test_no_verb_writes_through_a_link_in_the_place_of_a_folder(run, cryoglean, verb, name):
    elsewhere = Path("../elsewhere")
    linked = run / name
    linked.parent.mkdir(exist_ok=True)
    if linked.is_dir():
        linked.rename(elsewhere)
    else:
        elsewhere.mkdir()
    (elsewhere / "precious.json").write_text("precious")
    linked.symlink_to(elsewhere.resolve())
    before = content(elsewhere)
    code, _, err = cryoglean(*VERBS[verb])
    assert code == 1
    assert f"{linked}: is a link to" in err
    assert content(elsewhere) == before


def test_links_of_the_users_own_in_a_run_trouble_nobody(run, cryoglean):
    (run / "micrographs").symlink_to(Path("data").resolve())
    assert cryoglean(*VERBS["select"]).code == 0


@pytest.mark.parametrize("kind", ["-1+1", "=1", "Particle", "a" * 21, "a,b"])
def test_a_record_with_a_kind_that_is_none_counts_as_none(run, cryoglean, kind):
    path = run / "jobs/m0.json"
    record = json.loads(path.read_text())
    record["candidates"]["kind"] = kind
    path.write_text(json.dumps(record))
    assert cryoglean("select", "run", "--no-report").code == 3
    assert kind not in (run / "picks.csv").read_text()
    assert cryoglean(*VERBS["pick"], "--no-report").code == 0


PLACES = (
    *("picks.csv", "config.toml", "summary.json", "register.json", "inputs.txt", "particle_size.json"),
    *("learning.json", "model.npz", "defocus.csv", "jobs/m0.json", "corrections/m0.json"),
    *("classes/classes.json", "picks/m0_autopick.star", "autopick.star"),
)


@pytest.mark.parametrize("place", PLACES)
def test_a_named_pipe_in_a_run_keeps_nobody_waiting(run, cryoglean, place):
    path = run / place
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    for command in (("convert", "run", "out.csv"), VERBS["classes"], (*VERBS["select"], "--no-report")):
        code, _, err = cryoglean(*command)
        assert code in (0, 1, 2, 3)
        assert "a defect in cryoglean" not in err


def test_a_viewer_is_not_started_on_a_run_with_a_pipe(run, cryoglean, monkeypatch):
    (run / "config.toml").unlink()
    os.mkfifo(run / "config.toml")
    code, _, err = cryoglean(*VERBS["view"])
    assert code == 1
    assert "a named pipe, where a file was wanted" in err
