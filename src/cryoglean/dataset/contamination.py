"""Kinds of contamination, as bits of an image."""

from __future__ import annotations

KINDS = ("carbon", "ice", "ethane", "gold", "broken", "denatured", "micelle", "aggregate")
"""Kinds of contamination; kind i is bit i of a contamination image."""


def bits(*kinds: str) -> int:
    """Return the bits of some kinds together."""
    return sum(1 << KINDS.index(kind) for kind in kinds)
