"""What a user has corrected in the picks of a run: kept beside it, and applied to whatever is picked."""

from cryoglean.corrections.application import Judgement, corrected, judge
from cryoglean.corrections.files import read_corrections, write_corrections
from cryoglean.corrections.types import Added, Corrections, Deleted, Moved

__all__ = [
    "Added",
    "Corrections",
    "Deleted",
    "Judgement",
    "Moved",
    "corrected",
    "judge",
    "read_corrections",
    "write_corrections",
]
