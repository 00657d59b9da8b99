"""One run at a time in one folder."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from cryoglean.errors import OutputError


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = False) -> Iterator[None]:
    """Hold a lock on a file; the system drops it when this process ends, however it ends.

    Parameters
    ----------
    path : Path
        The file; it is made where it is missing, and stays.
    shared : bool
        Let others in who share too, but none who does not: shards of one run write different files.
    wait : bool
        Wait for the lock.

    Raises
    ------
    OutputError
        Another process holds the lock, or the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not through a link, which may lead to somebody's file: what is in the lock is replaced.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.fdopen(_plain_file(os.open(path, flags, 0o666), path), "a+", encoding="utf-8")
    except OSError as error:
        remedy = "choose another place with --out"
        raise OutputError(path.parent, f"cannot be written to: {error.strerror or error}", remedy) from None
    with file:
        mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.flock(file, mode)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another run"
            remedy = "wait until it ends, or choose another folder with --out"
            raise OutputError(path.parent, f"{holder} is working in this folder", remedy) from None
        except OSError:
            # A file system without locks. Two runs in one folder would cost time there, and break nothing.
            pass
        else:
            _leave_word(file)
        yield


def _plain_file(handle: int, path: Path) -> int:
    """Return a handle if it is of a plain file, and close it otherwise."""
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, f"its {path.name} is no file")
    return handle


def _leave_word(file: TextIO) -> None:
    """Write who holds the lock, for those who find it held."""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    # On a full disk there is no word, and the first result will say why.
    with suppress(OSError):
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now},")
        file.flush()
