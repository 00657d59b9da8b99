"""PIXER's two networks, run without torch: weights, maps, normalisation."""

from cryoglean.networks.maps import Candidates, find_candidates
from cryoglean.networks.normalise import normalise
from cryoglean.networks.runtime import Networks, load_networks
from cryoglean.networks.weights import Weights, calibrated, list_weights, read_weights

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
