"""The spread of values that a few outliers do not change."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

STD_PER_DEVIATION = 1.4826
"""Standard deviation of normally distributed values over their median absolute deviation."""


def median_deviation(values: NDArray[Any], middle: float | np.floating[Any] | None = None) -> Any:
    """Return the median absolute deviation, in the precision of the values.

    Parameters
    ----------
    values : array of float
        Any shape, not empty.
    middle : float, optional
        What they deviate from; their median where it is not given.
    """
    return np.median(np.abs(values - (np.median(values) if middle is None else middle)))


def robust_std(values: NDArray[Any], middle: float | np.floating[Any] | None = None) -> float:
    """Return the standard deviation of normally distributed values among which some are outliers.

    Parameters
    ----------
    values : array of float
        Any shape, not empty.
    middle : float, optional
        Their mean where it is known; their median where it is not.
    """
    return STD_PER_DEVIATION * float(median_deviation(values, middle))
