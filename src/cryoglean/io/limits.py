"""Opening files that may come from anyone: plain files alone, and of a small one no more than it can be.

A named pipe would keep its reader waiting for ever, a device has no end, and a record of a few kilobytes may
turn out to be terabytes. What is refused here is an `OSError`, so that every reader tells it as it tells a
file that is not there: in its own words, with the file's name.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

#: Bytes of the largest file that is read whole because it is known to be small: records, settings, lists.
MAX_RECORD_BYTES = 256 * 2**20

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_file(path: Path | str) -> BufferedReader:
    """Open a plain file for reading.

    Raises
    ------
    OSError
        It is not there, may not be read, or is no plain file; `strerror` says which.
    """
    # Where a pipe has no writer, opening it would wait for one.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse(os.fstat(handle), path)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def is_file(path: Path | str) -> bool:
    """Tell whether there is a file of a name, which may be one that no file can have."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path | str) -> bool:
    """Tell whether there is a folder of a name, which may be one that no folder can have."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def require_file(path: Path | str) -> None:
    """Make sure that a path is a plain file, for libraries that open it themselves.

    Raises
    ------
    OSError
        As `open_file`.
    """
    open_file(path).close()


def read_file(path: Path | str, *, largest: int = MAX_RECORD_BYTES) -> bytes:
    """Read a whole file that is known to be small.

    Parameters
    ----------
    path : Path or str
        The file.
    largest : int
        Bytes beyond which it is not what it should be.

    Raises
    ------
    OSError
        As `open_file`, or the file is larger.
    """
    with open_file(path) as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise OSError(
            errno.EINVAL, f"larger than {largest / 2**20:,.0f} MiB, which no such file is", str(path)
        )
    return content


def _refuse(status: os.stat_result, path: Path | str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    for is_one, kind in _KINDS:
        if is_one(status.st_mode):
            raise OSError(errno.EINVAL, f"{kind}, where a file was wanted", str(path))
