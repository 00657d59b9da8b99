"""The ledger: what was done with each micrograph, and every candidate that was found in it.

One JSON file for each micrograph, written under another name and renamed. So any number of processes may
write at once, on a network file system too, nothing is ever half there, and the ledger needs no repair after
a crash: a micrograph whose record is missing or damaged is simply done again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import cryoglean
from cryoglean.corrections.types import REJECTED
from cryoglean.engine.folder import RunFolder, file_name
from cryoglean.engine.plan import Job
from cryoglean.errors import MicrographError
from cryoglean.io.opening import reading
from cryoglean.io.writing import complete_or_absent
from cryoglean.pickers.settings import PickConfig
from cryoglean.select.settings import SelectConfig
from cryoglean.types import Picks

XY_DECIMALS, SCORE_DECIMALS, DIAMETER_DECIMALS = 3, 6, 2
BLOCKS, BLOCK_BYTES = 16, 4096
"""Of a file, by which it is known again."""


@dataclass(frozen=True)
class Identity:
    """What tells one state of a file from another.

    Parameters
    ----------
    size : int
        Bytes.
    mtime_ns : int
        Time of the last change, ns.
    sha256 : str, optional
        Digest of the content, where it was asked for; it then counts in place of the time.
    sample : str, optional
        Digest of some blocks of the content, by which a file that was moved is known again.
    """

    size: int
    mtime_ns: int
    sha256: str | None = None
    sample: str | None = None

    def agrees(self, now: Identity) -> bool:
        """Return whether the file is unchanged, as far as the later look `now` went."""
        if now.sample is not None and now.sample != self.sample:
            return False
        if now.sha256 is not None:
            return (self.size, self.sha256) == (now.size, now.sha256)
        return (self.size, self.mtime_ns) == (now.size, now.mtime_ns)


@dataclass(frozen=True, eq=False)
class Record:
    """What was done with one micrograph.

    Parameters
    ----------
    name : str
        Under which the micrograph's results are filed.
    path : str
        The micrograph, as its input has it.
    config : PickConfig
        The whole resolved configuration.
    identity : Identity, optional
        The state of the file; None where it was not there.
    candidates : Picks, optional
        Every candidate, scored; None where the micrograph failed.
    error : str, optional
        Why it failed.
    warnings : tuple of str
        What was strange about the file.
    started : str
        UTC, ISO 8601.
    seconds : float
        Time from opening the file to this record.
    version : str
        Of cryoglean.
    weights : str, optional
        Digest of the network's weights, where there was one.
    corrections : str
        Digest of the user's corrections that the coordinate file holds; '' for none.
    file : str
        The micrograph's absolute path, links followed.
    beside : str
        The same from the folder of the run, which holds where both were moved.
    key : str
        Under which the record is kept; `name` if not given.
    """

    name: str
    path: str
    config: PickConfig
    identity: Identity | None = None
    candidates: Picks | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()
    started: str = ""
    seconds: float = 0.0
    version: str = cryoglean.__version__
    weights: str | None = None
    corrections: str = ""
    file: str = ""
    beside: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.key or self.name)

    @property
    def rejected(self) -> bool:
        """Return whether the user has rejected the micrograph."""
        return self.corrections == REJECTED

    @property
    def selection(self) -> SelectConfig:
        """By what the micrograph's coordinate file was selected."""
        return selection_of(self.config)

    @property
    def contaminated(self) -> int | None:
        """Number of candidates that were taken for contamination.

        None where that cannot be told: it was not looked for, or there are side views, whose pieces among the
        round candidates have no score either.
        """
        if self.candidates is None or not self.config.method.contamination:
            return None
        if "side" in self.candidates.kind:
            return None
        return int(np.count_nonzero(self.candidates.score == 0))

    def is_of(self, config: PickConfig, weights: str | None) -> bool:
        """Return whether the candidates are those of a search with this configuration and these weights."""
        return (
            self.candidates is not None
            and self.version == cryoglean.__version__
            and self.weights == weights
            and _search_settings(self.config) == _search_settings(config)
        )

    def is_about(self, job: Job, folder: RunFolder) -> bool:
        """Tell whether this is a record of the micrograph of a job, and not of another of its name."""
        location = job.micrograph.location
        if not self.file:
            # As version 0.1.0 wrote it at first.
            return (
                self.path in (job.micrograph.listed, str(job.path)) or os.path.realpath(self.path) == location
            )
        return self.file == location or self.beside == beside(location, folder)

    def is_from(self, path: Path, *, content: bool = False) -> bool:
        """Return whether the file is as it was.

        Of a file that is no longer there, as it was moved to an archive, say, what is known stays known.
        Whether it is a record of that file at all is another question: see `is_about`.
        """
        try:
            return self.identity is not None and self.identity.agrees(identify(path, content=content))
        except MicrographError:
            return True


def beside(location: str, folder: RunFolder) -> str:
    """Return where a file lies from the folder of a run."""
    return os.path.relpath(location, folder.root.resolve())


def identify(path: Path, *, content: bool = False, sample: bool = False) -> Identity:
    """Look at the state of a file.

    Parameters
    ----------
    path : Path
        The file.
    content : bool
        Read it for a digest of its content.
    sample : bool
        Read some blocks of it for a digest of those.

    Raises
    ------
    MicrographError
        It is not there or cannot be read.
    """
    with reading(path):
        status = path.stat()
        digest = blocks = None
        if content:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        if sample:
            blocks = _digest_of_blocks(path, status.st_size)
    if stat.S_ISDIR(status.st_mode):
        raise MicrographError(path, "is a folder, not an image", "name the files in it")
    return Identity(status.st_size, status.st_mtime_ns, digest, blocks)


def _digest_of_blocks(path: Path, size: int) -> str:
    """Digest blocks spread evenly over a file, the first and the last among them."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        for start in np.linspace(0, max(0, size - BLOCK_BYTES), BLOCKS).astype(int).tolist():
            file.seek(start)
            digest.update(file.read(BLOCK_BYTES))
    return digest.hexdigest()


def selection_of(config: PickConfig) -> SelectConfig:
    """Return the part of a configuration that selects from candidates."""
    return SelectConfig(**{name: getattr(config, name) for name in SelectConfig.model_fields})


def rounded(picks: Picks) -> Picks:
    """Round candidates to what the ledger keeps: picks are the same whether or not they went through it."""
    return replace(
        picks,
        xy=np.round(picks.xy, XY_DECIMALS),
        score=np.round(picks.score, SCORE_DECIMALS),
        diameter=np.round(picks.diameter, DIAMETER_DECIMALS),
    )


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
    """Read a record; None where there is none, or none that can be used."""
    try:
        stored = json.loads(path.read_bytes())
        return Record(
            name=file_name(stored["micrograph"]),
            path=stored["path"],
            config=PickConfig.model_validate(stored["config"]),
            identity=Identity(**stored["input"]) if stored["input"] else None,
            candidates=_picks(stored) if stored["candidates"] else None,
            error=stored["error"],
            warnings=tuple(stored["warnings"]),
            started=stored["started"],
            seconds=stored["seconds"],
            version=stored["version"],
            weights=stored["weights"],
            corrections=stored.get("corrections", ""),
            file=stored.get("file", ""),
            beside=stored.get("beside", ""),
            key=path.name.removesuffix(".json"),
        )
    except (OSError, ValueError, KeyError, TypeError):
        # A damaged record, or one of another version, is as good as none: the micrograph is done again.
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


def _search_settings(config: PickConfig) -> dict[str, Any]:
    return config.model_dump(exclude=set(SelectConfig.model_fields))


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


def _pixel_size_of(stored: dict[str, Any]) -> float | None:
    """Å per pixel; records of old had 1 where it was not known."""
    size = stored["candidates"]["pixel_size"]
    assumed = "file" not in stored and size == 1 and stored["config"]["angpix"] != 1
    return None if assumed or size is None else float(size)


def _constant(values: list[Any]) -> Any:
    """Return one value for many where all are equal."""
    return values[0] if values and values.count(values[0]) == len(values) else values


def _picks(stored: dict[str, Any]) -> Picks:
    columns = stored["candidates"]
    xy = np.column_stack([_unpacked(columns[axis], XY_DECIMALS) for axis in "xy"])
    return Picks(
        xy,
        score=_unpacked(columns["score"], SCORE_DECIMALS),
        diameter=np.asarray(columns["diameter"], np.float64),
        kind=np.asarray(columns["kind"], np.str_),
        name=stored["micrograph"],
        shape=(columns["shape"][0], columns["shape"][1]),
        pixel_size=(size := _pixel_size_of(stored)),
        in_pixels=size is None,
        path=stored["path"],
        extra={label: np.asarray(values) for label, values in columns["extra"].items()},
    )
