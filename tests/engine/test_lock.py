import os
import subprocess
import sys
from pathlib import Path

import pytest

from cryoglean.engine.lock import locked
from cryoglean.errors import OutputError


def test_a_second_run_is_told_who_works_there(tmp_path: Path) -> None:
    path, who = tmp_path / ".lock", r"process \d+ on .+, since .+ \(wait until"
    with locked(path), pytest.raises(OutputError, match=who), locked(path):
        pass
    with locked(path):
        pass


def test_those_who_share_let_each_other_in_and_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with locked(path, shared=True), locked(path, shared=True), pytest.raises(OutputError), locked(path):
        pass
    with locked(path), pytest.raises(OutputError), locked(path, shared=True):
        pass


def test_the_lock_of_a_process_that_was_killed_is_gone(tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom cryoglean.engine.lock import locked\n"
        "with locked(Path(sys.argv[1])):\n    os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path / ".lock"], check=False).returncode == -9
    with locked(tmp_path / ".lock"):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match="choose another place with --out"),
        locked(tmp_path / "file/run/.lock"),
    ):
        pass


def test_a_lock_that_is_a_link_leaves_its_target_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match="cannot be written to"), locked(tmp_path / "run" / ".lock"):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_pipe_in_the_place_of_the_lock_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(OutputError, match=r"its \.lock is no file"), locked(tmp_path / ".lock"):
        pass
