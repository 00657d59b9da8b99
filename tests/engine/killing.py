"""What is passed to workers as the function that draws, to kill them while they work."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from cryoglean.types import Micrograph, Picks


@dataclass(frozen=True)
class KillOnce:
    """Kills the process that works on one micrograph, the first time.

    Parameters
    ----------
    mark : Path
        File by which it knows that it has done so.
    name : str
        The micrograph.
    """

    mark: Path
    name: str

    def __call__(self, micrograph: Micrograph, picks: Picks, path: Path) -> None:
        if picks.name == self.name and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def kill_always(micrograph: Micrograph, picks: Picks, path: Path) -> None:
    """Kill the process that works on one micrograph, every time."""
    if picks.name == "mic0002":
        os.kill(os.getpid(), signal.SIGKILL)
