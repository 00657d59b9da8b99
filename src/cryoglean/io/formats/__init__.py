"""Coordinate files of other programs, both ways."""

from cryoglean.io.formats.dialects import DIALECTS, Dialect, read_picks, write_picks

__all__ = ["DIALECTS", "Dialect", "read_picks", "write_picks"]
