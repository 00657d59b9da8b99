from .maps import Candidates, find_candidates
from .runtime import Networks, load_networks
from .weights import Weights, calibrated, list_weights, read_weights

__all__ = [
    "Candidates",
    "Networks",
    "Weights",
    "calibrated",
    "find_candidates",
    "list_weights",
    "load_networks",
    "read_weights",
]
