"""Every dialect of coordinate files by name, and reading and writing any of them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cryoglean.errors import CoordinateError, CryogleanError, UsageError
from cryoglean.io.formats import boxes, cryosparc, relion, tables
from cryoglean.io.formats.frames import FRACTIONS
from cryoglean.io.formats.naming import distinct_names
from cryoglean.io.limits import is_file, is_folder
from cryoglean.types import Picks

LIST_FILE = "autopick.star"
_UNFINISHED = re.compile(r"\.[0-9a-f]{8}\.partial\.").match


@dataclass(frozen=True)
class Dialect:
    """One way to keep picks in files.

    Parameters
    ----------
    name : str
        As given to ``--from`` and ``--to``.
    suffix : str
        How its files end.
    summary : str
        What it is, in a line.
    read : callable
        Takes a file and the pixel size in Å, or None, and returns one `Picks` for each micrograph.
    """

    name: str
    suffix: str
    summary: str
    read: Callable[[Path, float | None], list[Picks]]


@dataclass(frozen=True)
class ManyInOne(Dialect):
    """A dialect whose files hold picks of many micrographs."""

    write: Callable[[Sequence[Picks], Path], None]


@dataclass(frozen=True)
class OneEach(Dialect):
    """A dialect with one file for each micrograph, called after it with `ending`."""

    ending: str
    write: Callable[[Picks, Path], None]


DIALECTS: Mapping[str, ManyInOne | OneEach] = {
    dialect.name: dialect
    for dialect in (
        OneEach(
            "relion",
            ".star",
            "RELION: a STAR file for each micrograph, and their list autopick.star",
            relion.read_relion,
            "_autopick.star",
            relion.write_coordinates,
        ),
        ManyInOne(
            "relion-particles",
            ".star",
            "RELION 3.1 to 5: particles of many micrographs, with optics groups",
            relion.read_relion,
            relion.write_particles,
        ),
        ManyInOne(
            "relion-3.0",
            ".star",
            "RELION 3.0: particles of many micrographs, in one block",
            relion.read_relion,
            relion.write_particles_3_0,
        ),
        OneEach("eman", ".box", "EMAN: boxes by their corner", boxes.read_box, ".box", boxes.write_box),
        OneEach(
            "eman2",
            ".json",
            "EMAN2: info files of micrographs",
            boxes.read_eman2,
            "_info.json",
            boxes.write_eman2,
        ),
        OneEach(
            "cryolo", ".cbox", "crYOLO: boxes by their corner", boxes.read_cbox, ".cbox", boxes.write_cbox
        ),
        ManyInOne(
            "cryosparc", ".cs", "cryoSPARC: data set of particles", cryosparc.read_cs, cryosparc.write_cs
        ),
        ManyInOne("csv", ".csv", "table with commas", tables.read_csv, tables.write_csv),
        ManyInOne("tsv", ".tsv", "table with tabs", tables.read_tsv, tables.write_tsv),
        ManyInOne("topaz", ".txt", "Topaz: table with tabs", tables.read_tsv, tables.write_topaz),
        ManyInOne("parquet", ".parquet", "Parquet table", tables.read_parquet, tables.write_parquet),
    )
}


def read_picks(
    path: Path | str,
    *,
    format: str | None = None,  # noqa: A002 - the name that numpy and pandas users expect
    pixel_size: float | None = None,
    fractions: bool = False,
) -> list[Picks]:
    """Read picks of any dialect.

    Parameters
    ----------
    path : Path or str
        A file, or a folder of files of one dialect. In a folder with a list ``autopick.star`` the list
        counts.
    format : str, optional
        Name of the dialect, see `DIALECTS`; told from the file's suffix where it is not given.
    pixel_size : float, optional
        Å per pixel of the micrographs; wins over what the files say.
    fractions : bool
        Take picks of micrographs of unknown size that are given as fractions of it: they have the shape
        `frames.FRACTIONS`, and `frames.onto` brings them onto their micrographs.

    Returns
    -------
    list of Picks
        One for each micrograph, in the order of the file, or of file names in a folder. A micrograph without
        picks is there only where it has a file of its own.

    Raises
    ------
    CoordinateError
        A file that cannot be read, or is not of its dialect.
    UsageError
        No such dialect, or none to be told.
    """
    path = Path(path)
    if pixel_size is not None and not 0 < pixel_size < float("inf"):
        raise UsageError(f"the pixel size must be a positive number of Å, got {pixel_size}")
    picks = _read_any(path, format, pixel_size)
    if not fractions:
        require_places(picks, path)
    return picks


def require_places(picks: Iterable[Picks], path: Path) -> None:
    """Make sure that picks are given in pixels; `path` is for the message.

    Raises
    ------
    CoordinateError
        Some are given as fractions of micrographs of which nobody knows how large they are.
    """
    lost = next((part.micrograph for part in picks if part.shape == FRACTIONS and len(part)), None)
    if lost is not None:
        cause = f"has places as fractions of its micrographs, and does not say how large {lost} is"
        raise CoordinateError(path, cause, "`cryoglean convert --micrographs` takes it from the micrographs")


def _read_any(path: Path, name: str | None, pixel_size: float | None) -> list[Picks]:
    if not is_folder(path):
        return _read(path, name, pixel_size)
    if name in (None, "relion") and is_file(path / LIST_FILE):
        return _read(path / LIST_FILE, "relion", pixel_size)
    files = _files_in(path, name)
    read = [(file, picks) for file in files for picks in _read(file, name, pixel_size)]
    counts = Counter(picks.micrograph for _, picks in read)
    return _named_apart(
        [
            _placed(picks, file.relative_to(path)) if counts[picks.micrograph] > 1 else picks
            for file, picks in read
        ]
    )


def _placed(picks: Picks, file: Path) -> Picks:
    """Let the folders of a coordinate file stand for those of a micrograph of which it says a name alone.

    Programs that write a file for each micrograph lay them out as the micrographs are.
    """
    return picks if picks.path else replace(picks, path=str(file.with_name(f"{picks.name}.mrc")))


def write_picks(
    picks: Sequence[Picks],
    path: Path | str,
    *,
    format: str | None = None,  # noqa: A002
) -> list[Path]:
    """Write picks in any dialect.

    Parameters
    ----------
    picks : sequence of Picks
        One for each micrograph.
    path : Path or str
        For a dialect with many micrographs in one file: the file, or a folder, which receives ``picks`` with
        the dialect's suffix. For one with a file for each micrograph: a folder, or the file itself if there
        is one micrograph. For RELION's coordinates the folder receives the list ``autopick.star`` too, which
        calls micrographs by the paths that the picks came with; a STAR file named for several micrographs is
        the list, and their coordinates stand beside it. Micrographs of one name are told apart by their
        folders.
    format : str, optional
        Name of the dialect, see `DIALECTS`; told from the suffix of `path` where it is not given.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    CoordinateError
        The dialect cannot hold these picks.
    OutputError
        A file cannot be written.
    UsageError
        No such dialect, or none to be told; several micrographs for a file that holds one.
    """
    path = Path(path)
    dialect = dialect_of(path, format)
    names_file = path.suffix.lower() == dialect.suffix and not is_folder(path)
    picks = _named_apart(picks)
    if isinstance(dialect, ManyInOne):
        target = path if names_file else path / f"picks{dialect.suffix}"
        dialect.write(picks, target)
        return [target]
    if names_file and len(picks) == 1:
        dialect.write(picks[0], path)
        return [path]
    listed = dialect.name == "relion"
    if names_file and not listed:
        raise UsageError(f"{path}: such a file holds one micrograph, got {len(picks)}; name a folder instead")
    twice = [name for name, number in Counter(part.name for part in picks).items() if number > 1]
    if twice:
        raise CoordinateError(path, f"two micrographs are called {twice[0]}, and would have one file")
    folder = path.parent if names_file else path
    files = [folder / f"{part.name}{dialect.ending}" for part in picks]
    for part, file in zip(picks, files, strict=True):
        dialect.write(part, file)
    if not listed:
        return files
    list_file = path if names_file else folder / LIST_FILE
    called = (part.path or f"{part.name}.mrc" for part in picks)
    relion.write_coordinate_list(list_file, dict(zip(called, files, strict=True)))
    return [*files, list_file]


def _named_apart(picks: Sequence[Picks]) -> list[Picks]:
    """Give micrographs of one name different ones."""
    bare = {part.micrograph: part.name for part in picks}
    named = distinct_names(bare, bare.__getitem__)
    return [replace(part, name=named[part.micrograph]) for part in picks]


def _read(path: Path, name: str | None, pixel_size: float | None) -> list[Picks]:
    dialect = dialect_of(path, name)
    try:
        return dialect.read(path, pixel_size)
    except CryogleanError:
        raise
    except Exception as error:  # noqa: BLE001 - what nobody has foreseen in a damaged file costs that file alone
        cause = (
            f"damaged, or no file of the format {dialect.name}: {type(error).__name__}: {str(error)[:200]}"
        )
        remedy = "name its format with --from; if its own program reads it, please report this"
        raise CoordinateError(path, cause, remedy) from None


def dialect_of(path: Path, name: str | None = None) -> ManyInOne | OneEach:
    """Return the dialect of this name, or else the one that the path's suffix tells.

    Raises
    ------
    UsageError
        No such dialect, or the suffix tells none.
    """
    if name is not None:
        if name not in DIALECTS:
            raise UsageError(f"no format is called {name!r}; known are: {', '.join(DIALECTS)}")
        return DIALECTS[name]
    suffix = path.suffix.lower()
    if suffix == cryosparc.GROUP_SUFFIX:
        return DIALECTS["cryosparc"]
    found = next((dialect for dialect in DIALECTS.values() if suffix == dialect.suffix), None)
    if found is None:
        known = ", ".join(dict.fromkeys(dialect.suffix for dialect in DIALECTS.values()))
        raise UsageError(
            f"{path}: the name does not tell the format, it ends in none of {known}; name the format"
        )
    return found


def _is_left_over(file: Path) -> bool:
    """Tell what a program that was killed left unfinished, and what macOS puts beside a file, by its name."""
    is_beside = file.name.startswith("._") and file.with_name(file.name[2:]).exists()
    return is_beside or _UNFINISHED(file.name) is not None


def _files_in(folder: Path, name: str | None) -> list[Path]:
    """Find the coordinate files below a folder, which must be of one dialect."""
    dialects = list(DIALECTS.values()) if name is None else [dialect_of(folder, name)]
    suffixes = {dialect.suffix for dialect in dialects}
    # os.walk does not follow links, so a link to a folder above ends nowhere.
    below = sorted(Path(parent) / file for parent, _, files in os.walk(folder) for file in files)
    files = [file for file in below if file.suffix.lower() in suffixes and not _is_left_over(file)]
    if not files:
        known = " ".join(sorted(suffixes))
        raise CoordinateError(
            folder, f"no coordinate files in this folder; looked for those ending in {known}"
        )
    found = sorted({file.suffix.lower() for file in files})
    if len(found) > 1:
        raise CoordinateError(folder, f"files of several formats: {' '.join(found)}", "name one with --from")
    return files
