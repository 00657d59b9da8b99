"""Clustering of grey levels, on the histogram.

Pixels of one grey value always fall into one cluster, so that clustering the occupied grey values with their
counts gives the clusters of all pixels at a fraction of the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cryoglean.pickers.autocryopicker.settings import ClusterConfig
from cryoglean.types import Mask


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of equally spaced grey values.

    Parameters
    ----------
    low, high : float
        The smallest and the largest grey value of the image.
    count : ndarray of int64, shape (n,)
        Pixels that round to each of n values from `low` to `high`.
    """

    low: float
    high: float
    count: NDArray[np.int64]

    @property
    def values(self) -> NDArray[np.float64]:
        """The grey values, rising."""
        return np.linspace(self.low, self.high, len(self.count))


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of grey values.

    Parameters
    ----------
    histogram : Histogram
        What was clustered.
    centres : ndarray of float64, shape (k,)
        Rising.
    label : ndarray of int64, shape (n,)
        Cluster of each grey value of the histogram.
    darkest : ndarray of bool, shape (n,)
        The grey values of the darkest cluster; none of a constant image.
    """

    histogram: Histogram
    centres: NDArray[np.float64]
    label: NDArray[np.int64]
    darkest: NDArray[np.bool_]


def count_grey_values(image: ArrayLike, levels: int = 256) -> Histogram:
    """Count the pixels that round to each of `levels` equally spaced values between the image's extremes.

    Raises
    ------
    ValueError
        Fewer than two levels, or an image without a pixel.
    """
    pixels = np.asarray(image)
    if levels < 2 or not pixels.size:
        raise ValueError(f"cannot count {levels} grey values in an image of shape {pixels.shape}")
    low, high = float(pixels.min()), float(pixels.max())
    index = _level(pixels, low, high, levels=levels)
    return Histogram(low, high, np.bincount(index.ravel(), minlength=levels))


def cluster_intensity_based(histogram: Histogram, classes: int = 4) -> Clusters:
    """Cluster by the intensity-based rule: equally spaced centres, nearest centre.

    The spacing is s = (max - min) / k, the centres are min + s, min + 2s, … max. Deterministic and without
    iterations.

    Parameters
    ----------
    histogram : Histogram
        The grey values.
    classes : int
        Number of clusters, k.

    Returns
    -------
    Clusters
        On an image in [0, 1] with four classes the darkest is what lies below 0.375.

    Notes
    -----
    Al-Azzawi et al. (2019), algorithm 1. The authors' programs forget the offset by the minimum and lose
    the pixels that are exactly 0; here both are kept.
    """
    spacing = (histogram.high - histogram.low) / classes
    centres = histogram.low + spacing * np.arange(1.0, classes + 1)
    return _nearest(histogram, centres)


def cluster_k_means(histogram: Histogram, classes: int = 4) -> Clusters:
    """Cluster by k-means, exactly.

    In one dimension clusters are intervals, and dynamic programming finds the intervals of the smallest sum
    of squared distances of all, where Lloyd's iterations find a local minimum that depends on their start.

    Parameters
    ----------
    histogram : Histogram
        The grey values.
    classes : int
        Number of clusters, k; fewer where there are fewer occupied grey values.

    Returns
    -------
    Clusters
        The global optimum.

    Notes
    -----
    Wang and Song (2011), The R Journal 3(2):29. The authors' programs run k-means++ with three starts.
    """
    occupied = np.flatnonzero(histogram.count)
    values, weight = histogram.values[occupied], histogram.count[occupied].astype(np.float64)
    cost = _interval_cost(values, weight)
    k = min(classes, len(occupied))
    best, starts = cost[0], []
    for _ in range(1, k):
        # total[i, j]: the best clusters of the values before i, and one more cluster of the values i to j.
        total = np.full_like(cost, np.inf)
        total[1:] = best[:-1, None] + cost[1:]
        starts.append(np.argmin(total, axis=0))
        best = np.min(total, axis=0)
    edges = [len(values)]
    for start in reversed(starts):
        edges.append(int(start[edges[-1] - 1]))
    edges.append(0)
    bounds = list(zip(edges[:0:-1], edges[-2::-1], strict=True))
    centres = np.array([np.average(values[a:b], weights=weight[a:b]) for a, b in bounds])
    return _nearest(histogram, centres)


def cluster_fuzzy_c_means(histogram: Histogram, classes: int = 4, tolerance: float = 1e-3) -> Clusters:
    """Cluster by fuzzy c-means with fuzzifier 2; Otsu's method cuts the darkest class from its membership.

    Parameters
    ----------
    histogram : Histogram
        The grey values.
    classes : int
        Number of clusters, k; fewer where there are fewer occupied grey values.
    tolerance : float
        Stop when no membership changes by more, or after 100 iterations.

    Returns
    -------
    Clusters
        `label` is the cluster of the largest membership. Deterministic: the centres start at quantiles.

    Notes
    -----
    Bezdek (1981), Pattern Recognition with Fuzzy Objective Function Algorithms; Al-Azzawi et al. (2019).
    """
    values, weight = histogram.values, histogram.count.astype(np.float64)
    k = min(classes, int(np.count_nonzero(weight)))
    cumulative = np.cumsum(weight) / weight.sum()
    centres = values[np.searchsorted(cumulative, (np.arange(k) + 0.5) / k)]
    membership = _membership(values, centres)
    for _ in range(100):
        power = weight * np.square(membership)
        centres = power @ values / np.maximum(power.sum(axis=1), np.finfo(float).tiny)
        previous, membership = membership, _membership(values, centres)
        if np.abs(membership - previous).max() < tolerance:
            break
    order = np.argsort(centres)
    membership = membership[order]
    darkest = membership[0] > otsu_threshold(membership[0], weight)
    return Clusters(histogram, centres[order], np.argmax(membership, axis=0), darkest)


def otsu_threshold(values: ArrayLike, weights: ArrayLike) -> float:
    """Find the threshold that splits weighted values with the largest variance between the two parts.

    Parameters
    ----------
    values : array, shape (n,)
        The values.
    weights : array, shape (n,)
        How often each occurs.

    Returns
    -------
    float
        The largest value of the lower part.

    Notes
    -----
    Otsu (1979), IEEE Trans. Syst. Man Cybern. 9:62; at the values themselves, not at bins.
    """
    order = np.argsort(np.asarray(values), kind="stable")
    value, weight = np.asarray(values, np.float64)[order], np.asarray(weights, np.float64)[order]
    below, mass = np.cumsum(weight), np.cumsum(weight * value)
    above = below[-1] - below
    # The variance between the parts, but for a constant factor; nan where a part is empty.
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.square(mass * below[-1] - mass[-1] * below) / (below * above)
    return float(value[int(np.argmax(np.nan_to_num(between, nan=-1.0, posinf=-1.0)))])


def label_pixels(image: ArrayLike, clusters: Clusters) -> NDArray[np.int64]:
    """Give each pixel of an image the number of its cluster, 0 for the darkest; shape (ny, nx)."""
    return clusters.label[_level_of(image, clusters.histogram)]


def darkest_pixels(image: ArrayLike, config: ClusterConfig | None = None) -> Mask:
    """Cluster an image and return the pixels of the darkest class, where dark particles are.

    Parameters
    ----------
    image : array of float, shape (ny, nx)
        A pre-processed micrograph with dark particles.
    config : ClusterConfig, optional
        Method and number of classes.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True in the darkest class.
    """
    config = config or ClusterConfig()
    clusters = METHODS[config.method](count_grey_values(image, config.levels), config.classes)
    return clusters.darkest[_level_of(image, clusters.histogram)]


METHODS: dict[str, Callable[[Histogram, int], Clusters]] = {
    "intensity": cluster_intensity_based,
    "k-means": cluster_k_means,
    "fuzzy": cluster_fuzzy_c_means,
}


def _level(pixels: NDArray[Any], low: float, high: float, *, levels: int) -> NDArray[np.int64]:
    scale = (levels - 1) / (high - low) if high > low else 0.0
    scaled = (np.asarray(pixels, np.float32) - np.float32(low)) * np.float32(scale)
    return np.asarray(np.clip(np.rint(scaled), 0, levels - 1), np.int64)


def _level_of(image: ArrayLike, histogram: Histogram) -> NDArray[np.int64]:
    return _level(np.asarray(image), histogram.low, histogram.high, levels=len(histogram.count))


def _nearest(histogram: Histogram, centres: NDArray[np.float64]) -> Clusters:
    middles = (centres[1:] + centres[:-1]) / 2
    label = np.searchsorted(middles, histogram.values, side="right")
    # Where there is one class only, nothing is darker than anything.
    return Clusters(histogram, centres, label, (label == 0) & (len(centres) > 1))


def _interval_cost(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squared distances of the values i to j from their mean, at [i, j]; infinite for i > j."""
    centred = values - np.average(values, weights=weight)
    w, s, q = (np.r_[0, np.cumsum(weight * centred**power)] for power in (0, 1, 2))
    mass, total, square = (moment[None, 1:] - moment[:-1, None] for moment in (w, s, q))
    upper = np.triu(np.ones(mass.shape, bool))
    cost = square - np.square(total) / np.where(upper, mass, 1)
    return np.where(upper, np.maximum(cost, 0), np.inf)


def _membership(values: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Membership (k, n) of values in fuzzy clusters, for fuzzifier 2."""
    closeness = 1 / np.maximum(np.square(values - centres[:, None]), np.finfo(float).tiny)
    share: NDArray[np.float64] = closeness / closeness.sum(axis=0)
    return share
