"""Records on disk: what was done with each micrograph, one JSON file each.

A record is written under another name and renamed. So any number of processes may write at once, on a network
file system too, nothing is ever half there, and the ledger needs no repair after a crash: a micrograph whose
record is missing or damaged is simply done again. A record may come from anybody, so each of its values is
checked; one that a newer version wrote is neither used nor replaced.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

import cryoglean
from cryoglean.engine.folder import RunFolder, file_name
from cryoglean.engine.ledger import SCORE_DECIMALS, XY_DECIMALS, Identity, Record
from cryoglean.engine.plan import Job
from cryoglean.errors import NewerError
from cryoglean.io.limits import open_file, read_file
from cryoglean.io.writing import complete_or_absent
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import Picks

_HEAD_BYTES = 65_536
"""In which the version of a record stands."""
_VERSION = re.compile(rb'"version":\s*"([^"\\]{1,40})"')
_MAX_DIAMETER = 1e6
"""Å."""


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Input(_Stored):
    size: int = Field(ge=0)
    mtime_ns: int
    sha256: str | None = None
    sample: str | None = None


Side = Annotated[int, Field(ge=0, le=10**6)]
Diameter = Annotated[float, Field(allow_inf_nan=True)]
Kind = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,19}$")]


class _Candidates(_Stored):
    shape: tuple[Side, Side]
    pixel_size: float | None = Field(gt=0, allow_inf_nan=False)
    x: str
    y: str
    score: str
    diameter: Diameter | list[Diameter]
    kind: Kind | list[Kind]
    extra: dict[str, list[Any]]


class _StoredRecord(_Stored):
    """A record as it is written; `file` and `beside` are missing in those of version 0.1.0."""

    micrograph: Annotated[str, AfterValidator(file_name)]
    path: str
    file: str = ""
    beside: str = ""
    started: str
    seconds: float = Field(ge=0, allow_inf_nan=False)
    version: str = Field(max_length=40)
    weights: str | None
    corrections: str = ""
    input: _Input | None
    config: PickConfig
    warnings: tuple[str, ...]
    error: str | None
    candidates: _Candidates | None


def write_record(path: Path, record: Record) -> None:
    """Write a record; its candidates must be `rounded`.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    stored: dict[str, Any] = {
        "micrograph": record.name,
        "path": record.path,
        "file": record.file,
        "beside": record.beside,
        "started": record.started,
        "seconds": round(record.seconds, 3),
        "version": record.version,
        "weights": record.weights,
        "corrections": record.corrections,
        "input": asdict(record.identity) if record.identity else None,
        "config": record.config.model_dump(mode="json"),
        "warnings": record.warnings,
        "error": record.error,
        "candidates": None if record.candidates is None else _columns(record.candidates),
    }
    with complete_or_absent(path) as partial:
        partial.write_text(json.dumps(stored, separators=(",", ":")), encoding="utf-8")


def read_record(path: Path) -> Record | None:
    """Read a record; None where there is none, or none that can be used.

    Raises
    ------
    NewerError
        A newer version of the program wrote it.
    """
    try:
        raw = read_file(path)
    except OSError:
        return None
    _refuse_newer(path, raw)
    try:
        stored = _StoredRecord.model_validate_json(raw)
        return Record(
            name=stored.micrograph,
            path=stored.path,
            config=stored.config,
            identity=Identity(**stored.input.model_dump()) if stored.input else None,
            candidates=_picks(stored, stored.candidates) if stored.candidates else None,
            error=stored.error,
            warnings=stored.warnings,
            started=stored.started,
            seconds=stored.seconds,
            version=stored.version,
            weights=stored.weights,
            corrections=stored.corrections,
            file=stored.file,
            beside=stored.beside,
            key=path.name.removesuffix(".json"),
        )
    except (ValueError, ValidationError):
        return None


def record_of(job: Job, folder: RunFolder) -> Record | None:
    """Read the record of a job's micrograph, under the name that it has now; None where there is none.

    A record that is kept in its place but is of another file is none either.
    """
    record = read_record(folder.record(job.key))
    if record is None or not record.is_about(job, folder):
        return None
    candidates = record.candidates
    if candidates is not None:
        candidates = replace(candidates, name=job.name, path=job.micrograph.listed)
    return replace(record, name=job.name, key=job.key, candidates=candidates)


def require_not_newer(folder: RunFolder) -> None:
    """Make sure that no newer version has worked on a run, before anything of it is changed.

    Raises
    ------
    NewerError
        One has.
    """
    for path in (folder.summary, *folder.jobs.glob("*.json")):
        try:
            with open_file(path) as file:
                head = file.read(_HEAD_BYTES)
        except OSError:
            continue
        _refuse_newer(path, head)


def _refuse_newer(path: Path, raw: bytes) -> None:
    written = _VERSION.search(raw[:_HEAD_BYTES])
    version = written[1].decode("utf-8", "replace") if written else ""
    if _numbers(version) > _numbers(cryoglean.__version__):
        raise NewerError(path, version, cryoglean.__version__)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d{1,9}", version)[:3])


def _columns(picks: Picks) -> dict[str, Any]:
    return {
        "shape": picks.shape,
        "pixel_size": picks.pixel_size,
        "x": _packed(picks.xy[:, 0], XY_DECIMALS),
        "y": _packed(picks.xy[:, 1], XY_DECIMALS),
        "score": _packed(picks.score, SCORE_DECIMALS),
        "diameter": _constant(picks.diameter.tolist()),
        "kind": _constant(picks.kind.tolist()),
        "extra": {label: values.tolist() for label, values in picks.extra.items()},
    }


def _packed(values: NDArray[np.float64], decimals: int) -> str:
    """Write numbers in fixed point, as base64: exact, small, and ten times as quick to read as text."""
    return base64.b64encode(np.rint(values * 10**decimals).astype("<i4").tobytes()).decode("ascii")


def _unpacked(packed: str, decimals: int) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.frombuffer(base64.b64decode(packed), "<i4") / 10**decimals
    return values


def _pixel_size_of(stored: _StoredRecord, columns: _Candidates) -> float | None:
    """Å per pixel; records of old had 1 where it was not known."""
    is_of_old = "file" not in stored.model_fields_set
    assumed = is_of_old and columns.pixel_size == 1 and stored.config.angpix != 1
    return None if assumed else columns.pixel_size


def _constant(values: list[Any]) -> Any:
    """Return one value for many where all are equal."""
    return values[0] if values and values.count(values[0]) == len(values) else values


def _picks(stored: _StoredRecord, columns: _Candidates) -> Picks:
    """Make candidates of their columns; a `ValueError` where those do not go together."""
    xy = np.column_stack([_unpacked(values, XY_DECIMALS) for values in (columns.x, columns.y)])
    diameter = np.asarray(columns.diameter, np.float64)
    if not (np.isnan(diameter) | ((diameter > 0) & (diameter < _MAX_DIAMETER))).all():
        raise ValueError("a diameter that no particle has")
    extra = {label: np.asarray(values) for label, values in columns.extra.items()}
    if any(values.ndim != 1 or values.dtype.kind not in "biufU" for values in extra.values()):
        raise ValueError("a further column that is none")
    return Picks(
        xy,
        score=_unpacked(columns.score, SCORE_DECIMALS),
        diameter=diameter,
        kind=np.asarray(columns.kind, np.str_),
        name=stored.micrograph,
        shape=columns.shape,
        pixel_size=(size := _pixel_size_of(stored, columns)),
        in_pixels=size is None,
        path=stored.path,
        extra=extra,
    )
