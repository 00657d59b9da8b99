"""Writing results so that a file is either complete or not there."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryoglean.errors import OutputError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def complete_or_absent(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`, which takes its name when the block ends without an error.

    Parameters
    ----------
    path : Path or str
        Where the finished file shall be; missing folders are made.

    Yields
    ------
    Path
        What to write to. It has the same suffixes, so that libraries which look at them behave.

    Raises
    ------
    OutputError
        The file cannot be written (no space, no permission, not a folder); nothing is left behind.
    """
    path = Path(path)
    # Processes on several machines, whose numbers may be equal, may write the same file at once.
    partial = path.with_name(f".{secrets.token_hex(4)}.partial.{path.name}")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            partial.replace(path)
    finally:
        # Where the folder is no folder there is nothing to remove, and the error above is the one to see.
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is written or removed inside into an `OutputError` naming it."""
    try:
        yield
    except OSError as error:
        remedy = "free some space" if error.errno in _FULL else "choose another place with --out"
        raise OutputError(path, f"cannot be written: {error.strerror or error}", remedy) from None
