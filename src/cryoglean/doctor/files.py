"""Checks of files by their headers and a few blocks of their pixels, in milliseconds each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from cryoglean.doctor.findings import Finding, some
from cryoglean.errors import MicrographError
from cryoglean.io import Header, micrograph_name, read_header

_BLOCKS, _BLOCK = 16, 4096
"""Blocks of a file that are looked at, and bytes of each."""

_ENDS = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}
"""Marks at the end of pictures."""

_AWKWARD = frozenset(" \t'\"#@*?[]()&;|<>$`\\")
"""Characters of names that STAR files, RELION's stacks or a shell trip over."""

_AGREEMENT = 0.01
"""Relative difference of pixel sizes within one data set that rounding explains."""


@dataclass(frozen=True)
class FileReport:
    """What one file is.

    Parameters
    ----------
    path : Path
        The file.
    header : Header, optional
        None where it cannot be read.
    fault : str
        Why a micrograph cannot be had from it, '' where it can.
    fingerprint : str
        Of its size and a few blocks of its pixels: files with the same one hold the same image.
    """

    path: Path
    header: Header | None
    fault: str
    fingerprint: str = ""


def look_at(path: Path) -> FileReport:
    """Look at one file without reading the whole of it."""
    try:
        header = read_header(path)
        blocks = _sample(path)
    except MicrographError as error:
        return FileReport(path, None, error.cause)
    except OSError as error:
        return FileReport(path, None, f"cannot be read: {error.strerror}")
    cut = next((warning for warning in header.warnings if warning.startswith("cut off")), "")
    missing_end = header.format in _ENDS and _ENDS[header.format] not in blocks[-1] and not header.compression
    cut = cut or ("cut off: the end of the picture is missing" if missing_end else "")
    blank = len(set(b"".join(blocks[1:]))) == 1 and not header.compression
    fault = cut or ("blank: every byte looked at is the same" if blank else "")
    prints = blake2b(b"".join(blocks[1:]), digest_size=16)
    return FileReport(path, header, fault, f"{path.stat().st_size}-{prints.hexdigest()}")


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
            by_fault[report.fault].append(report.path.name)
    for fault, names in by_fault.items():
        yield Finding("files", "problem", f"{some(names)}: {fault}", tuple(names))
    movies = [r.path.name for r in reports if r.header and not r.fault and _is_movie(r.header)]
    if movies:
        text = (
            f"{len(movies)} movies or stacks, which `cryoglean average` makes micrographs of: {some(movies)}"
        )
        yield Finding("files", "problem", text, tuple(movies))
    strange: dict[str, list[str]] = defaultdict(list)
    for report in reports:
        for warning in report.header.warnings if report.header and not report.fault else ():
            strange[warning].append(report.path.name)
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
            same[report.fingerprint].append(report.path.name)
    for names in same.values():
        if len(names) > 1:
            yield Finding("duplicates", "warning", f"the same image: {some(names)}", tuple(names))


def check_names(paths: Sequence[Path]) -> Iterator[Finding]:
    """Say which names collide, and which other programs trip over."""
    named: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        named[micrograph_name(path)].append(str(path))
    twice = {name: found for name, found in named.items() if len(found) > 1}
    for found in twice.values():
        text = f"one name for {some(found)}: their results would overwrite each other; rename or run apart"
        yield Finding("names", "problem", text, tuple(found))
    awkward = [path.name for path in paths if set(path.name) & _AWKWARD or not path.name.isascii()]
    if awkward:
        text = f"{some(awkward)}: blanks, quotes and the like in names make other programs fail; rename them"
        yield Finding("names", "warning", text, tuple(awkward))
    if not (twice or awkward):
        yield Finding("names", "ok", "all different, and safe in every format")


def check_geometry(reports: Sequence[FileReport], angpix: float | None) -> Iterator[Finding]:
    """Say whether sizes in pixels and in Å are known and agree."""
    headers = [r.header for r in reports if r.header and not r.fault]
    if not headers:
        return
    shapes = Counter(header.shape for header in headers)
    listed = ", ".join(f"{nx}×{ny} ({count})" for (ny, nx), count in shapes.most_common(4))
    one = len({tuple(sorted(shape)) for shape in shapes}) == 1
    yield Finding("image size", "ok" if one else "warning", f"{listed} pixels")
    yield from _check_pixel_sizes(headers, angpix)


def _check_pixel_sizes(headers: Sequence[Header], angpix: float | None) -> Iterator[Finding]:
    unknown = [header.path.name for header in headers if header.pixel_size is None]
    doubtful = [h.path.name for h in headers if h.pixel_size is not None and h.pixel_size_doubt]
    known = np.array([header.pixel_size for header in headers if header.pixel_size is not None])
    if unknown and angpix is None:
        doubt = next(h.pixel_size_doubt for h in headers if h.pixel_size is None)
        text = f"not known for {some(unknown)} ({doubt}); give --angpix, or lengths are in pixels"
        yield Finding("pixel size", "warning", text, tuple(unknown))
    if doubtful:
        doubt = next(h.pixel_size_doubt for h in headers if h.pixel_size is not None and h.pixel_size_doubt)
        yield Finding("pixel size", "warning", f"{some(doubtful)}: {doubt}", tuple(doubtful))
    if not len(known):
        return
    middle = float(np.median(known))
    away = [h.path.name for h in headers if h.pixel_size and abs(h.pixel_size / middle - 1) > _AGREEMENT]
    if away:
        text = f"{middle:.4g} Å for most, but {known.min():.4g} to {known.max():.4g} Å in all: {some(away)}"
        yield Finding("pixel size", "warning", text, tuple(away))
    if angpix and abs(middle / angpix - 1) > _AGREEMENT:
        text = f"{middle:.4g} Å by the headers where you say {angpix:.4g} Å, which wins"
        yield Finding("pixel size", "warning", text)
    elif not (unknown or doubtful or away):
        yield Finding("pixel size", "ok", f"{middle:.4g} Å by every header")
