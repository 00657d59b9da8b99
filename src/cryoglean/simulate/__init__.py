"""Simulated micrographs with complete truth, from structure to detector."""

from cryoglean.simulate.micrograph import Simulated, signal_to_noise, simulate_micrograph
from cryoglean.simulate.output import SeriesPlan, write_series, write_simulated
from cryoglean.simulate.procedural import KINDS, ProceduralKind, apoferritin_like, procedural_structure
from cryoglean.simulate.reading import StructureFile, find_structures, load_structure
from cryoglean.simulate.shards import ShardPlan, write_shards
from cryoglean.simulate.structures import Structure

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
