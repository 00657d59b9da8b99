from .micrograph import Simulated, signal_to_noise, simulate_micrograph
from .output import SeriesPlan, write_series, write_simulated
from .procedural import KINDS, ProceduralKind, apoferritin_like, procedural_structure
from .reading import StructureFile, find_structures, load_structure
from .shards import ShardPlan, write_shards
from .structures import Structure

__all__ = [
    "KINDS",
    "ProceduralKind",
    "SeriesPlan",
    "ShardPlan",
    "Simulated",
    "Structure",
    "StructureFile",
    "apoferritin_like",
    "find_structures",
    "load_structure",
    "procedural_structure",
    "signal_to_noise",
    "simulate_micrograph",
    "write_series",
    "write_shards",
    "write_simulated",
]
