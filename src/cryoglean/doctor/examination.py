"""The whole examination of a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryoglean.doctor.contents import check_contrast, check_picks
from cryoglean.doctor.files import FileReport, check_files, check_geometry, check_names, look_at
from cryoglean.doctor.findings import Finding
from cryoglean.doctor.machine import check_machine
from cryoglean.types import MicrographFile


@dataclass(frozen=True)
class Examination:
    """What was found in a data set.

    Parameters
    ----------
    findings : tuple of Finding
        In the order of the checks.
    files : tuple of FileReport
        One for each file.
    """

    findings: tuple[Finding, ...]
    files: tuple[FileReport, ...]

    @property
    def usable(self) -> list[MicrographFile]:
        """The files that a micrograph can be had from."""
        return [r.file for r in self.files if r.header and not r.fault and r.header.frames == 1]

    @property
    def problems(self) -> list[Finding]:
        """The findings that spoil a run."""
        return [finding for finding in self.findings if finding.level == "problem"]


def examine(
    micrographs: Sequence[MicrographFile],
    *,
    picks: Path | None = None,
    angpix: float | None = None,
    out: Path = Path(),
    notes: Sequence[str] = (),
) -> Examination:
    """Examine micrographs before a run.

    Only headers and a few blocks of each file are read, and the pixels of four micrographs.

    Parameters
    ----------
    micrographs : sequence of MicrographFile
        What to look at.
    picks : Path, optional
        Picks that are said to belong to them.
    angpix : float, optional
        Pixel size that the run will be given, Å.
    out : Path
        Where results will go.
    notes : sequence of str
        What was said of the inputs when they were looked for.

    Raises
    ------
    CoordinateError
        The picks cannot be read.
    """
    sharing = Counter(one.name for one in micrographs)
    called = (one.name if sharing[one.name] == 1 else one.listed for one in micrographs)
    reports = tuple(map(look_at, micrographs, called))
    files = Examination((), reports)
    headers = [r.header for r in reports if r.header and not r.fault]
    largest = max(headers, key=lambda header: header.shape[0] * header.shape[1], default=None)
    findings = [
        *check_files(reports),
        *(Finding("versions", "warning", note) for note in notes),
        *check_names(micrographs),
        *check_geometry(reports, angpix),
        *check_contrast(files.usable, angpix),
        *(check_picks(picks, files.usable, angpix) if picks else ()),
        *check_machine(out, largest),
    ]
    return Examination(tuple(findings), reports)
