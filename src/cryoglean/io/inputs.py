"""From what a user names (files, folders, globs, lists, STAR files) to the micrographs meant."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cryoglean.errors import CoordinateError, UsageError
from cryoglean.io.formats.naming import natural_order
from cryoglean.io.formats.relion import read_micrographs
from cryoglean.io.formats.text import read_text
from cryoglean.io.headers import agree, contradiction
from cryoglean.io.locating import places_of
from cryoglean.io.micrographs import COMPRESSED_SUFFIXES, SUFFIXES, micrograph_name
from cryoglean.io.versions import one_of_each_field
from cryoglean.io.walking import is_first_visit, matching
from cryoglean.types import MicrographFile

# Where one of these lies, the folder holds results of this program and not what to work on.
_RESULTS = ("picks.csv", "summary.json")
_GLOB_CHARACTERS = re.compile(r"[*?\[]")


def expand_inputs(
    inputs: Sequence[str | Path], *, note: Callable[[str], None] | None = None
) -> list[MicrographFile]:
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
        above it (a RELION project), whichever has the file. A name found nowhere is kept and fails later, and
        so does a link that leads nowhere.

    note : callable, optional
        Where it is given, one version of each field that a folder or a glob holds several of is taken, and it
        is told what is left out; see `cryoglean.io.versions`. Files named one by one all stay.

    Returns
    -------
    list of MicrographFile
        Without repetitions, in the order given; in folders and globs in natural order (2 before 10). One that
        a STAR file names has the pixel size of its optics group.

    Raises
    ------
    UsageError
        A file, folder or glob that is not there or holds no micrograph, a listed name that could be either of
        two files, or no input at all.
    """
    if isinstance(inputs, str | Path):
        inputs = [inputs]
    found: dict[str, MicrographFile] = {}
    for given in inputs:
        try:
            for one in _expand(str(given), note):
                # A link to a file is that file.
                true_path = os.path.realpath(one.location)
                found[true_path] = _together(found[true_path], one) if true_path in found else one
        except (OSError, RuntimeError) as error:
            # Folders that may not be read, names that are too long, home folders of nobody.
            reason = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"{str(given)[:200]}: cannot be looked at: {reason}") from None
    if not found:
        raise UsageError("no micrographs were named: give files, folders, globs, @lists or STAR files")
    return list(found.values())


def listed_optics(inputs: Sequence[str | Path]) -> dict[str, dict[str, Any]]:
    """Read what the STAR files among some inputs say of the optics of micrographs.

    Returns
    -------
    dict of str to dict
        RELION's labels of optics groups and their values, by the path of the micrograph as the file has it,
        which is `MicrographFile.listed`.

    Raises
    ------
    CoordinateError
        A file is no STAR file, or names a group that it has not.
    """
    optics: dict[str, dict[str, Any]] = {}
    for star in (Path(given) for given in map(str, inputs) if given.lower().endswith(".star")):
        listed = read_micrographs(star.expanduser())
        if listed is not None and listed.optics:
            columns = [values.tolist() for values in listed.optics.values()]
            for path, *values in zip(listed.paths, *columns, strict=True):
                optics.setdefault(path, dict(zip(listed.optics, values, strict=True)))
    return optics


def _expand(given: str, note: Callable[[str], None] | None) -> Iterable[MicrographFile]:
    if given.startswith("@"):
        return _from_list(Path(given[1:]).expanduser())
    path = Path(given).expanduser()
    if path.is_dir():
        return map(MicrographFile, _versions(_from_folder(path), note))
    if path.suffix.lower() == ".star" and path.is_file():
        return _from_star(path)
    if path.exists() or path.is_symlink():
        return [MicrographFile(path)]
    if _GLOB_CHARACTERS.search(given):
        return map(MicrographFile, _versions(_from_glob(str(path)), note))
    raise UsageError(f"{given}: there is no such file or folder; check the name, and the folder you are in")


def _together(first: MicrographFile, other: MicrographFile) -> MicrographFile:
    """Join what two inputs say of one micrograph: the first counts, and what contradicts it is remarked."""
    if first.pixel_size is None and first.movie_pixel_size is None:
        return replace(first, pixel_size=other.pixel_size, movie_pixel_size=other.movie_pixel_size)
    both = ((first.pixel_size, other.pixel_size), (first.movie_pixel_size, other.movie_pixel_size))
    remarks = (
        contradiction(size, first.told_by, other=second, elsewhere="another entry says")
        for size, second in both
        if size is not None and second is not None and not agree(size, second)
    )
    return replace(first, remarks=tuple(dict.fromkeys((*first.remarks, *remarks))))


def _versions(paths: list[Path], note: Callable[[str], None] | None) -> list[Path]:
    return paths if note is None else one_of_each_field(paths, note)


def _from_folder(folder: Path) -> list[Path]:
    found = _micrographs_below(folder, set())
    if not found:
        known = " ".join(SUFFIXES)
        raise UsageError(f"{folder}: no micrographs in this folder; files ending in {known} are looked for")
    return found


def _micrographs_below(folder: Path, entered: set[str]) -> list[Path]:
    if not is_first_visit(folder, entered):
        return []
    entries = sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=natural_order)
    images = [path for path in entries if _is_image(path)]
    if images:
        return _without_copies(images)
    inner = [path for path in entries if path.is_dir() and not _holds_results(path)]
    return [path for subfolder in inner for path in _micrographs_below(subfolder, entered)]


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


def _is_image(path: Path) -> bool:
    """Tell whether a file is called as images are; a link that leads nowhere counts, and fails later."""
    return _image_suffix(path) in SUFFIXES and (path.is_file() or (path.is_symlink() and not path.exists()))


def _holds_results(folder: Path) -> bool:
    return any((folder / name).exists() for name in _RESULTS)


def _from_glob(pattern: str) -> list[Path]:
    matches = list(matching(pattern))
    found = sorted(filter(_is_image, matches), key=natural_order)
    if not found:
        what = f"matches {len(matches)} files but no micrograph" if matches else "matches no file"
        raise UsageError(f"{pattern}: {what}; check the pattern, and the folder you are in")
    return found


def _from_list(path: Path) -> Iterator[MicrographFile]:
    try:
        lines = read_text(path).split("\n")
    except CoordinateError as error:
        raise UsageError(f"@{path}: cannot read this list of micrographs: {error.cause}") from None
    names = [line.strip() for line in lines]
    names = [name for name in names if name and not name.startswith("#")]
    if not names:
        raise UsageError(f"@{path}: the list is empty; write one file name a line")
    return map(MicrographFile, _located(names, path))


def _from_star(path: Path) -> Iterator[MicrographFile]:
    listed = read_micrographs(path)
    if listed is None:
        raise UsageError(f"{path}: names no micrographs: there is no column _rlnMicrographName")
    places = _located(listed.paths, path)
    sizes = ([None if np.isnan(size) else size for size in column.tolist()] for column in listed.pixel_sizes)
    for one in zip(places, listed.paths, *sizes, strict=True):
        yield MicrographFile(*one)


def _located(names: Sequence[str], listed_in: Path) -> Iterator[Path]:
    """Find named files from the current folder, the list's own, or one above that.

    Raises
    ------
    UsageError
        Several of these folders hold different files of a name.
    """
    for name, found in zip(names, places_of(names, listed_in), strict=True):
        if len(found) > 1:
            remedy = "write whole paths, or move to a folder from which only one is meant"
            raise UsageError(f"{listed_in}: {name} could be {found[0]} or {found[1]}; {remedy}")
        yield found[0] if found else Path(name)
