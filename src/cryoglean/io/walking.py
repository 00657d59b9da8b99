"""Walking through folders that links may lead around in circles: each folder is entered once."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

_ANYWHERE = "**"


def is_first_visit(folder: Path, entered: set[str]) -> bool:
    """Tell whether a folder was not entered before, by whatever links, and note that it is now.

    Parameters
    ----------
    folder : Path
        Which is to be entered.
    entered : set of str
        True paths of the folders entered so far.
    """
    true_path = os.path.realpath(folder)
    is_new = true_path not in entered
    entered.add(true_path)
    return is_new


def matching(pattern: str) -> Iterator[Path]:
    """Find what a glob means, in any order; ``**`` stands for any folders, and follows links to them once."""
    parts = Path(pattern).parts
    if _ANYWHERE not in parts:
        # Not Path.glob, which takes no absolute pattern and finds hidden files.
        yield from map(Path, glob.glob(pattern))  # noqa: PTH207
        return
    at = parts.index(_ANYWHERE)
    rest = [part for part in parts[at:] if part != _ANYWHERE] or ["*"]
    entered: set[str] = set()
    for start in matching(str(Path(*parts[:at]))) if at else [Path()]:
        for folder in _all_below(start, entered):
            yield from matching(str(Path(glob.escape(str(folder)), *rest)))


def _all_below(folder: Path, entered: set[str]) -> Iterator[Path]:
    """Give a folder and all below it, but no hidden ones, that were not entered before."""
    try:
        if not folder.is_dir() or not is_first_visit(folder, entered):
            return
        inner = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        # A folder that may not be read holds nothing for us.
        return
    yield folder
    for path in inner:
        yield from _all_below(path, entered)
