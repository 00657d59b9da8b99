"""Of candidates too close to each other, keep the better one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def suppress(rivals: NDArray[np.integer], number: int) -> NDArray[np.bool_]:
    """Walk from the best candidate to the worst and drop all rivals of each that is still there.

    Parameters
    ----------
    rivals : ndarray of int, shape (m, 2)
        Pairs of candidates that cannot both stay, each counted from the best, 0, and the better one first.
    number : int
        How many candidates there are.

    Returns
    -------
    ndarray of bool, shape (number,)
        True for the candidates that stay.
    """
    kept = np.ones(number, bool)
    for better, worse in rivals[np.argsort(rivals[:, 0])].tolist():
        # Whoever could drop the better one is better still, and has had its turn.
        if kept[better]:
            kept[worse] = False
    return kept
