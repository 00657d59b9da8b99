"""Fine-tuning with the corrections of a run, in a process that the page can start, follow and stop."""

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

NEEDED = ("torch", "safetensors", "onnx")
"""Packages that training needs."""
MAX_LINES, MAX_CHARACTERS = 40, 400
"""Lines of its log that are kept, and characters of a line."""
STOP_SECONDS = 5.0
"""Time that it has to end when it is asked to, before it is killed."""
NICENESS = 5
"""Its priority is lower by this, so that the viewer stays quick."""

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
    """Return whether the packages are installed that training needs."""
    return all(find_spec(name) is not None for name in NEEDED)


class Training:
    """The fine-tuning of a run, one at a time.

    Parameters
    ----------
    folder : RunFolder
        The run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._state = IDLE
        self._tail: deque[str] = deque(maxlen=MAX_LINES)
        self._process: subprocess.Popen[str] | None = None
        self._follower: threading.Thread | None = None

    @property
    def state(self) -> TrainingState:
        """How it goes."""
        with self._lock:
            return self._with_tail()

    def start(self, request: TrainingRequest) -> TrainingState:
        """Start.

        Parameters
        ----------
        request : TrainingRequest
            For how long, and from which weights.

        Raises
        ------
        CryogleanError
            It is running already.
        """
        with self._lock:
            if self._state.state == "running":
                raise CryogleanError("fine-tuning is running already; stop it first")
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
                # Ctrl-C is for the viewer, which ends this in its own way.
                start_new_session=True,
            )
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
            self._follower = threading.Thread(target=self._follow, args=(self._process,), daemon=True)
            self._follower.start()
        return self.state

    def stop(self) -> TrainingState:
        """Stop it, if it runs; what it reached so far is lost."""
        with self._lock:
            process, follower = self._process, self._follower
            if process is None or follower is None or self._state.state != "running":
                return self._with_tail()
            self._state = self._state.model_copy(update={"state": "stopped", "message": "stopped"})
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        # Its workers would go on, and hold open the pipe that the follower reads.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        follower.join()
        return self.state

    def _with_tail(self) -> TrainingState:
        return self._state.model_copy(update={"log_tail": list(self._tail)})

    def _new_weights(self) -> Path:
        number = 1
        while os.path.lexists(out := self._folder.weights.resolve() / f"fine-tuned-{number}"):
            number += 1
        return out

    def _command(self, request: TrainingRequest, out: Path) -> list[str]:
        own = self._folder.weights.resolve() / request.start
        options = {
            "--from": str(own) if own.is_dir() else request.start,
            "--corrections": str(self._folder.root.resolve()),
            "--out": str(out),
            "--minutes": f"{request.minutes:g}",
        }
        program = [sys.executable, "-c", "from cryoglean.cli import main; main()", "train", "--json-lines"]
        return [*program, *(part for option in options.items() for part in option)]

    def _follow(self, process: subprocess.Popen[str]) -> None:
        """Read what it prints until it ends."""
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._take(line.rstrip())
        code = process.wait()
        with self._lock:
            if self._state.state == "running":
                # It has not printed a result.
                last = next((line for line in reversed(self._tail) if line), f"ended with code {code}")
                update = {"state": "failed", "message": last.removeprefix("error: ")}
                self._state = self._state.model_copy(update=update)

    def _take(self, line: str) -> None:
        """Take in one line of what it prints."""
        event = _event(line)
        with self._lock:
            if event is None:
                self._tail.append(line[:MAX_CHARACTERS])
            elif self._state.state == "running":
                self._state = self._state.model_copy(update=_update(event))


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get("event") in ("progress", "result") else None


def _update(event: dict[str, Any]) -> dict[str, Any]:
    """Return what an event changes in the state."""
    if event["event"] == "progress":
        return {"message": event["stage"], "step": event["step"], "steps": event["steps"]}
    better = "the new weights do better on the held-out micrographs"
    worse = "the new weights do no better on the held-out micrographs: keep the old ones"
    return {
        "state": "done",
        "message": better if event["better"] else worse,
        "before": event["before"],
        "after": event["after"],
        "weights": event["weights"],
        "command": event["command"] if event["better"] else None,
    }
