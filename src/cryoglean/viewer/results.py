"""The results of a run, kept in step with its corrections while they are made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from cryoglean.engine import RunFolder, reselect
from cryoglean.engine.summary import Summary
from cryoglean.errors import CryogleanError
from cryoglean.select.settings import SelectConfig

QUIET = 3.0
"""Seconds without a correction before coordinates and tables are written anew."""
SHARE = 0.05
"""Part of the time that may go into writing them while corrections go on."""
RETRY = 10.0
"""Seconds before another try, where another run works in the folder."""


class Results:
    """Writes coordinates, tables and summary anew, soon after corrections were made.

    Parameters
    ----------
    folder : RunFolder
        The run.
    around : callable
        Gives what shall surround the writing.
    """

    def __init__(self, folder: RunFolder, around: Callable[[], AbstractContextManager[None]]) -> None:
        self._folder = folder
        self._around = around
        self._writing = threading.Lock()
        self._wake = threading.Condition()
        self._stale = False
        self._closed = False
        self._due = 0.0
        self._earliest = 0.0
        self._thread = threading.Thread(target=self._keep_up, name="results", daemon=True)

    def start(self) -> None:
        """Begin to write what becomes stale."""
        self._thread.start()

    def are_stale(self) -> None:
        """Hear that a correction was made."""
        with self._wake:
            self._stale = True
            self._due = max(time.monotonic() + QUIET, self._earliest)
            self._wake.notify()

    def select(self, changed: SelectConfig) -> Summary:
        """Select the picks of the run anew, now.

        Raises
        ------
        OutputError
            Results cannot be written, or another run works in the folder.
        """
        with self._writing:
            with self._wake:
                before, self._stale = self._stale, False
            clock = time.monotonic()
            try:
                with self._around():
                    return reselect(self._folder, changed)
            except CryogleanError:
                with self._wake:
                    self._stale |= before
                raise
            finally:
                now = time.monotonic()
                self._earliest = now + (now - clock) / SHARE

    def close(self) -> None:
        """Stop, after writing what is stale.

        Raises
        ------
        OutputError
            It cannot be written; `cryoglean select` will, later.
        """
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()
        if self._stale:
            self.select(SelectConfig())

    def _keep_up(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stale or self._closed)
                while not self._closed and (left := self._due - time.monotonic()) > 0:
                    self._wake.wait(left)
                if self._closed:
                    return
            try:
                self.select(SelectConfig())
            except CryogleanError:
                # Another run works here and writes the results when it ends; or the disk is full for now.
                with self._wake:
                    self._stale, self._due = True, time.monotonic() + RETRY
