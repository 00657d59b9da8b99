"""What can go wrong, by name.

Every message says what was wrong, in which file, what was got, what was wanted and what to do. The command
line prints the message alone; a traceback is a defect.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class CryogleanError(Exception):
    """Base of every error that cryoglean raises on purpose."""

    exit_code = 1


class UsageError(CryogleanError):
    """An option or argument that cannot be used; the command line exits with 2."""

    exit_code = 2


class FileError(CryogleanError):
    """Something is wrong with one file.

    Parameters
    ----------
    path : Path or str
        The file.
    cause : str
        What was wrong: what was got, and what was wanted.
    remedy : str, optional
        What the user can do about it.
    """

    def __init__(self, path: Path | str, cause: str, remedy: str = "") -> None:
        self.path = Path(path)
        self.cause = cause
        self.remedy = remedy
        super().__init__(f"{path}: {cause}" + (f" ({remedy})" if remedy else ""))

    def __reduce__(self) -> tuple[type[FileError], tuple[str, str, str]]:
        # The default pickles only the message; workers send these errors between processes.
        return (type(self), (str(self.path), self.cause, self.remedy))


class MicrographError(FileError):
    """A micrograph or movie that cannot be read or used."""


class CoordinateError(FileError):
    """A file of coordinates that cannot be read or used."""


class StructureError(FileError):
    """An atomic model or density map that cannot be read or used."""


class DatasetError(FileError):
    """Training data that cannot be read or used."""


class NewerError(FileError):
    """A file that a newer version of this program wrote, which is neither used nor replaced.

    Parameters
    ----------
    path : Path or str
        The file.
    written, own : str
        Version that wrote it, and version of this program.
    """

    def __init__(self, path: Path | str, written: str, own: str) -> None:
        self.written, self.own = written, own
        cause = f"was written by version {written}, which is newer than this one, {own}"
        super().__init__(path, cause, "use that version, or another folder")

    def __reduce__(self) -> tuple[type[NewerError], tuple[str, str, str]]:
        return (type(self), (str(self.path), self.written, self.own))


class OutputError(FileError):
    """A result that cannot be written."""


class WeightsError(FileError):
    """Weights of a network that cannot be read or used."""


class CorrectionsError(FileError):
    """A user's corrections that cannot be read; they are never replaced by others."""


def report_of(error: Exception) -> str:
    """Say of an error that nobody has foreseen what it was, and what to do about it."""
    if isinstance(error, MemoryError):
        return "not enough memory (use fewer --workers, or smaller files)"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    reason = " ".join(str(error).split())[:500]
    return f"a defect in cryoglean, please report it: {type(error).__name__}{place}: {reason}"
