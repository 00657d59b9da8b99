"""What a method says of itself, so that nobody else has to know methods by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MapKind = Literal["particle", "contamination"]


@dataclass(frozen=True)
class Description:
    """What others need to know of a method.

    Parameters
    ----------
    score : {'probability', 'prominence'}
        What its score is: the probability of a particle, or how far one stands out.
    maps : mapping of {'particle', 'contamination'} to str
        Which of its stages is a map, in [0, 1], of what.
    """

    score: Literal["probability", "prominence"]
    maps: Mapping[MapKind, str] = field(default_factory=dict)
