"""Ending when asked: Ctrl-C, and the SIGTERM of batch systems, end the program within seconds at any moment.

The first signal asks: a run sees its event and ends between two micrographs, any other verb is interrupted
where it stands. Who has not seen the event after a second is interrupted too, so that nothing is left half
written. What cannot be interrupted, because a library works in one long call, is ended from outside by a
thread that the system wakes: results are complete or absent whenever that happens.

This imports next to nothing, so that it stands guard before anything that takes time is imported.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SECONDS_TO_SEE = 1.0
"""Time for a run to see that it is asked to end, before it is interrupted."""
SECONDS_TO_END = 2.2
"""Time from the signal until the process is ended, whatever it does."""
STOPPED = "stopped"
SHOW_CURSOR = "\x1b[?25h"


@dataclass
class Stop:
    """Whether a signal has asked the program to end, and which.

    Parameters
    ----------
    event : threading.Event
        Set when one has.
    number : int
        Of the signal; 0 for none.
    message : str
        What the user is told at the end.
    gentle : bool
        Whether somebody looks at `event`, and is given time for that.
    last_words : list of callable
        Called before the process is ended from outside.
    """

    event: threading.Event = field(default_factory=threading.Event)
    number: int = 0
    message: str = STOPPED
    gentle: bool = False
    last_words: list[Callable[[], None]] = field(default_factory=list)
    _urgent: bool = False
    _told: bool = False

    def __call__(self, number: int, _: FrameType | None) -> None:
        """Receive a signal; a second one ends the process at once."""
        if self.number and not self._urgent:
            self._end()
        self.number = self.number or number
        # Threads and destructors that an interruption hits would print tracebacks of their own.
        sys.unraisablehook = threading.excepthook = _say_nothing
        self.event.set()
        if self._urgent or not self.gentle:
            raise KeyboardInterrupt

    def stand_guard(self, pipe: int) -> None:
        """Wait for the system to tell of a signal, and see to it that the process ends; runs in a thread."""
        while (told := os.read(pipe, 1)) and told[0] not in SIGNALS:
            pass
        if not told:
            return
        time.sleep(SECONDS_TO_SEE)
        if self.gentle:
            # As if there were another signal, which interrupts even who is meant to look at the event.
            self._urgent = True
            _thread.interrupt_main(signal.Signals(told[0]))
        time.sleep(SECONDS_TO_END - SECONDS_TO_SEE)
        self.number = self.number or told[0]
        self._end()

    def tell(self) -> None:
        """Tell the user once why it ends."""
        if self._told:
            return
        self._told = True
        cursor = SHOW_CURSOR if sys.stderr.isatty() else ""
        with suppress(OSError):
            # Not by print, whose lock another thread may hold for ever.
            os.write(2, f"{cursor}{self.message}\n".encode())

    def _end(self) -> None:
        for say in self.last_words:
            with suppress(Exception):
                say()
        self.tell()
        os._exit(128 + self.number)


def _say_nothing(_: object) -> None:
    pass


_current: Stop | None = None


@contextmanager
def ending_promptly() -> Iterator[Stop]:
    """Let signals end what is done inside; when one has, leave with 128 and its number.

    Yields
    ------
    Stop
        Of the whole program: inside another such block it is the same one.
    """
    global _current  # noqa: PLW0603 - signals are for the process, and so is this
    if _current is not None or threading.current_thread() is not threading.main_thread():
        yield _current or Stop()
        return
    stop = _current = Stop()
    before = {number: signal.signal(number, stop) for number in SIGNALS}
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    guard = threading.Thread(target=stop.stand_guard, args=(reading,), daemon=True)
    guard.start()
    try:
        yield stop
    except BaseException:
        # Whatever an interruption has become on its way through other people's code.
        if not stop.number:
            raise
    finally:
        if not stop.number:
            _current = None
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
            os.close(writing)
            guard.join()
            os.close(reading)
    if stop.number:
        # The guard stays: threads and processes of libraries are waited for at exit, and may be slow.
        stop.tell()
        sys.exit(128 + stop.number)


@contextmanager
def gently(message: str) -> Iterator[Stop]:
    """Have a signal set an event inside, which is looked at, before it interrupts.

    Parameters
    ----------
    message : str
        What the user is told where a signal ended it.
    """
    with ending_promptly() as stop:
        before = stop.gentle, stop.message
        stop.gentle, stop.message = True, message
        try:
            yield stop
        finally:
            stop.gentle = before[0]
            if not stop.number:
                stop.message = before[1]
