"""Worker processes that end when their parent does, or says so, however either comes about."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_connection
from multiprocessing.context import BaseContext


class Lifeline:
    """What holds worker processes: the system cuts it when the parent dies.

    Parameters
    ----------
    context : multiprocessing context
        By which the workers are started.
    """

    def __init__(self, context: BaseContext) -> None:
        self.end, self._held = context.Pipe(duplex=False)
        """`end` is for the workers, which pass it to `hold_on`."""

    def cut(self) -> None:
        """End the workers at once."""
        self._held.close()


def hold_on(end: Connection) -> None:
    """Let this worker process end with its lifeline, and by no signal that is meant for the parent."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(end,), daemon=True).start()


def _end_with(end: Connection) -> None:
    wait_for_connection([end])
    os._exit(1)
