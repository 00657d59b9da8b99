"""Defocus of micrographs, from the STAR files that CTF estimation leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cryoglean.io.formats.naming import distinct_names
from cryoglean.io.formats.star import find_block, read_star

_NAMES = "rlnMicrographName"
_DEFOCUS = ("rlnDefocusU", "rlnDefocusV")


def read_defocus(path: Path) -> dict[str, float]:
    """Read the mean defocus of each micrograph of a STAR file.

    Parameters
    ----------
    path : Path
        A STAR file with ``_rlnMicrographName``, ``_rlnDefocusU`` and ``_rlnDefocusV``; of a file of
        particles, the median of each micrograph's is taken.

    Returns
    -------
    dict of str to float
        Mean of the two principal defocus values in Å, by the micrograph's name; empty where the file tells
        none.

    Raises
    ------
    CoordinateError
        The file cannot be read, is not a STAR file, or a value is not a number.
    """
    block = find_block(read_star(path), _NAMES, *_DEFOCUS)
    if block is None:
        return {}
    files, owner = np.unique(block.text(_NAMES), return_inverse=True)
    named = distinct_names([str(file) for file in files])
    mean = np.mean([block.floats(label) for label in _DEFOCUS], axis=0)
    of_each = np.split(mean[np.argsort(owner, kind="stable")], np.cumsum(np.bincount(owner))[:-1])
    medians = {named[str(file)]: float(np.median(own)) for file, own in zip(files, of_each, strict=True)}
    return {name: value for name, value in medians.items() if np.isfinite(value)}
