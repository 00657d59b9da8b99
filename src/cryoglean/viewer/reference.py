"""Reference picks beside those of the run: the truth, or picks of another program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoglean.engine.picks import read_picks_or_run
from cryoglean.engine.plan import Job
from cryoglean.errors import UsageError
from cryoglean.io import read_header
from cryoglean.io.formats.frames import onto
from cryoglean.io.formats.naming import pair_micrographs


@dataclass(frozen=True, eq=False)
class ReferencePicks:
    """Centres of picks by the key of the micrograph in the run.

    Parameters
    ----------
    name : str
        Where they come from.
    places : mapping of str to ndarray of float32, shape (n, 2)
        Pixels of the micrograph. Micrographs without reference picks are missing.
    """

    name: str
    places: Mapping[str, NDArray[np.float32]]

    @property
    def picks(self) -> int:
        """How many they are."""
        return sum(map(len, self.places.values()))


def read_reference(paths: Sequence[Path], jobs: Sequence[Job]) -> ReferencePicks:
    """Read reference picks.

    Parameters
    ----------
    paths : sequence of Path
        Files or folders of any known format; a run too.
    jobs : sequence of Job
        The run's micrographs.

    Raises
    ------
    CoordinateError, MicrographError
        A file cannot be read, or shows another field than the picks are of.
    UsageError
        None of the picks belong to a micrograph of the run, or it cannot be told to which.
    """
    every = [picks for path in paths for picks in read_picks_or_run(path, fractions=True)]
    keys = {job.micrograph.location: job.key for job in jobs}
    files = {job.key: job.path for job in jobs}
    pairing = pair_micrographs([picks.micrograph for picks in every], keys)
    if pairing.ambiguous:
        raise UsageError(f"--reference: {pairing.why_not(next(iter(pairing.ambiguous)))}")
    joined: dict[str, list[NDArray[np.float32]]] = {}
    for picks in every:
        if picks.micrograph in pairing.pairs:
            key = keys[pairing.pairs[picks.micrograph]]
            if min(picks.shape):
                picks = onto(picks, read_header(files[key]).shape)
            joined.setdefault(key, []).append(picks.xy.astype(np.float32))
    if not joined:
        about = (
            f"they name {every[0].micrograph!r} and others like it" if every else "the files hold no picks"
        )
        raise UsageError(f"--reference: none of these picks belong to a micrograph of the run; {about}")
    return ReferencePicks(
        ", ".join(path.name for path in paths),
        {name: np.concatenate(parts) for name, parts in joined.items()},
    )
