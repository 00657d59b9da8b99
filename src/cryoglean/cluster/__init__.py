"""Clustering of grey levels: image to labels."""

from cryoglean.cluster.intensity import (
    Clusters,
    Histogram,
    cluster_fuzzy_c_means,
    cluster_intensity_based,
    cluster_k_means,
    count_grey_values,
    darkest_pixels,
    label_pixels,
    otsu_threshold,
)

__all__ = [
    "Clusters",
    "Histogram",
    "cluster_fuzzy_c_means",
    "cluster_intensity_based",
    "cluster_k_means",
    "count_grey_values",
    "darkest_pixels",
    "label_pixels",
    "otsu_threshold",
]
