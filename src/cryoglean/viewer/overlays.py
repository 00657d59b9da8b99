"""Overlays of a micrograph: maps of the picker, computed when they are asked for."""

from __future__ import annotations

import cv2
import numpy as np

from cryoglean.engine.ledger import identify
from cryoglean.errors import MicrographError, UsageError
from cryoglean.image.defects import sound_part
from cryoglean.io import read_micrograph
from cryoglean.pickers import build_picker, choose_method, size_alone
from cryoglean.pickers.description import MapKind
from cryoglean.pickers.pixer.settings import NetworkConfig
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import FloatImage, MicrographFile
from cryoglean.viewer.pictures import Kept

OverlayKind = MapKind

MAX_BYTES = 32 << 20
"""Bytes of maps that are kept."""


class NoOverlayError(UsageError):
    """A map that the method of the run does not have."""


def overlay_config(kind: OverlayKind, config: PickConfig) -> PickConfig:
    """Return what to compute a map with: the run's own method, and for contamination always a network.

    Parameters
    ----------
    kind : {'particle', 'contamination'}
        Of which map.
    config : PickConfig
        The configuration of the run.
    """
    if kind == "particle" or kind in config.method.description.maps:
        # A run that taught its own scores has the map of the template, which it was taught from as well.
        return config.changed(method=choose_method(config, by_networks=False))
    known = {"diameter": config.diameter, "contrast": config.contrast, "angpix": config.angpix}
    return PickConfig(method=NetworkConfig(), **known)


class Overlays:
    """Overlays of the micrographs of a run, by the method that the run was picked with."""

    def __init__(self) -> None:
        self._maps: Kept[dict[str, bytes]] = Kept(MAX_BYTES, lambda maps: sum(map(len, maps.values())))

    def get(self, file: MicrographFile, kind: OverlayKind, config: PickConfig) -> bytes:
        """Return a map as a grey PNG picture that covers the whole micrograph.

        Parameters
        ----------
        file : MicrographFile
            The micrograph.
        kind : {'particle', 'contamination'}
            The probability of a particle, or its likeness to one; the probability of contamination.
        config : PickConfig
            The configuration of the run.

        Raises
        ------
        MicrographError
            It cannot be read, or nothing in it stands out.
        NoOverlayError
            The method has no such map.
        WeightsError
            The weights are not there any more.
        """
        maps = self._maps.get((file, identify(file.path), config), lambda: self._make(file, config))
        if kind not in maps:
            raise NoOverlayError(f"the method {config.method.name!r} has no map of {kind}")
        return maps[kind]

    def _make(self, file: MicrographFile, config: PickConfig) -> dict[str, bytes]:
        picker, part = build_picker(config), sound_part(read_micrograph(file, pixel_size=config.angpix))
        size = size_alone(picker, part.micrograph, diameter=config.diameter, contrast=config.known_contrast)
        if size is None:
            raise MicrographError(file.path, "nothing in this micrograph stands out from its noise")
        stages = picker.stages(part.micrograph, size)
        return {
            kind: _encoded(part.padded(stages[name])) for kind, name in config.method.description.maps.items()
        }


def _encoded(values: FloatImage) -> bytes:
    grey = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return cv2.imencode(".png", grey)[1].tobytes()
