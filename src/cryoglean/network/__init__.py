"""PIXER's two networks: architecture, training, weights, and running them without torch."""

from cryoglean.network.maps import Candidates, find_candidates
from cryoglean.network.normalise import normalise
from cryoglean.network.runtime import Networks, load_networks
from cryoglean.network.weights import Weights, calibrated, list_weights, read_weights

__all__ = [
    "Candidates",
    "Networks",
    "Weights",
    "calibrated",
    "find_candidates",
    "list_weights",
    "load_networks",
    "normalise",
    "read_weights",
]
