"""The network picker: PIXER's segmentation, grid-based selection and classification, without torch.

Zhang et al. (2019), BMC Bioinformatics 20, 41.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cryoglean.networks.maps import STRIDE, Maps, find_candidates, margin_px, overlap_bound
from cryoglean.networks.normalise import normalise
from cryoglean.networks.runtime import Networks, load_networks
from cryoglean.networks.weights import calibrated
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.size.by_discs import SIGN_OF, Scale, estimate_scale, require_fitting, resample_to
from cryoglean.pickers.size.by_networks import measure_scale
from cryoglean.select import inside
from cryoglean.types import FloatImage, Mask, Micrograph, Picks, ResampledImage

MAX_CONTAMINATION = 0.5
"""Candidates get no score where the mean probability of contamination under them exceeds this."""

VIEWS = ((0.9, (0, 1)), (1.0, (0, 2)), (1.1, (2, 3)))
"""Views in which particles are outlined: sizes against the networks' scale, each with its quarter turns."""

EMPHASIS = 1.3
"""By how much the contrast of these views is raised, within what the networks were trained on."""

_SURE = 1e-4
"""The log odds of probabilities nearer to 0 or 1 are cut off: one view shall not outweigh the others."""


class NetworkPicker:
    """Finds particles of proteins that the networks have never seen.

    Parameters
    ----------
    config : NetworkConfig, optional
        Diameter and contrast where they are known, and which weights.

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

    def measure(self, micrographs: Sequence[Micrograph]) -> Scale | None:
        """Find the diameter and contrast that micrographs share; see `Picker.measure`."""
        if self.config.diameter is not None:
            return self.weigh(micrographs, None)
        return self.weigh(micrographs, estimate_scale(micrographs, sign=SIGN_OF[self.config.contrast]))

    def weigh(self, micrographs: Sequence[Micrograph], by_edge: Scale | None) -> Scale | None:
        """Find the diameter and contrast that micrographs share, given what `estimate_scale` says of them.

        It is returned itself where the networks bear it out, and where they see next to nothing.
        """
        diameter, sign = self.config.diameter, SIGN_OF[self.config.contrast]
        found = measure_scale(self._networks, micrographs, by_edge=by_edge, diameter=diameter, sign=sign)
        if found is not None or diameter is None:
            return found or by_edge
        return replace(by_edge or Scale(diameter, -1.0, 0.0), diameter=diameter, strength=0.0)

    def scale_of(self, micrograph: Micrograph) -> Scale | None:
        """Diameter and contrast, found in the micrograph where not configured; None where it is empty.

        Raises
        ------
        MicrographError
            The configured diameter does not fit into the micrograph.
        """
        diameter, sign = self.config.diameter, SIGN_OF[self.config.contrast]
        if diameter is None:
            return self.measure([micrograph])
        require_fitting(micrograph, diameter)
        return self.measure([micrograph]) if sign is None else Scale(diameter, sign, 1.0)

    def find(self, micrograph: Micrograph) -> Picks:
        """Find every candidate of a micrograph, scored and not thresholded.

        Parameters
        ----------
        micrograph : Micrograph
            The micrograph.

        Returns
        -------
        Picks
            The score is the probability of a particle. Empty where no diameter is given and nothing in the
            micrograph stands out from its noise.
        """
        scale = self.scale_of(micrograph)
        if scale is None:
            return _picks(micrograph, np.zeros((0, 2)), np.zeros(0), diameter=np.nan)
        working = working_image(micrograph, scale, self._particle_px)
        maps = self._networks.segment(working.data)
        candidates = find_candidates(maps.centre, self._particle_px)
        particle = self._networks.classify(working.data, candidates.xy)[:, 0]
        score = calibrated(candidates.score, particle, self._networks.weights.card.calibration)
        if self.config.contamination:
            score = np.where(self._contaminated(maps, candidates.xy), 0.0, score)
        picks = _picks(micrograph, working.to_micrograph(candidates.xy), score, diameter=scale.diameter)
        return picks[inside(picks, 0.0)].by_score()

    def stages(self, micrograph: Micrograph) -> dict[str, FloatImage]:
        """Images of what the networks see, by name, at the working scale.

        Parameters
        ----------
        micrograph : Micrograph
            The micrograph.

        Returns
        -------
        dict of str to ndarray
            'normalised' and 'particle', with more exact outlines than one look gives, and at half of their
            resolution 'centre' and 'contamination', by which `find` goes; none where nothing stands out.
        """
        scale = self.scale_of(micrograph)
        if scale is None:
            return {}
        working = working_image(micrograph, scale, self._particle_px)
        maps = self._networks.segment(working.data)
        margin = margin_px(self._particle_px)
        fine, coarse = (np.s_[edge:-edge, edge:-edge] for edge in (margin, margin // STRIDE))
        normalised = working.data[fine]
        return {
            "normalised": normalised,
            "particle": self._outlined(micrograph, scale, normalised.shape),
            "centre": maps.centre[coarse],
            "contamination": maps.contamination[coarse],
        }

    def mask(self, micrograph: Micrograph) -> Mask:
        """Outline all particles of a micrograph.

        Parameters
        ----------
        micrograph : Micrograph
            The micrograph.

        Returns
        -------
        ndarray of bool, shape (ny, nx)
            True at the pixels of the micrograph that belong to a particle; nowhere where nothing stands out.
        """
        ny, nx = micrograph.shape
        particle = self.stages(micrograph).get("particle")
        if particle is None:
            return np.zeros((ny, nx), bool)
        above = particle - overlap_bound(particle, self._particle_px)
        return np.asarray(cv2.resize(above, (nx, ny), interpolation=cv2.INTER_LINEAR) > 0)

    @property
    def _particle_px(self) -> float:
        return self._networks.weights.card.architecture.particle_px

    def _outlined(self, micrograph: Micrograph, scale: Scale, shape: tuple[int, ...]) -> FloatImage:
        """Probability that a pixel belongs to a particle, with more exact outlines than one view gives.

        The networks err differently in each view, most of all at outlines, and the mean of the log odds errs
        less. It takes six times as long; picking needs no outlines and does without.
        """
        ny, nx = shape
        odds = np.zeros((ny, nx), np.float32)
        for size, turns in VIEWS:
            particle_px = size * self._particle_px
            image = np.float32(EMPHASIS) * working_image(micrograph, scale, particle_px).data
            margin = margin_px(particle_px)
            for turn in turns:
                seen = np.rot90(self._networks.segment(np.rot90(image, turn)).particle, -turn)
                likely = np.clip(seen[margin:-margin, margin:-margin], _SURE, 1 - _SURE)
                odds += cv2.resize(np.log(likely / (1 - likely)), (nx, ny), interpolation=cv2.INTER_CUBIC)
        views = sum(len(turns) for _, turns in VIEWS)
        return np.asarray(1 / (1 + np.exp(-odds / views)), np.float32)

    def _contaminated(self, maps: Maps, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which candidates lie on contamination rather than beside it."""
        half = round(self._particle_px / STRIDE / 2)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * half + 1, 2 * half + 1)).astype(np.float32)
        under = cv2.filter2D(maps.contamination, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)
        column, row = (np.rint(xy).astype(np.intp) // STRIDE).T
        row, column = np.clip(row, 0, under.shape[0] - 1), np.clip(column, 0, under.shape[1] - 1)
        return np.asarray(under[row, column] > MAX_CONTAMINATION)


def working_image(micrograph: Micrograph, scale: Scale, particle_px: float) -> ResampledImage:
    """Bring the particle to the networks' scale, bright, normalised over the whole micrograph.

    Around it a margin is blank, in which the networks say where the particles are that the border cuts.

    Parameters
    ----------
    micrograph : Micrograph
        The micrograph.
    scale : Scale
        Diameter and contrast of its particles.
    particle_px : float
        Particle diameter at the networks' scale, pixels.
    """
    low = resample_to(micrograph, scale, particle_px)
    margin = margin_px(particle_px)
    offset = (low.offset[0] - margin * low.step[0], low.offset[1] - margin * low.step[1])
    return ResampledImage(np.pad(normalise(low.data, particle_px), margin), low.step, offset)


def _picks(
    micrograph: Micrograph, xy: NDArray[np.float64], score: NDArray[np.float64], *, diameter: float
) -> Picks:
    return Picks(
        xy,
        score,
        np.full(len(xy), diameter),
        name=micrograph.name,
        shape=micrograph.shape,
        pixel_size=micrograph.pixel_size,
    )
