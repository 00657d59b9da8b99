"""A micrograph as the networks see it."""

from __future__ import annotations

import numpy as np

from cryoglean.image.resample import resample_to
from cryoglean.networks.maps import margin_px
from cryoglean.networks.normalise import normalise
from cryoglean.types import Micrograph, ParticleSize, ResampledImage


def working_image(micrograph: Micrograph, size: ParticleSize, particle_px: float) -> ResampledImage:
    """Bring the particle to the networks' scale, bright, normalised over the whole micrograph.

    Around it a margin is blank, in which the networks say where the particles are that the border cuts.

    Parameters
    ----------
    micrograph : Micrograph
        The micrograph.
    size : ParticleSize
        Of its particles.
    particle_px : float
        Particle diameter at the networks' scale, pixels.
    """
    low = resample_to(micrograph, size, particle_px)
    margin = margin_px(particle_px)
    offset = (low.offset[0] - margin * low.step[0], low.offset[1] - margin * low.step[1])
    return ResampledImage(np.pad(normalise(low.data, particle_px), margin), low.step, offset)
