"""The ledger: what was done with each micrograph, and every candidate that was found in it.

How it is kept on disk is in `records`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import cryoglean
from cryoglean.corrections.types import REJECTED
from cryoglean.engine.folder import RunFolder
from cryoglean.engine.plan import Job
from cryoglean.errors import MicrographError
from cryoglean.io.limits import open_file
from cryoglean.io.opening import reading
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
        return (
            self.file == location
            or self.beside == beside(location, folder)
            # It was moved, and a link left where it was.
            or os.path.realpath(self.file) == os.path.realpath(location)
        )

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
            with open_file(path) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        if sample:
            blocks = _digest_of_blocks(path, status.st_size)
    if stat.S_ISDIR(status.st_mode):
        raise MicrographError(path, "is a folder, not an image", "name the files in it")
    return Identity(status.st_size, status.st_mtime_ns, digest, blocks)


def _digest_of_blocks(path: Path, size: int) -> str:
    """Digest blocks spread evenly over a file, the first and the last among them."""
    digest = hashlib.blake2b(digest_size=16)
    with open_file(path) as file:
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


def _search_settings(config: PickConfig) -> dict[str, Any]:
    return config.model_dump(exclude=set(SelectConfig.model_fields))
