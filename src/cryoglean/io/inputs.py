"""From what a user names (files, folders, globs, lists, STAR files) to the micrographs meant."""

from __future__ import annotations

import functools
import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cryoglean.errors import UsageError
from cryoglean.io.formats.star import find_block, read_star
from cryoglean.io.micrographs import COMPRESSED_SUFFIXES, SUFFIXES, micrograph_name

# Where one of these lies, the folder holds results of this program and not what to work on.
_RESULTS = ("picks.csv", "summary.json")
_GLOB_CHARACTERS = re.compile(r"[*?\[]")
_DIGITS = re.compile(r"(\d+)")


def expand_inputs(inputs: Sequence[str | Path]) -> list[Path]:
    """Find the micrographs that a list of inputs means.

    Parameters
    ----------
    inputs : sequence of str or Path
        Each is one of

        - a file, whatever its name;
        - a folder: the micrographs directly in it or, where it has none, those in its subfolders, but not in
          hidden ones nor in results of this program; of files that differ in the suffix alone, only the first
          of MRC, TIFF, PNG, JPEG;
        - a glob in quotes, such as ``'data/**/*.mrc'``;
        - ``@`` and the name of a text file with one name a line;
        - a STAR file with a column ``_rlnMicrographName`` or, for movies, ``_rlnMicrographMovieName``.

        Names in lists and STAR files are relative to the current folder, or to the folder of the list or one
        above it (a RELION project), whichever has the file. A name found nowhere is kept and fails later.

    Returns
    -------
    list of Path
        Without repetitions, in the order given; in folders and globs in natural order (2 before 10).

    Raises
    ------
    UsageError
        A file, folder or glob that is not there or holds no micrograph, or no input at all.
    """
    if isinstance(inputs, str | Path):
        inputs = [inputs]
    # Folders are few where files are many, so their true names are looked up once.
    true_folder = functools.cache(Path.resolve)
    found: dict[tuple[Path, str], Path] = {}
    for given in inputs:
        try:
            for path in _expand(str(given)):
                found.setdefault((true_folder(path.parent), path.name), path)
        except (OSError, RuntimeError) as error:
            # Folders that may not be read, names that are too long, home folders of nobody.
            reason = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"{str(given)[:200]}: cannot be looked at: {reason}") from None
    if not found:
        raise UsageError("no micrographs were named: give files, folders, globs, @lists or STAR files")
    return list(found.values())


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Return a sort key that puts numbers within names in the order of their values: 2 before 10."""
    # Every part is a triple, so that a number and a word compare; numbers go first.
    parts = _DIGITS.split(str(path))
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


def _expand(given: str) -> Iterable[Path]:
    if given.startswith("@"):
        return _from_list(Path(given[1:]).expanduser())
    path = Path(given).expanduser()
    if path.is_dir():
        return _from_folder(path)
    if path.suffix.lower() == ".star" and path.is_file():
        return _from_star(path)
    if path.exists():
        return [path]
    if _GLOB_CHARACTERS.search(given):
        return _from_glob(str(path))
    raise UsageError(f"{given}: there is no such file or folder; check the name, and the folder you are in")


def _from_folder(folder: Path) -> list[Path]:
    found = _micrographs_below(folder)
    if not found:
        known = " ".join(SUFFIXES)
        raise UsageError(f"{folder}: no micrographs in this folder; files ending in {known} are looked for")
    return found


def _micrographs_below(folder: Path) -> list[Path]:
    entries = sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=natural_order)
    images = [path for path in entries if _is_image_name(path) and path.is_file()]
    if images:
        return _without_copies(images)
    inner = [path for path in entries if path.is_dir() and not _holds_results(path)]
    return [path for subfolder in inner for path in _micrographs_below(subfolder)]


def _without_copies(images: list[Path]) -> list[Path]:
    """Leave out the previews beside a micrograph: files that differ from it in the suffix alone."""
    best: dict[str, Path] = {}
    for path in images:
        name = micrograph_name(path)
        if name not in best or _rank(path) < _rank(best[name]):
            best[name] = path
    return list(best.values())


def _rank(path: Path) -> int:
    return SUFFIXES.index(_image_suffix(path))


def _image_suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in COMPRESSED_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _is_image_name(path: Path) -> bool:
    return _image_suffix(path) in SUFFIXES


def _holds_results(folder: Path) -> bool:
    return any((folder / name).exists() for name in _RESULTS)


def _from_glob(pattern: str) -> list[Path]:
    # Not Path.glob, which takes no absolute pattern and finds hidden files.
    matches = [Path(name) for name in glob.glob(pattern, recursive=True)]  # noqa: PTH207
    found = sorted((path for path in matches if _is_image_name(path) and path.is_file()), key=natural_order)
    if not found:
        what = f"matches {len(matches)} files but no micrograph" if matches else "matches no file"
        raise UsageError(f"{pattern}: {what}; check the pattern, and the folder you are in")
    return found


def _from_list(path: Path) -> Iterator[Path]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"@{path}: cannot read this list of micrographs: {reason}") from None
    names = [line.strip() for line in lines]
    names = [name for name in names if name and not name.startswith("#")]
    if not names:
        raise UsageError(f"@{path}: the list is empty; write one file name a line")
    return _located(names, path)


def _from_star(path: Path) -> Iterator[Path]:
    blocks = read_star(path)
    for label in ("rlnMicrographName", "rlnMicrographMovieName"):
        block = find_block(blocks, label)
        if block is not None:
            # A file of particles repeats the micrograph's name on every row.
            return _located(list(dict.fromkeys(block.text(label).tolist())), path)
    raise UsageError(f"{path}: names no micrographs: there is no column _rlnMicrographName")


def _located(names: Sequence[str], listed_in: Path) -> Iterator[Path]:
    """Find named files from the current folder, the list's own, or one above that."""
    bases = [Path(), *listed_in.absolute().parents]
    for name in names:
        base = next((base for base in bases if (base / name).exists()), Path())
        if base != bases[0]:
            # The next name most likely lies where this one does.
            bases.remove(base)
            bases.insert(0, base)
        yield base / name
