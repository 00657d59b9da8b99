"""The one step that measures the particles: once a run, with an explicit verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cryoglean.networks import Networks
from cryoglean.pickers.size.by_discs import measure_by_discs
from cryoglean.pickers.size.by_networks import measure_by_networks
from cryoglean.types import Contrast, GivenDiameter, Micrograph, ParticleSize

ALIKE = 1.3
"""The discs bear out a given diameter from which theirs differs by no more than this factor."""


@dataclass(frozen=True)
class SizeVerdict:
    """What micrographs say of the size of their particles.

    Parameters
    ----------
    size : ParticleSize or None
        Diameter, contrast, what both rest on and how much of the area speaks for them; None where nothing
        stands out.
    reason : str
        Why, in words.
    discs : ParticleSize or None
        What discs say by themselves, whatever diameter is given; None where there are none, or where nobody
        asked them.
    """

    size: ParticleSize | None
    reason: str
    discs: ParticleSize | None = None

    def or_assumed(self, diameter: GivenDiameter | None) -> ParticleSize | None:
        """Return the size, or else dark particles of a given diameter, Å, or None without either."""
        if self.size is not None or diameter is None:
            return self.size
        return ParticleSize(assumed_diameter(diameter), "dark", "given")


NOTHING = SizeVerdict(None, "nothing stands out from the noise")


def measure_size(
    micrographs: Sequence[Micrograph],
    *,
    diameter: GivenDiameter | None = None,
    contrast: Contrast | None = None,
    networks: Networks | None = None,
    by_networks_alone: bool = False,
) -> SizeVerdict:
    """Measure diameter and contrast of the particles that some micrographs share.

    Parameters
    ----------
    micrographs : sequence of Micrograph
        A few micrographs with the same particles.
    diameter : float or tuple of float, optional
        Where it is given, Å, it stays, and the contrast is measured. Of a smallest and a largest, only
        diameters between them are looked for.
    contrast : {'dark', 'bright'}, optional
        Where it is given.
    networks : Networks, optional
        Judge by discs and by these networks; without them by discs alone.
    by_networks_alone : bool
        Do not ask discs for the contrast of particles whose diameter is given.

    Returns
    -------
    SizeVerdict
        Its size has the source 'networks' where the networks see something else than the discs.
    """
    limits = diameter if isinstance(diameter, tuple) else None
    known = None if isinstance(diameter, tuple) else diameter
    if known is not None and contrast is not None:
        return SizeVerdict(ParticleSize(known, contrast), "diameter and contrast are given")
    alone = by_networks_alone and known is not None
    discs = None if alone else measure_by_discs(micrographs, contrast=contrast, limits=limits)
    own = _given(discs, known)
    if networks is None or (discs is not None and own is not None and _is_alike(discs, known)):
        return _by_discs(own, discs)
    seen = measure_by_networks(networks, micrographs, discs=discs, diameter=diameter, contrast=contrast)
    if seen is None or seen.source == "discs":
        return _by_discs(own, discs)
    return SizeVerdict(seen, "the networks recognise particles most clearly at this size", discs)


def assumed_diameter(diameter: GivenDiameter) -> float:
    """Return a given diameter, Å, or the middle between the smallest and the largest that it can be."""
    return float(np.sqrt(diameter[0] * diameter[1])) if isinstance(diameter, tuple) else diameter


def _given(discs: ParticleSize | None, diameter: float | None) -> ParticleSize | None:
    """Put a given diameter in the place of a measured one."""
    return discs if discs is None or diameter is None else replace(discs, diameter=diameter)


def _is_alike(discs: ParticleSize, diameter: float | None) -> bool:
    return diameter is not None and bool(abs(np.log(discs.diameter / diameter)) < np.log(ALIKE))


def _by_discs(size: ParticleSize | None, discs: ParticleSize | None) -> SizeVerdict:
    if size is None:
        return NOTHING
    return SizeVerdict(size, "discs of this size outweigh those of the opposite contrast", discs)
