"""Training from the corrections of a run: a process of its own that the page can start, follow and stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cryoglean.engine import RunFolder
from cryoglean.errors import CryogleanError
from cryoglean.viewer.messages import TrainingRequest, TrainingState

WEIGHTS = "weights"
"""Folder in that of the run for what was learnt from it."""
NEEDED = ("torch", "safetensors", "onnx")
"""Packages that training needs."""
TAIL, LONGEST = 40, 400
"""Lines that are kept of what it prints, and their characters."""
PATIENCE = 5.0
"""Seconds that it has to end in when it is asked to."""
POLITENESS = 5
"""How far it stands back behind the viewer and whatever else the user does."""

IDLE = TrainingState(
    state="idle",
    step=0,
    steps=0,
    message="",
    before=None,
    after=None,
    weights=None,
    command=None,
    log_tail=[],
)


def can_train() -> bool:
    """Return whether the packages are there that training needs."""
    return all(find_spec(name) is not None for name in NEEDED)


class Training:
    """The training of a run, of which there is one at a time.

    Parameters
    ----------
    folder : RunFolder
        The run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._state = IDLE
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._process: subprocess.Popen[str] | None = None
        self._follower: threading.Thread | None = None

    @property
    def state(self) -> TrainingState:
        """How it goes."""
        with self._lock:
            return self._state.model_copy(update={"log_tail": list(self._tail)})

    def start(self, request: TrainingRequest, home: Path) -> TrainingState:
        """Begin to train.

        Parameters
        ----------
        request : TrainingRequest
            For how long, and from what.
        home : Path
            What the paths of micrographs are relative to.

        Raises
        ------
        CryogleanError
            It is training already.
        """
        with self._lock:
            if self._state.state == "running":
                raise CryogleanError("it is training already; stop that first")
            out = self._new_weights()
            self._tail.clear()
            self._state = IDLE.model_copy(update={"state": "running", "message": "starting"})
            self._process = subprocess.Popen(
                self._command(request, out),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                cwd=home,
                # Ctrl-C is for the viewer, which ends this in its own way.
                start_new_session=True,
            )
            os.setpriority(os.PRIO_PROCESS, self._process.pid, POLITENESS)
            self._follower = threading.Thread(target=self._follow, args=(self._process,), daemon=True)
            self._follower.start()
        return self.state

    def stop(self) -> TrainingState:
        """End it, if it goes on; what was learnt so far is lost."""
        with self._lock:
            process, follower = self._process, self._follower
            if process is None or follower is None or self._state.state != "running":
                return self._state
            self._state = self._state.model_copy(update={"state": "stopped", "message": "stopped"})
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        # Its workers would go on, and hold open what the follower listens to.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        follower.join()
        return self.state

    def _new_weights(self) -> Path:
        number = 1
        while (out := self._folder.root.resolve() / WEIGHTS / f"taught-{number}").exists():
            number += 1
        return out

    def _command(self, request: TrainingRequest, out: Path) -> list[str]:
        learnt = self._folder.root.resolve() / WEIGHTS / request.start
        options = {
            "--from": str(learnt) if learnt.is_dir() else request.start,
            "--corrections": str(self._folder.root.resolve()),
            "--out": str(out),
            "--minutes": f"{request.minutes:g}",
        }
        program = [sys.executable, "-c", "from cryoglean.cli import main; main()", "train", "--json-lines"]
        return [*program, *(part for option in options.items() for part in option)]

    def _follow(self, process: subprocess.Popen[str]) -> None:
        """Listen until it ends."""
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._hear(line.rstrip())
        code = process.wait()
        with self._lock:
            if self._state.state == "running":
                # It has not said how it ended.
                last = next((line for line in reversed(self._tail) if line), f"ended with code {code}")
                update = {"state": "failed", "message": last.removeprefix("error: ")}
                self._state = self._state.model_copy(update=update)

    def _hear(self, line: str) -> None:
        """Take in one line of what it prints."""
        event = _event(line)
        with self._lock:
            if event is None:
                self._tail.append(line[:LONGEST])
            elif self._state.state == "running":
                self._state = self._state.model_copy(update=_news(event))


def _event(line: str) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) and told.get("event") in ("progress", "result") else None


def _news(event: dict[str, Any]) -> dict[str, Any]:
    """Return what an event changes in the state."""
    if event["event"] == "progress":
        return {"message": event["stage"], "step": event["step"], "steps": event["steps"]}
    better = "the new weights do better on micrographs that were held back"
    worse = "the new weights do no better on micrographs that were held back: go on with the old ones"
    return {
        "state": "done",
        "message": better if event["better"] else worse,
        "before": event["before"],
        "after": event["after"],
        "weights": event["weights"],
        "command": event["command"] if event["better"] else None,
    }
