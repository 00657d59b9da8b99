"""The network picker: PIXER's segmentation, grid-based selection and classification, without torch.

Zhang et al. (2019), BMC Bioinformatics 20, 41.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from cryoglean.networks import Networks, find_candidates, load_networks
from cryoglean.networks.maps import STRIDE, margin_px
from cryoglean.pickers.base import require_fitting
from cryoglean.pickers.pixer.contamination import find_contaminated
from cryoglean.pickers.pixer.outlines import overlap_bound, particle_probability
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.pixer.working import working_image
from cryoglean.pickers.size.measure import SizeVerdict, measure_size
from cryoglean.select import inside
from cryoglean.types import Contrast, FloatImage, GivenDiameter, Mask, Micrograph, ParticleSize, Picks


class NetworkPicker:
    """Finds particles of proteins that the networks have never seen.

    Parameters
    ----------
    config : NetworkConfig, optional
        Which weights, and whether contamination counts.

    Raises
    ------
    UsageError, WeightsError
        The weights are not there, or are damaged.
    """

    def __init__(self, config: NetworkConfig | None = None) -> None:
        self.config = config or NetworkConfig()
        self._networks: Networks = load_networks(self.config.weights)

    @property
    def recommended_score(self) -> float:
        """The threshold on the weights' card."""
        return self._networks.weights.card.threshold

    def measure_size(
        self,
        micrographs: Sequence[Micrograph],
        *,
        diameter: GivenDiameter | None = None,
        contrast: Contrast | None = None,
    ) -> SizeVerdict:
        """Measure the size of particles that micrographs share; see `Picker.measure_size`."""
        return measure_size(
            micrographs,
            diameter=diameter,
            contrast=contrast,
            networks=self._networks,
            by_networks_alone=True,
        )

    def find(self, micrograph: Micrograph, size: ParticleSize) -> Picks:
        """Find every candidate of a micrograph, scored by its probability; see `Picker.find`."""
        require_fitting(micrograph, size.diameter)
        working = working_image(micrograph, size, self._particle_px)
        maps = self._networks.segment(working.data)
        candidates = find_candidates(maps.centre, self._particle_px)
        score = self._networks.judge(working.data, candidates)
        if self.config.contamination:
            contaminated = find_contaminated(
                maps, working.data, candidates.xy, card=self._networks.weights.card
            )
            score = np.where(contaminated, 0.0, score)
        xy = working.to_micrograph(candidates.xy)
        picks = replace(
            Picks.empty(micrograph),
            xy=xy,
            score=score,
            diameter=np.full(len(xy), size.diameter),
        )
        return picks[inside(picks, 0.0)].by_score()

    def stages(self, micrograph: Micrograph, size: ParticleSize) -> dict[str, FloatImage]:
        """Images of what the networks see; see `Picker.stages`.

        'normalised' and 'particle', with more exact outlines than one look gives, and at half of their
        resolution 'centre' and 'contamination', by which `find` goes.
        """
        require_fitting(micrograph, size.diameter)
        working = working_image(micrograph, size, self._particle_px)
        maps = self._networks.segment(working.data)
        margin = margin_px(self._particle_px)
        fine, coarse = (np.s_[edge:-edge, edge:-edge] for edge in (margin, margin // STRIDE))
        normalised = working.data[fine]
        return {
            "normalised": normalised,
            "particle": particle_probability(self._networks, micrograph, size, shape=normalised.shape),
            "centre": maps.centre[coarse],
            "contamination": maps.contamination[coarse],
        }

    def mask(self, micrograph: Micrograph, size: ParticleSize) -> Mask:
        """Outline all particles of a micrograph.

        Parameters
        ----------
        micrograph : Micrograph
            The micrograph.
        size : ParticleSize
            Of its particles.

        Returns
        -------
        ndarray of bool, shape (ny, nx)
            True at the pixels of the micrograph that belong to a particle.
        """
        ny, nx = micrograph.shape
        particle = self.stages(micrograph, size)["particle"]
        above = particle - overlap_bound(
            particle, self._particle_px, model=self._networks.weights.outline_model
        )
        return np.asarray(cv2.resize(above, (nx, ny), interpolation=cv2.INTER_LINEAR) > 0)

    @property
    def _particle_px(self) -> float:
        return self._networks.weights.card.architecture.particle_px
