"""CTF fits of micrographs, from the STAR files that CTF estimation leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cryoglean.io.formats.star import find_block, read_star

_NAMES = "rlnMicrographName"
_DEFOCUS = ("rlnDefocusU", "rlnDefocusV")
_FIT = ("rlnCtfMaxResolution", "rlnCtfFigureOfMerit")


@dataclass(frozen=True)
class CtfFit:
    """What CTF estimation found in a micrograph; NaN where it is not known.

    Parameters
    ----------
    defocus : float
        Mean of the two principal values, Å, positive for underfocus.
    resolution : float
        To which the fit agrees with the micrograph, Å.
    figure_of_merit : float
        How well it agrees, as the program counts it.
    """

    defocus: float = math.nan
    resolution: float = math.nan
    figure_of_merit: float = math.nan


def read_ctf(path: Path) -> dict[str, CtfFit]:
    """Read the CTF fit of each micrograph of a STAR file.

    Parameters
    ----------
    path : Path
        A STAR file with ``_rlnMicrographName``, ``_rlnDefocusU`` and ``_rlnDefocusV``; of a file of
        particles, the median of each micrograph's is taken.

    Returns
    -------
    dict of str to CtfFit
        By the micrograph's path as the file has it; empty where the file has no defocus.

    Raises
    ------
    CoordinateError
        The file cannot be read, is not a STAR file, or a value is not a number.
    """
    block = find_block(read_star(path), _NAMES, *_DEFOCUS)
    if block is None:
        return {}
    files, owner = np.unique(block.text(_NAMES), return_inverse=True)
    unknown = np.full(len(block), np.nan)
    values = np.column_stack(
        [
            np.mean([block.floats(label) for label in _DEFOCUS], axis=0),
            *(block.floats(label) if label in block else unknown for label in _FIT),
        ]
    )
    of_each = np.split(values[np.argsort(owner, kind="stable")], np.cumsum(np.bincount(owner))[:-1])
    fits = {
        str(file): CtfFit(*np.median(own, axis=0).tolist()) for file, own in zip(files, of_each, strict=True)
    }
    return {path: fit for path, fit in fits.items() if np.isfinite(fit.defocus)}
