"""Some micrographs of a run that stand for all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cryoglean.image.defects import sound_part
from cryoglean.io.formats.naming import natural_order
from cryoglean.types import Micrograph, MicrographFile

TRIES = 3
"""So many files in a row may be unreadable before their part of the run goes without a source."""

Reader = Callable[[MicrographFile], Micrograph]


def spread_sources(
    micrographs: Sequence[MicrographFile | Path], read: Reader, *, count: int
) -> Iterator[tuple[MicrographFile, Micrograph]]:
    """Read the first micrograph that can be read of each of some equal parts of a run.

    Parameters
    ----------
    micrographs : sequence of MicrographFile
        All of the run, in any order; the same ones are read whatever it is.
    read : callable
        Reads a micrograph.
    count : int
        Number of parts.
    """
    ordered = sorted(map(MicrographFile.of, micrographs), key=lambda one: natural_order(one.location))
    for part in np.array_split(np.arange(len(ordered)), min(count, len(ordered))):
        for file in [ordered[index] for index in part[:TRIES]]:
            try:
                micrograph = sound_part(read(replace(file, path=file.path.absolute()))).micrograph
            except Exception:  # noqa: BLE001 - its own job will say what is wrong with it
                continue
            yield file, micrograph
            break
