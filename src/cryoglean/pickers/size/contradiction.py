"""Whether micrographs contradict what a user says of the size of their particles.

Told only where the size is sure: discs stand out clearly, and the networks recognise particles of the same
size in the same contrast more clearly than of other sizes near by. They are asked only where the discs differ
from what is given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cryoglean.networks import Networks
from cryoglean.pickers.size.by_discs import measure_by_discs
from cryoglean.pickers.size.by_networks import measure_by_networks
from cryoglean.types import Contrast, Micrograph, ParticleSize

ALIKE = 1.3
"""Sizes that differ by no more than this factor are the same."""
DIFFERENT = 1.6
"""A given diameter is contradicted only where it is off by this factor."""
NEARBY, FAR = 1.7, 3.0
"""The networks are asked for sizes that differ from that of the discs by the first of these factors, and for
the given one where it differs by less than the other."""
MAX_ASKED = 2
"""In so many micrographs."""
CLEAR = 0.02
"""Discs stand out clearly where their support is at least this."""


def contradicting_size(
    micrographs: Sequence[Micrograph],
    networks: Networks,
    *,
    diameter: float | None = None,
    contrast: Contrast | None = None,
    discs: ParticleSize | None = None,
) -> ParticleSize | None:
    """Return what the particles' size surely is, where that is another than a user says.

    Parameters
    ----------
    micrographs : sequence of Micrograph
        A few micrographs with the same particles.
    networks : Networks
        The networks.
    diameter : float, optional
        What the user says, Å.
    contrast : {'dark', 'bright'}, optional
        What the user says.
    discs : ParticleSize, optional
        What `measure_by_discs` says of them, where it was asked without a contrast; it is asked otherwise.

    Returns
    -------
    ParticleSize or None
        None where the micrographs do not contradict the user, or not surely.
    """
    discs = discs or measure_by_discs(micrographs)
    if discs is None or discs.support < CLEAR:
        return None
    as_large = diameter is None or not _differs(discs.diameter, diameter, DIFFERENT)
    if as_large and contrast in (None, discs.contrast):
        return None
    nearby = [discs.diameter / NEARBY, discs.diameter * NEARBY]
    if diameter is not None and not _differs(discs.diameter, diameter, FAR):
        nearby.append(diameter)
    limits = (min(nearby), max(nearby))
    seen = measure_by_networks(networks, micrographs[:MAX_ASKED], discs=discs, diameter=limits)
    if seen is None or seen.contrast != discs.contrast or _differs(seen.diameter, discs.diameter, ALIKE):
        return None
    return seen


def _differs(one: float, other: float, factor: float) -> bool:
    return bool(abs(np.log(one / other)) > np.log(factor))
