"""Where files lie that another file lists by names which are relative to some folder."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def places_of(names: Iterable[str], listing: Path) -> Iterator[tuple[Path, ...]]:
    """Find the files that a list names, from the current folder, the list's own, or any above that.

    Programs write names relative to the folder of their project, which is the current one, or one that the
    list lies in.

    Parameters
    ----------
    names : iterable of str
        As the list has them; an absolute name stands for itself, whether or not it is there.
    listing : Path
        The list.

    Yields
    ------
    tuple of Path
        Every file that a name can mean, in the order of those folders: none, or one, or several where the
        folders hold different files of that name.
    """
    bases = list(dict.fromkeys([Path(), *_folders_above(listing)]))
    # Folders are few where files are many, so each is looked into once.
    files_in = functools.cache(_names_in)
    for name in names:
        if Path(name).is_absolute():
            yield (Path(name),)
            continue
        paths = (base / name for base in bases)
        found = [path for path in paths if path.name in files_in(path.parent)]
        yield tuple({os.path.realpath(path): path for path in reversed(found)}.values())[::-1]


def _folders_above(listing: Path) -> list[Path]:
    """Return the folders that a list lies in, the nearest first, without the current one."""
    current = Path.cwd()
    # Resolved, as `two/../one` would go wrong where `two` is a link, and reads badly in messages.
    nearest = Path(os.path.realpath(listing.parent))
    return [folder for folder in (nearest, *nearest.parents) if folder != current]


def _names_in(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries)
    except OSError:
        return frozenset()
