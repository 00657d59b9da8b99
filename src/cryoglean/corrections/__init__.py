"""What a user has corrected in the picks of a run: kept beside it, and applied to whatever is picked."""

from cryoglean.corrections.types import Added, Corrections, Deleted, Moved

__all__ = ["Added", "Corrections", "Deleted", "Moved"]
