"""Checks of files by their headers and a few blocks of their pixels, in milliseconds each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from cryoglean.doctor.findings import Finding, some
from cryoglean.errors import MicrographError
from cryoglean.io import Header, micrograph_name, read_header
from cryoglean.io.formats.naming import distinct_names
from cryoglean.io.headers import PIXEL_SIZE_AGREEMENT, PixelSize, believed_pixel_size
from cryoglean.types import MicrographFile

_BLOCKS, _BLOCK = 16, 4096
"""Blocks of a file that are looked at, and bytes of each."""

_ENDS = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}
"""Marks at the end of pictures."""

_AWKWARD = frozenset(" \t'\"#@*?[]()&;|<>$`\\")
"""Characters of names that STAR files, RELION's stacks or a shell trip over."""


@dataclass(frozen=True)
class FileReport:
    """What one file is.

    Parameters
    ----------
    file : MicrographFile
        Which it is.
    name : str
        What to call it: its file's name, or its path where others have that name.
    header : Header, optional
        None where it cannot be read.
    fault : str
        Why a micrograph cannot be had from it, '' where it can.
    fingerprint : str
        Of its size and a few blocks of its pixels: files with the same one hold the same image.
    """

    file: MicrographFile
    name: str
    header: Header | None
    fault: str
    fingerprint: str = ""


def look_at(file: MicrographFile, name: str) -> FileReport:
    """Look at one file, which is called so, without reading the whole of it."""
    try:
        header = read_header(file.path)
        blocks = _sample(file.path)
    except MicrographError as error:
        return FileReport(file, name, None, error.cause)
    except OSError as error:
        return FileReport(file, name, None, f"cannot be read: {error.strerror}")
    cut = next((warning for warning in header.warnings if warning.startswith("cut off")), "")
    missing_end = header.format in _ENDS and _ENDS[header.format] not in blocks[-1] and not header.compression
    cut = cut or ("cut off: the end of the picture is missing" if missing_end else "")
    blank = len(set(b"".join(blocks[1:]))) == 1 and not header.compression
    fault = cut or ("blank: every byte looked at is the same" if blank else "")
    prints = blake2b(b"".join(blocks[1:]), digest_size=16)
    return FileReport(file, name, header, fault, f"{file.path.stat().st_size}-{prints.hexdigest()}")


def _sample(path: Path) -> list[bytes]:
    """Read blocks spread evenly over a file; the first has the header, where dates and labels differ."""
    size = path.stat().st_size
    with path.open("rb") as file:
        blocks = []
        for start in np.linspace(0, max(0, size - _BLOCK), _BLOCKS).astype(int):
            file.seek(int(start))
            blocks.append(file.read(_BLOCK))
    return blocks


def check_files(reports: Sequence[FileReport]) -> Iterator[Finding]:
    """Say which files are unusable, strange, movies, or there twice."""
    by_fault: dict[str, list[str]] = defaultdict(list)
    for report in reports:
        if report.fault:
            by_fault[report.fault].append(report.name)
    for fault, names in by_fault.items():
        yield Finding("files", "problem", f"{some(names)}: {fault}", tuple(names))
    movies = [r.name for r in reports if r.header and not r.fault and _is_movie(r.header)]
    if movies:
        text = (
            f"{len(movies)} movies or stacks, which `cryoglean average` makes micrographs of: {some(movies)}"
        )
        yield Finding("files", "problem", text, tuple(movies))
    strange: dict[str, list[str]] = defaultdict(list)
    for report in reports:
        for warning in report.header.warnings if report.header and not report.fault else ():
            strange[warning].append(report.name)
    for warning, names in strange.items():
        yield Finding("headers", "warning", f"{some(names)}: {warning}", tuple(names))
    yield from _check_duplicates(reports)
    if not (by_fault or movies or strange):
        yield Finding("files", "ok", f"{_counted(len(reports))}, all headers in order")


def _counted(number: int) -> str:
    return f"{number} micrograph" + ("s" if number > 1 else "")


def _is_movie(header: Header) -> bool:
    return header.frames > 1 or header.format == "EER"


def _check_duplicates(reports: Sequence[FileReport]) -> Iterator[Finding]:
    same: dict[str, list[str]] = defaultdict(list)
    for report in reports:
        if report.fingerprint and not report.fault:
            same[report.fingerprint].append(report.name)
    for names in same.values():
        if len(names) > 1:
            yield Finding("duplicates", "warning", f"the same image: {some(names)}", tuple(names))


def check_names(micrographs: Sequence[MicrographFile]) -> Iterator[Finding]:
    """Say which names are shared, and which other programs trip over."""
    called = distinct_names(one.location for one in micrographs)
    sharing: dict[str, list[MicrographFile]] = defaultdict(list)
    for one in micrographs:
        sharing[micrograph_name(one.path)].append(one)
    shared = [found for found in sharing.values() if len(found) > 1]
    for found in shared:
        names = [f"{one} is called {called[one.location]}" for one in found]
        yield Finding("names", "ok", f"one name in several places is told apart: {some(names)}")
    awkward = [one.name for one in micrographs if set(one.name) & _AWKWARD or not one.name.isascii()]
    if awkward:
        text = f"{some(awkward)}: blanks, quotes and the like in names make other programs fail; rename them"
        yield Finding("names", "warning", text, tuple(awkward))
    if not (shared or awkward):
        yield Finding("names", "ok", "all different, and safe in every format")


def check_geometry(reports: Sequence[FileReport], angpix: float | None) -> Iterator[Finding]:
    """Say whether sizes in pixels and in Å are known and agree."""
    sound = {r.name: (r.header, r.file) for r in reports if r.header and not r.fault}
    if not sound:
        return
    headers = [header for header, _ in sound.values()]
    shapes = Counter(header.shape for header in headers)
    listed = ", ".join(f"{nx}×{ny} ({count})" for (ny, nx), count in shapes.most_common(4))
    one = len({tuple(sorted(shape)) for shape in shapes}) == 1
    yield Finding("image size", "ok" if one else "warning", f"{listed} pixels")
    believed = {
        name: believed_pixel_size(header, file, given=angpix) for name, (header, file) in sound.items()
    }
    yield from _check_pixel_sizes(believed)


def _check_pixel_sizes(believed: Mapping[str, PixelSize]) -> Iterator[Finding]:
    """Say what is believed of the micrographs' pixel sizes, and what speaks against it."""
    unknown = [name for name, size in believed.items() if size.angstrom is None]
    known = {name: size.angstrom for name, size in believed.items() if size.angstrom is not None}
    if unknown:
        text = f"not known for {some(unknown)}; {believed[unknown[0]].remarks[0]}"
        yield Finding("pixel size", "warning", text, tuple(unknown))
    remarks: dict[str, list[str]] = defaultdict(list)
    for name in known:
        for remark in believed[name].remarks:
            remarks[remark].append(name)
    for remark, names in remarks.items():
        yield Finding("pixel size", "warning", f"{some(names)}: {remark}", tuple(names))
    if not known:
        return
    sizes = np.array(list(known.values()))
    middle = float(np.median(sizes))
    away = [name for name, size in known.items() if abs(size / middle - 1) > PIXEL_SIZE_AGREEMENT]
    if away:
        text = f"{middle:.4g} Å for most, but {sizes.min():.4g} to {sizes.max():.4g} Å in all: {some(away)}"
        yield Finding("pixel size", "warning", text, tuple(away))
    if not (unknown or remarks or away):
        yield Finding("pixel size", "ok", f"{middle:.4g} Å in every file")
